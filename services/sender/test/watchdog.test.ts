import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, createMetrics } from '@ssm/service-kit';
import { type Claim, SpoolError } from '@ssm/spool';
import { eventually, type Scope } from '@ssm/test-support';
import { InFlight } from '../src/in-flight.js';
import { createSenderMetrics } from '../src/metrics.js';
import { Watchdog } from '../src/watchdog.js';

const unused = (): never => assert.fail('not asked for');

interface Bench {
  readonly inFlight: InFlight;
  readonly watchdog: Watchdog;
  readonly lines: string[];
}

function createBench(scope: Scope, times: { readonly touchIntervalMs?: number; readonly releaseAfterMs?: number }): Bench {
  const inFlight = new InFlight();
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line), dropped: 0, flush: () => Promise.resolve() };
  const log = createLogger({ service: 'test', instance: 'test', level: 'info', format: 'json', output });
  const metrics = createSenderMetrics(createMetrics({ service: 'test', version: '0' }), {
    now: () => new Date(),
    inFlight: () => ({ messages: 0, bytes: 0 }),
    outgoing: () => ({ depth: 0, locked: 0, oldest: undefined }),
    waiting: () => 0,
    quarantined: () => Promise.resolve(0),
  });
  const watchdog = new Watchdog({ inFlight, log, metrics, touchIntervalMs: 60_000, releaseAfterMs: 60_000, ...times });
  scope.after(() => watchdog.close());
  return { inFlight, watchdog, lines };
}

function enter(inFlight: InFlight, name: string, touch: () => Promise<void>): AbortSignal {
  const element = inFlight.enter(name);
  const claim: Claim = { name, size: 1, modified: new Date(0), touch, read: unused, release: unused, remove: unused, quarantine: unused };
  element.claimed(claim);
  return element.signal;
}

describe('Watchdog', () => {
  it('gives everything back when no broker was there for long, and takes again when one is', async (t) => {
    const { inFlight, watchdog, lines } = createBench(t, { releaseAfterMs: 30 });
    const signal = enter(inFlight, 'one', unused);
    await eventually(() => assert.equal(signal.aborted, true));
    assert.equal(lines.length, 1);
    assert.equal(enter(inFlight, 'two', unused).aborted, true);
    watchdog.turned(true);
    assert.equal(enter(inFlight, 'three', unused).aborted, false);
  });

  it('gives nothing back when a broker came in time, however often it went', async (t) => {
    const { inFlight, watchdog } = createBench(t, { releaseAfterMs: 100 });
    const signal = enter(inFlight, 'one', unused);
    for (let count = 0; count < 6; count += 1) {
      watchdog.turned(false);
      watchdog.turned(true);
      await sleep(30);
    }
    assert.equal(signal.aborted, false);
  });

  it('counts from the first moment without a broker, not from the last failed attempt', async (t) => {
    const { inFlight, watchdog } = createBench(t, { releaseAfterMs: 100 });
    const signal = enter(inFlight, 'one', unused);
    const failing = setInterval(() => watchdog.turned(false), 5);
    t.after(() => clearInterval(failing));
    await eventually(() => assert.equal(signal.aborted, true));
  });

  it('touches what is claimed, and gives up what is lost', async (t) => {
    const { inFlight, watchdog } = createBench(t, { touchIntervalMs: 10 });
    watchdog.turned(true);
    let touched = 0;
    const good = enter(inFlight, 'good', async () => {
      touched += 1;
    });
    const lost = enter(inFlight, 'lost', () => Promise.reject(new SpoolError('claim-lost', '')));
    await eventually(() => assert.ok(touched >= 3));
    assert.deepEqual([good.aborted, lost.aborted], [false, true]);
  });

  it('says once a round that locks cannot be kept young', async (t) => {
    const { inFlight, watchdog, lines } = createBench(t, { touchIntervalMs: 200 });
    watchdog.turned(true);
    const failing = Array.from({ length: 50 }, (_, index) =>
      enter(inFlight, `file-${index}`, () => Promise.reject(new SpoolError('read-only', 'it is read-only'))),
    );
    await eventually(() => assert.equal(lines.length, 1));
    const { msg, count, error } = JSON.parse(lines[0]!);
    assert.deepEqual([msg, count, error.code], ['locks could not be kept young', 50, 'read-only']);
    assert.ok(failing.every(({ aborted }) => !aborted));
  });

  it('does nothing more when it is closed', async (t) => {
    const { inFlight, watchdog } = createBench(t, { releaseAfterMs: 10, touchIntervalMs: 10 });
    watchdog.close();
    watchdog.turned(false);
    const signal = enter(inFlight, 'one', unused);
    await sleep(60);
    assert.equal(signal.aborted, false);
  });
});
