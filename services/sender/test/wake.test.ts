import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Wake } from '../src/wake.js';

const LONG_MS = 60_000;

describe('Wake', () => {
  it('wakes who waits', async () => {
    const wake = new Wake();
    const waiting = wake.wait(wake.rings, LONG_MS, new AbortController().signal);
    wake.ring();
    await waiting;
  });

  it('does not lose a ring while nobody waits', async () => {
    const wake = new Wake();
    const seen = wake.rings;
    wake.ring();
    await wake.wait(seen, LONG_MS, new AbortController().signal);
  });

  it('ends a wait when the service stops, and does not begin one after that', async () => {
    const wake = new Wake();
    const stop = new AbortController();
    const waiting = wake.wait(wake.rings, LONG_MS, stop.signal);
    stop.abort();
    await waiting;
    await wake.wait(wake.rings, LONG_MS, stop.signal);
  });

  it('ends a wait when the time is over', async () => {
    const wake = new Wake();
    await wake.wait(wake.rings, 1, new AbortController().signal);
    assert.equal(wake.rings, 0);
  });

  it('rings later, once, counted from the last call', async () => {
    const wake = new Wake();
    wake.ringIn(1);
    wake.ringIn(1);
    await wake.wait(0, LONG_MS, new AbortController().signal);
    assert.equal(wake.rings, 1);
    wake.ringIn(1);
    wake.close();
  });
});
