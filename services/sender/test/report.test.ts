import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHealth, createLogger, createMetrics } from '@ssm/service-kit';
import { SpoolError } from '@ssm/spool';
import { ElementBackoff } from '../src/backoff.js';
import { createSenderMetrics } from '../src/metrics.js';
import { Report } from '../src/report.js';
import { VolumeState } from '../src/volume.js';

describe('Report', () => {
  it('tells of a volume where nothing works, and not of each of its files, however many there are', () => {
    const lines: string[] = [];
    const output = { write: (line: string) => void lines.push(line), dropped: 0, flush: () => Promise.resolve() };
    const log = createLogger({ service: 'test', instance: 'test', level: 'info', format: 'json', output });
    const health = createHealth({ stuckAfterMs: 1000 });
    const metrics = createSenderMetrics(createMetrics({ service: 'test', version: '0' }), {
      now: () => new Date(),
      inFlight: () => ({ messages: 0, bytes: 0 }),
      outgoing: () => ({ depth: 0, locked: 0, oldest: undefined }),
      waiting: () => 0,
      quarantined: () => Promise.resolve(0),
    });
    const backoff = new ElementBackoff({
      initialMs: 1,
      maximumMs: 1,
      capacity: 10,
      now: () => 0,
      date: () => new Date(0),
      random: () => 1,
    });
    const volume = new VolumeState(health, log, { now: () => 0 });
    const report = new Report({ log, health, metrics, backoff, depth: { left: () => undefined }, volume, now: () => new Date() });
    const error = new SpoolError('read-only', 'it is read-only');
    for (let pass = 0; pass < 20; pass += 1)
      for (let file = 0; file < 100; file += 1) {
        const name = `file-${file}`;
        report.note({ outcome: 'retry', name, empaId: name, bytes: 1, code: error.code, error, later: true, modified: undefined }, 1);
      }
    const levels = lines.map((line) => String(JSON.parse(line).level));
    assert.deepEqual(levels, [...Array.from({ length: 19 }, () => 'warn'), 'error']);
  });
});
