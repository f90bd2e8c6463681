import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Reading, windowOf } from './window.js';

/** Every 100 ms. */
const readings = (...counts: number[]): Reading[] => counts.map((count, index) => ({ at: index * 100, count, cpu: index }));
const counts = (all: readonly Reading[], total: number, warmMs: number, windowMs: number): number[] | undefined => {
  const window = windowOf(all, total, { warmMs, windowMs });
  return window && [window.from.count, window.to.count];
};

describe('the window that counts', () => {
  it('is open while too little has passed', () => {
    assert.equal(counts(readings(0, 0), 100, 100, 200), undefined);
    assert.equal(counts(readings(0, 10, 20), 100, 100, 200), undefined);
    assert.equal(counts(readings(0, 10, 20, 30), 100, 100, 200), undefined);
  });

  it('begins when the time to warm up has passed since the first message', () => {
    assert.deepEqual(counts(readings(0, 5, 10, 20, 30), 100, 100, 200), [10, 30]);
    assert.deepEqual(counts(readings(0, 0, 0, 5, 10, 20, 30, 40), 100, 200, 200), [20, 40]);
  });

  it('is open while nothing moves', () => {
    assert.equal(counts(readings(0, 5, 10, 10, 10), 100, 100, 200), undefined);
  });

  it('ends before the step in which everything was done', () => {
    assert.deepEqual(counts(readings(0, 10, 50, 90, 100), 100, 100, 10_000), [50, 90]);
  });

  it('begins half-way when everything was done before it was warm', () => {
    assert.deepEqual(counts(readings(0, 10, 40, 60, 90, 100), 100, 5000, 10_000), [40, 90]);
  });

  it('is refused when there was nothing to count', () => {
    assert.throws(() => counts(readings(0, 100), 100, 100, 200), /too few/);
    assert.throws(() => counts(readings(0, 50, 100), 100, 100, 200), /too few/);
  });
});
