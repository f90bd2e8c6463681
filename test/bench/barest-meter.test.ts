import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Meter } from './barest-meter.js';

const TIMES = { warmMs: 1000, windowMs: 2000 };

function metered(): { meter: Meter; pass: (milliseconds: number, messages: number) => boolean } {
  let now = 5000;
  const meter = new Meter(TIMES, () => now);
  const pass = (milliseconds: number, messages: number): boolean => {
    now += milliseconds;
    for (let count = 0; count < messages; count += 1) meter.count();
    return meter.isOver();
  };
  return { meter, pass };
}

describe('what a barest program did', () => {
  it('is counted in the window alone', () => {
    const { meter, pass } = metered();
    assert.deepEqual([pass(1000, 7), pass(1999, 100), pass(501, 150), pass(100, 3)], [false, false, true, true]);
    const result = meter.result();
    assert.deepEqual([result?.rate, result?.messages], [100, 260]);
  });

  it('is counted until there was no more', () => {
    const { meter, pass } = metered();
    pass(1500, 7);
    pass(500, 100);
    meter.end();
    assert.equal(meter.result()?.rate, 200);
  });

  it('is nothing when there was no more before the window, or nothing in it', () => {
    const { meter, pass } = metered();
    pass(500, 7);
    meter.end();
    assert.equal(meter.result(), null);
    const other = metered();
    other.pass(1000, 7);
    other.pass(2000, 0);
    assert.equal(other.meter.result(), null);
  });

  it('costs processor time', () => {
    const { meter, pass } = metered();
    pass(1000, 0);
    const until = performance.now() + 50;
    while (performance.now() < until);
    pass(2000, 10);
    const cpuSeconds = meter.result()?.cpuSeconds ?? 0;
    assert.ok(cpuSeconds > 0.0005 && cpuSeconds < 1, String(cpuSeconds));
  });
});
