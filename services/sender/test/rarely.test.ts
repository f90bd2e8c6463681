import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { rarely } from '../src/rarely.js';

describe('rarely', () => {
  it('looks again only after a while, and keeps the last answer when a look fails', async () => {
    let looks = 0;
    const look = rarely(async () => {
      looks += 1;
      if (looks === 2) throw new Error('EIO');
      return looks;
    }, 50);
    assert.deepEqual([await look(), await look()], [1, 1]);
    await sleep(60);
    assert.equal(await look(), 1);
    assert.equal(looks, 2);
    await sleep(60);
    assert.equal(await look(), 3);
  });

  it('does not wait for a look that hangs, nor begin another beside it', async (t) => {
    const alive = setInterval(() => undefined, 1000);
    t.after(() => clearInterval(alive));
    let looks = 0;
    const answers: ((value: number) => void)[] = [];
    const hanging = new Promise<number>((resolve) => {
      answers.push(resolve);
    });
    const look = rarely(() => (++looks === 1 ? Promise.resolve(7) : hanging), 0, 30);
    assert.equal(await look(), 7);
    const start = performance.now();
    assert.deepEqual([await look(), await look(), await look()], [7, 7, 7]);
    assert.ok(performance.now() - start < 300);
    assert.equal(looks, 2);
    answers[0]?.(8);
    await eventually(async () => assert.equal(await look(), 8));
  });
});
