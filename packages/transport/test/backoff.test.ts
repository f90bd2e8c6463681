import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { delay } from '../src/backoff.js';

const limits = { initialMs: 500, maximumMs: 30_000 };

it('doubles up to the maximum', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 6, 7, 5000].map((attempt) => delay(attempt, () => 1 - Number.EPSILON, limits)),
    [499, 999, 1999, 15_999, 29_999, 29_999, 29_999],
  );
});

it('uses the whole range, and never leaves it', () => {
  assert.equal(
    delay(3, () => 0, limits),
    0,
  );
  fc.assert(
    fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const ms = delay(attempt, () => random, limits);
      assert.ok(Number.isInteger(ms) && ms >= 0 && ms < limits.maximumMs);
    }),
  );
});
