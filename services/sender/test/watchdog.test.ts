import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, createMetrics } from '@ssm/service-kit';
import { type Claim, SpoolError } from '@ssm/spool';
import { eventually, type Scope } from '@ssm/test-support';
import { Held } from '../src/held.js';
import { createSenderMetrics } from '../src/metrics.js';
import { Watchdog } from '../src/watchdog.js';

const unused = (): never => assert.fail('not asked for');

interface Bench {
  readonly held: Held;
  readonly watchdog: Watchdog;
  readonly lines: string[];
}

function createBench(scope: Scope, times: { readonly touchIntervalMs?: number; readonly releaseAfterMs?: number }): Bench {
  const held = new Held();
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
  const watchdog = new Watchdog({ held, log, metrics, touchIntervalMs: 60_000, releaseAfterMs: 60_000, ...times });
  scope.after(() => watchdog.close());
  return { held, watchdog, lines };
}

function enter(held: Held, name: string, touch: () => Promise<void>): AbortSignal {
  const element = held.enter(name);
  const claim: Claim = { name, size: 1, modified: new Date(0), touch, read: unused, release: unused, remove: unused, quarantine: unused };
  element.claimed(claim);
  return element.signal;
}

describe('Watchdog', () => {
  it('gives everything back when no broker was there for long, and takes again when one is', async (t) => {
    const { held, watchdog, lines } = createBench(t, { releaseAfterMs: 30 });
    const signal = enter(held, 'one', unused);
    await eventually(() => assert.equal(signal.aborted, true));
    assert.equal(lines.length, 1);
    assert.equal(enter(held, 'two', unused).aborted, true);
    watchdog.turned(true);
    assert.equal(enter(held, 'three', unused).aborted, false);
  });

  it('gives nothing back when a broker came in time, however often it went', async (t) => {
    const { held, watchdog } = createBench(t, { releaseAfterMs: 100 });
    const signal = enter(held, 'one', unused);
    for (let count = 0; count < 6; count += 1) {
      watchdog.turned(false);
      watchdog.turned(true);
      await sleep(30);
    }
    assert.equal(signal.aborted, false);
  });

  it('counts from the first moment without a broker, not from the last failed attempt', async (t) => {
    const { held, watchdog } = createBench(t, { releaseAfterMs: 100 });
    const signal = enter(held, 'one', unused);
    const failing = setInterval(() => watchdog.turned(false), 5);
    t.after(() => clearInterval(failing));
    await eventually(() => assert.equal(signal.aborted, true));
  });

  it('touches what is claimed, and gives up what is lost', async (t) => {
    const { held, watchdog } = createBench(t, { touchIntervalMs: 10 });
    watchdog.turned(true);
    let touched = 0;
    const good = enter(held, 'good', async () => {
      touched += 1;
    });
    const lost = enter(held, 'lost', () => Promise.reject(new SpoolError('claim-lost', '')));
    await eventually(() => assert.ok(touched >= 3));
    assert.deepEqual([good.aborted, lost.aborted], [false, true]);
  });

  it('does nothing more when it is closed', async (t) => {
    const { held, watchdog } = createBench(t, { releaseAfterMs: 10, touchIntervalMs: 10 });
    watchdog.close();
    watchdog.turned(false);
    const signal = enter(held, 'one', unused);
    await sleep(60);
    assert.equal(signal.aborted, false);
  });
});
