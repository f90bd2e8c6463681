import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Reading, windowOf } from './window.js';

/** Every 100 ms. */
const readings = (...counts: number[]): Reading[] => counts.map((count, index) => ({ at: index * 100, count, cpu: index }));
const counts = (...args: Parameters<typeof windowOf>): number[] | undefined => {
  const window = windowOf(...args);
  return window && [window.from.count, window.to.count];
};

describe('the window that counts', () => {
  it('is open while too little has passed', () => {
    assert.equal(windowOf(readings(0, 0), 100, 200), undefined);
    assert.equal(windowOf(readings(0, 10, 20), 100, 200), undefined);
  });

  it('leaves out the first tenth of the messages', () => {
    assert.deepEqual(counts(readings(0, 5, 10, 20, 30), 100, 200), [10, 30]);
  });

  it('leaves out the first fifth of its length when there are many messages', () => {
    assert.deepEqual(counts(readings(0, 5, 10, 20, 30, 40, 50, 60), 10_000, 500), [10, 60]);
  });

  it('ends before the step in which everything was done', () => {
    assert.deepEqual(counts(readings(0, 10, 50, 90, 100), 100, 10_000), [10, 90]);
  });

  it('is refused when there was nothing to count', () => {
    assert.throws(() => windowOf(readings(0, 100), 100, 200), /too few/);
    assert.throws(() => windowOf(readings(0, 50, 100), 100, 200), /too few/);
  });
});
