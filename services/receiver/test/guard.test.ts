import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { Guard, type Need } from '../src/guard.js';
import { LocalTrouble } from '../src/trouble.js';

interface Story {
  readonly guard: Guard;
  readonly events: string[];
  readonly needs: Need[];
  readonly stop: AbortController;
}

/** A guard whose preparation fails so many times. */
function story(failures: number): Story {
  const events: string[] = [];
  const needs: Need[] = [];
  const stop = new AbortController();
  let left = failures;
  const guard = new Guard({
    prepare: async ({ bytes, components }) => {
      needs.push({ bytes, components: new Set(components) });
      if (left > 0) {
        left -= 1;
        throw new LocalTrouble('incoming', new Error('still full'));
      }
    },
    onTrouble: ({ component }) => events.push(`trouble ${component}`),
    onRecovered: () => events.push('recovered'),
    signal: stop.signal,
    random: () => 1,
    firstPauseMs: 1,
  });
  return { guard, events, needs, stop };
}

describe('Guard', () => {
  it('begins at once when all is well', async () => {
    const { guard, events } = story(0);
    await guard.begin();
    assert.deepEqual(events, ['recovered']);
    assert.equal(guard.troubled, false);
  });

  it('begins when it is over, however often it has to look', async () => {
    const { guard, events } = story(3);
    await guard.begin();
    assert.deepEqual(events, ['trouble incoming', 'trouble incoming', 'trouble incoming', 'recovered']);
  });

  it('looks again by itself after trouble, once for many reports', async () => {
    const { guard, events, needs } = story(1);
    guard.report(new LocalTrouble('reject', new Error('full'), 10));
    guard.report(new LocalTrouble('delivery-record', new Error('full'), 7));
    assert.equal(guard.troubled, true);
    await eventually(() => !guard.troubled);
    assert.equal(guard.troubled, false);
    await sleep(20);
    assert.deepEqual(events, ['trouble reject', 'trouble delivery-record', 'trouble incoming', 'recovered']);
    assert.deepEqual(needs.at(-1), { bytes: 10, components: new Set(['reject', 'delivery-record']) });
  });

  it('forgets what it needed when that is there', async () => {
    const { guard, needs } = story(0);
    guard.report(new LocalTrouble('incoming', new Error('full'), 10));
    await eventually(() => !guard.troubled);
    guard.report(new LocalTrouble('reject', new Error('full'), 1));
    await eventually(() => !guard.troubled);
    assert.deepEqual(needs.at(-1), { bytes: 1, components: new Set(['reject']) });
  });

  it('takes anything that preparation throws for trouble', async () => {
    const events: string[] = [];
    let calls = 0;
    const guard = new Guard({
      prepare: async () => {
        calls += 1;
        if (calls === 1) throw new TypeError('a fault of ours');
      },
      onTrouble: ({ component, code }) => events.push(`${component} ${code}`),
      onRecovered: () => events.push('recovered'),
      signal: new AbortController().signal,
      random: () => 0,
      firstPauseMs: 1,
    });
    await guard.begin();
    assert.deepEqual(events, ['incoming internal-error', 'recovered']);
  });

  it('ends its waiting at the stop', async () => {
    const { guard, events, stop } = story(Number.POSITIVE_INFINITY);
    const begun = guard.begin();
    stop.abort();
    await begun;
    assert.equal(events.includes('recovered'), false);
  });
});
