import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whenStable } from '../src/when-stable.js';

const unstable = new Error('being changed');
const isUnstable = (error: unknown): boolean => error === unstable;

test('files that are being changed are waited for', async () => {
  const attempts: (Error | string)[] = [unstable, unstable, 'whole'];
  const load = async (): Promise<string> => {
    const next = attempts.shift();
    if (typeof next === 'string') return next;
    throw next ?? new Error('once too often');
  };
  assert.equal(await whenStable(load, isUnstable), 'whole');
});

test('any other fault is told at once', async () => {
  let calls = 0;
  const load = async (): Promise<never> => {
    calls += 1;
    throw new Error('not there');
  };
  await assert.rejects(whenStable(load, isUnstable), /not there/);
  assert.equal(calls, 1);
});

test('but not without end', async (t) => {
  let time = 0;
  t.mock.method(performance, 'now', () => time);
  const load = async (): Promise<never> => {
    time += 15_000;
    throw unstable;
  };
  await assert.rejects(whenStable(load, isUnstable), unstable);
});
