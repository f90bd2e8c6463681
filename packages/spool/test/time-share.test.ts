import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TimeShare } from '../src/time-share.js';

function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Works in small steps, as long as it is told; resolves to the time that it took. */
async function paced(share: TimeShare, ms: number): Promise<number> {
  const start = performance.now();
  for (let step = 0; step < ms; step += 1) {
    work(1);
    await share.rest();
  }
  return performance.now() - start;
}

describe('work beside the main one', () => {
  it('takes its share of the time', async () => {
    assert.ok((await paced(new TimeShare(0.1), 40)) > 250);
  });

  it('never rests when all the time is its own', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await paced(new TimeShare(1), 40);
    clearInterval(timer);
    assert.equal(turns, 0);
  });

  it('rests no longer than until it is to end', async () => {
    const abort = new AbortController();
    const share = new TimeShare(0.0001, abort.signal);
    setTimeout(() => abort.abort(), 30);
    assert.ok((await paced(share, 20)) < 5000);
    assert.equal(share.aborted, true);
  });
});
