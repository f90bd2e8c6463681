import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Breath } from '../../src/split/breath.js';

describe('a breath', () => {
  it('is due when work has taken some milliseconds, and others have their turn in it', async () => {
    let now = 0;
    const breath = new Breath(() => now);
    /** Within some steps. */
    const isDue = (): boolean => Array.from({ length: 16 }, () => breath.isDue).includes(true);
    now = 4;
    assert.equal(isDue(), false);
    now = 6;
    assert.equal(isDue(), true);
    let isTurn = false;
    setImmediate(() => {
      isTurn = true;
      now = 1000;
    });
    await breath.take();
    assert.equal(isTurn, true);
    assert.equal(isDue(), false, 'what others took does not count');
  });
});
