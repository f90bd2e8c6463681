import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Holding } from '../src/holding.js';

const { signal } = new AbortController();
const held = { outcome: 'held', volume: 'other', recordedAt: new Date(0) } as const;

/** Messages that have waited for too long, and what the server says when it is asked whether they are free. */
async function overdue(ids: readonly string[], isFree: (asked: readonly string[], holding: Holding) => Promise<void>): Promise<Holding> {
  let isOver = false;
  const requireFree = async (asked: readonly string[]): Promise<void> => {
    if (!isOver) throw new Error('half-way on another volume');
    await isFree(asked, holding);
  };
  const holding = new Holding({ sharing: { requireFree }, limit: 0, signal, pause: () => Promise.resolve() });
  for (const id of ids) await assert.rejects(holding.until(id, () => Promise.resolve(held)));
  isOver = true;
  return holding;
}

describe('Holding', () => {
  it('counts what waited for too long until it is found free', async () => {
    const asked: (readonly string[])[] = [];
    const holding = await overdue(['a', 'b'], (ids) => Promise.resolve(void asked.push(ids)));
    assert.equal(holding.messages, 2);
    await holding.requireFree();
    assert.equal(holding.messages, 0);
    assert.deepEqual(asked, [['a', 'b']]);
  });

  it('asks again for what waited for too long while it asked', async () => {
    const asked: (readonly string[])[] = [];
    const holding = await overdue(['a'], async (ids, self) => {
      if (asked.push(ids) === 1) await assert.rejects(self.until('b', () => Promise.reject(new Error('away'))));
    });
    await holding.requireFree();
    assert.equal(holding.messages, 0);
    assert.deepEqual(asked, [['a'], ['b']]);
  });

  it('does not count what came again and was decided', async () => {
    const holding = await overdue(['a'], () => Promise.resolve());
    holding.decided('a');
    assert.equal(holding.messages, 0);
  });

  it('lets as many wait as come, without a warning, until the service stops', async (t) => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    t.after(() => process.off('warning', note));
    const stopping = new AbortController();
    const holding = new Holding({ sharing: { requireFree: () => Promise.resolve() }, limit: 60_000, signal: stopping.signal });
    const waiting = Array.from({ length: 100 }, (_, index) => holding.until(`m${index}`, () => Promise.resolve(held)));
    await turn();
    assert.equal(holding.messages, waiting.length);
    stopping.abort();
    for (const each of waiting) await assert.rejects(each);
    await turn();
    assert.deepEqual(warnings, []);
    assert.equal(holding.messages, 0);
  });
});
