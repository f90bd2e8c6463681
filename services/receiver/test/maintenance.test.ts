import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@ssm/service-kit';
import { eventually, type Scope } from '@ssm/test-support';
import { type MaintenanceOptions, runMaintenance } from '../src/maintenance.js';
import { createShelf, startShelf } from './support/bench.js';

const silent = { write: () => undefined, dropped: 0, flush: () => Promise.resolve() };
const HOUR = 3_600_000;

interface Bench {
  readonly shares: (number | undefined)[];
  readonly depths: number[];
  readonly counted: () => number;
  readonly probed: readonly string[];
}

/** Runs until the end of the test; counting takes so long, and expiring until it is aborted. */
async function maintain(
  scope: Scope,
  depthInterval: number,
  countMs: number,
  more: Partial<MaintenanceOptions> & { readonly probe?: (component: string) => Promise<void> } = {},
): Promise<Bench> {
  const { probe, ...others } = more;
  const shares: (number | undefined)[] = [];
  const depths: number[] = [];
  const probed: string[] = [];
  let counted = 0;
  const abort = new AbortController();
  const shelf = async (component: 'incoming' | 'reject') => {
    const { queue, record } = await startShelf(createShelf(scope, component));
    queue.depth = async () => {
      counted += 1;
      await sleep(countMs);
      return { elements: 7, complete: true, oldest: undefined };
    };
    queue.probe = async () => {
      probed.push(component);
      await probe?.(component);
    };
    record.expire = async (_window, _now, signal, share) => {
      shares.push(share);
      await sleep(HOUR, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      return 0;
    };
    return { component, queue, record };
  };
  const options: MaintenanceOptions = {
    config: { deduplication: { window: HOUR }, incoming: { depthInterval } } as MaintenanceOptions['config'],
    local: {
      incoming: await shelf('incoming'),
      reject: await shelf('reject'),
      rejects: { measure: () => Promise.resolve() },
      space: { check: () => Promise.resolve() } as never,
    },
    storedAt: () => 0,
    probeIntervalMs: 20,
    log: createLogger({ service: 'test', instance: 'test', level: 'error', format: 'json', output: silent }),
    now: () => new Date(),
    onDepth: ({ elements }) => depths.push(elements),
    isTroubled: () => false,
    onTrouble: () => undefined,
    onSilence: () => undefined,
    onRecovery: () => undefined,
    signal: abort.signal,
    ...others,
  };
  const done = runMaintenance(options);
  scope.after(async () => {
    abort.abort();
    await done;
  });
  return { shares, depths, probed, counted: () => counted };
}

describe('maintenance', () => {
  it('counts incoming as often as it is told, and never when it is told so', async (t) => {
    const often = await maintain(t, 10, 0);
    const never = await maintain(t, 0, 0);
    await eventually(() => assert.ok(often.depths.length >= 3));
    assert.equal(often.depths[0], 7);
    assert.equal(never.counted(), 0);
  });

  it('counts for no more than a hundredth of the time', async (t) => {
    const { counted } = await maintain(t, 10, 30);
    await sleep(1000);
    assert.equal(counted(), 1);
  });

  it('forgets old ids for no more than a hundredth of the time, and does not wait for that with the rest', async (t) => {
    const { shares, depths } = await maintain(t, 10, 0);
    await eventually(() => assert.ok(depths.length >= 2));
    assert.deepEqual(shares, [0.01]);
  });

  it('probes incoming unless it just took a message, and the reject queue always', async (t) => {
    const idle = await maintain(t, 0, 0, { storedAt: () => Number.NEGATIVE_INFINITY });
    const busy = await maintain(t, 0, 0, { storedAt: () => Number.POSITIVE_INFINITY });
    await eventually(() => assert.ok(idle.probed.filter((one) => one === 'incoming').length >= 2));
    await eventually(() => assert.ok(busy.probed.length >= 2));
    assert.deepEqual(new Set(busy.probed), new Set(['reject']));
  });

  it('tells of a probe that gets no answer, and when it has one', async (t) => {
    const answers: (() => void)[] = [];
    const hanging = new Promise<void>((resolve) => {
      answers.push(resolve);
    });
    const told: [string, number | undefined][] = [];
    const { probed } = await maintain(t, 0, 0, {
      storedAt: () => Number.NEGATIVE_INFINITY,
      probe: (component) => (component === 'incoming' ? hanging : Promise.resolve()),
      silentMs: 60,
      onSilence: (component, silentMs) => told.push([component, silentMs]),
    });
    await eventually(() => assert.deepEqual(told, [['incoming', 60]]));
    const before = probed.length;
    await sleep(100);
    assert.equal(probed.length, before, 'it is not asked once more');
    answers[0]?.();
    await eventually(() => assert.deepEqual(told.at(-1), ['incoming', undefined]));
    await eventually(() => assert.ok(probed.length > before));
  });
});
