import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TimeSlice } from '../src/opening/time-slice.js';

/** Runs pieces of work, each of that many milliseconds, all given at once; returns how many of them came in each turn of the event loop. */
async function turnsOf(t: TestContext, milliseconds: readonly number[]): Promise<number[]> {
  let time = 1000;
  const counts = [0];
  let ticking = setImmediate(function tick() {
    if (counts.at(-1) !== 0) counts.push(0);
    ticking = setImmediate(tick);
  });
  t.after(() => clearImmediate(ticking));
  const slice = new TimeSlice(() => time);
  const work = milliseconds.map((one, index) => () => {
    time += one;
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
    return index;
  });
  const done = await Promise.all(work.map((one) => slice.run(one)));
  assert.deepEqual(done, [...milliseconds.keys()]);
  return counts.filter((count) => count > 0);
}

describe('TimeSlice', () => {
  it('does all in one turn that is soon done', async (t) => {
    assert.deepEqual(
      await turnsOf(
        t,
        Array.from({ length: 100 }, () => 0.1),
      ),
      [100],
    );
  });

  it('lets the event loop turn after what took long, whatever waits', async (t) => {
    assert.deepEqual(await turnsOf(t, [300, 300, 300, 1, 300]), [1, 1, 1, 2]);
    assert.deepEqual(
      await turnsOf(
        t,
        Array.from({ length: 12 }, () => 6),
      ),
      [4, 4, 4],
    );
  });

  it('begins anew in each turn, and in the order in which the work came', async () => {
    let time = 0;
    const order: number[] = [];
    const slice = new TimeSlice(() => time);
    const work = (index: number) => () => {
      time += 15;
      order.push(index);
    };
    const first = [1, 2, 3, 4, 5].map((index) => slice.run(work(index)));
    await first[0];
    await Promise.all([...first, slice.run(work(6)), slice.run(work(7))]);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6, 7]);
  });

  it('goes on after work that failed', async () => {
    let time = 0;
    const slice = new TimeSlice(() => time);
    const results = await Promise.allSettled(
      [1, 2, 3].map((index) =>
        slice.run(() => {
          time += 100;
          if (index < 3) throw new Error(`${index}`);
          return index;
        }),
      ),
    );
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    );
  });
});
