import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget } from '../src/budget.js';
import { isPending } from './helpers.js';

const never = new AbortController().signal;

describe('Budget', () => {
  it('grants at once while there is room', () => {
    const budget = new Budget(10);
    assert.equal(budget.take(4, never), true);
    assert.equal(budget.take(6, never), true);
    assert.equal(budget.used, 10);
  });

  it('lets wait what does not fit, first come first served', async () => {
    const budget = new Budget(10);
    assert.equal(budget.take(8, never), true);
    const large = Promise.resolve(budget.take(5, never));
    // It would fit, but not before the one that came first.
    const small = Promise.resolve(budget.take(1, never));
    assert.ok(await isPending(small));
    budget.give(8);
    assert.deepEqual(await Promise.all([large, small]), [true, true]);
    assert.equal(budget.used, 6);
  });

  it('lets through what is larger than all of it, alone', async () => {
    const budget = new Budget(10);
    assert.equal(budget.take(1, never), true);
    const huge = Promise.resolve(budget.take(100, never));
    assert.ok(await isPending(huge));
    budget.give(1);
    assert.equal(await huge, true);
    const next = Promise.resolve(budget.take(1, never));
    assert.ok(await isPending(next));
    budget.give(100);
    assert.equal(await next, true);
  });

  it('forgets who gave up, and serves the one behind', async () => {
    const budget = new Budget(10);
    assert.equal(budget.take(8, never), true);
    const controller = new AbortController();
    const large = budget.take(5, controller.signal);
    const small = budget.take(2, never);
    controller.abort();
    assert.equal(await large, false);
    assert.equal(await small, true);
    assert.equal(await budget.take(5, AbortSignal.abort()), false);
    assert.equal(budget.used, 10);
  });
});
