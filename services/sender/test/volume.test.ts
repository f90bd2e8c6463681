import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHealth, createLogger } from '@ssm/service-kit';
import { SpoolError } from '@ssm/spool';
import { failureLevel } from '../src/report.js';
import { VolumeState } from '../src/volume.js';

const away = new Error('it is read-only');

interface Bench {
  readonly volume: VolumeState;
  /** Level and time of each line. */
  readonly lines: string[];
  readonly isReady: () => boolean;
  time: number;
}

function createBench(): Bench {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(`${JSON.parse(line).level} ${bench.time / 1000}`);
  const output = { write, dropped: 0, flush: () => Promise.resolve() };
  const log = createLogger({ service: 'test', instance: 'test', level: 'info', format: 'json', output });
  const health = createHealth({ stuckAfterMs: 1000 });
  const volume = new VolumeState(health, log, { now: () => bench.time });
  const bench: Bench = { volume, lines, isReady: () => health.ready().components['outgoing']?.ready === true, time: 0 };
  return bench;
}

function fail({ volume }: Bench, times: number): void {
  for (let count = 0; count < times; count += 1) volume.elementFailed(away);
}

describe('VolumeState', () => {
  it('takes many failures in a row for a fault of the volume, and says so once', () => {
    const bench = createBench();
    fail(bench, 19);
    assert.equal(bench.volume.troubled, false);
    fail(bench, 1000);
    assert.deepEqual([bench.volume.troubled, bench.isReady()], [true, false]);
    bench.volume.scanFailed(away);
    bench.volume.elementWorked();
    bench.time = 5000;
    bench.volume.scanned();
    assert.deepEqual([bench.volume.troubled, bench.isReady()], [false, true]);
    assert.deepEqual(bench.lines, ['error 0', 'info 5']);
  });

  it('tells of trouble that comes and goes once a minute, and of that which stays', () => {
    const bench = createBench();
    for (; bench.time < 150_000; bench.time += 500) {
      fail(bench, 20);
      assert.deepEqual([bench.volume.troubled, bench.isReady()], [true, false]);
      bench.volume.elementWorked();
      assert.deepEqual([bench.volume.troubled, bench.isReady()], [false, true]);
    }
    assert.deepEqual(bench.lines, ['error 0', 'info 0', 'error 60', 'info 60', 'error 120', 'info 120']);
    for (; bench.time < 300_000; bench.time += 500) fail(bench, 20);
    bench.volume.elementWorked();
    assert.deepEqual(bench.lines.slice(6), ['error 180', 'info 300']);
  });

  it('tells of another reason, which its files do not', () => {
    const bench = createBench();
    fail(bench, 20);
    for (; bench.time < 200_000; bench.time += 500) bench.volume.elementFailed(new SpoolError('permission-denied', 'not ours'));
    assert.deepEqual(bench.lines, ['error 0', 'error 60']);
  });
});

describe('failureLevel', () => {
  it('is that of a warning at the 1st, 2nd, 4th, 8th failure of a file, and never while the volume is in trouble', () => {
    const attempts = Array.from({ length: 20 }, (_, index) => index + 1);
    const warned = (troubled: boolean): number[] => attempts.filter((each) => failureLevel(each, { troubled }) === 'warn');
    assert.deepEqual(warned(false), [1, 2, 4, 8, 16]);
    assert.deepEqual(warned(true), []);
  });
});
