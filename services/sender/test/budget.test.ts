import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ByteBudget } from '../src/budget.js';

const never = new AbortController().signal;

describe('ByteBudget', () => {
  it('admits what fits and lets the rest wait in order', async () => {
    const budget = new ByteBudget(100);
    const order: string[] = [];
    const leaveFirst = await budget.take(60, never);
    const second = budget.take(60, never).then((leave) => {
      order.push('60');
      return leave;
    });
    const third = budget.take(10, never).then((leave) => {
      order.push('10');
      return leave;
    });
    await turn();
    assert.deepEqual(order, [], 'a small one must not overtake for ever a large one that waits');
    leaveFirst();
    await Promise.all([second, third]);
    assert.deepEqual(order, ['60', '10']);
    assert.equal(budget.used, 70);
  });

  it('lets one that is larger than the whole budget have it alone', async () => {
    const budget = new ByteBudget(100);
    const leave = await budget.take(500, never);
    let entered = false;
    const next = budget.take(1, never).then((leaveNext) => {
      entered = true;
      return leaveNext;
    });
    await turn();
    assert.equal(entered, false);
    leave();
    (await next)();
    assert.equal(budget.used, 0);
  });

  it('gives room back once, however often it is told', async () => {
    const budget = new ByteBudget(100);
    const leave = await budget.take(50, never);
    await budget.take(20, never);
    leave();
    leave();
    assert.equal(budget.used, 20);
  });

  it('rejects who is told to stop, and lets the next one in', async () => {
    const budget = new ByteBudget(100);
    await budget.take(50, never);
    const stop = new AbortController();
    const waiting = budget.take(80, stop.signal);
    const small = budget.take(20, never);
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(waiting, reason);
    await small;
    assert.equal(budget.used, 70);
    await assert.rejects(budget.take(1, stop.signal), reason);
  });
});
