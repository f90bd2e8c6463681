/** The parts of a running sender that need no broker and no keys. */
import type { ServiceContext } from '@ssm/service-kit';
import { createOutgoingQueue, type OutgoingOptions, type OutgoingQueue, SpoolError, type SpoolErrorCode } from '@ssm/spool';
import { ElementBackoff } from './backoff.js';
import type { SenderConfig } from './config.js';
import { QueueDepth } from './depth.js';
import { InFlight } from './in-flight.js';
import { createSenderMetrics, type SenderMetrics } from './metrics.js';
import { purgeVolume } from './purge.js';
import { rarely } from './rarely.js';
import { Readiness } from './readiness.js';
import { Report } from './report.js';
import { VolumeState } from './volume.js';
import { Wake } from './wake.js';
import { watchedQueue } from './watched-queue.js';

/** Failing elements that are remembered, about 1 MiB. */
const BACKOFF_CAPACITY = 10_000;
const BACKOFF_MS = { initialMs: 500, maximumMs: 30_000 };
/** Shortest time between two counts of the quarantine queue. */
const QUARANTINE_COUNT_MS = 30_000;
/** Faults of a volume that may pass by themselves: the service starts, is not ready, and tries again. */
const PASSING: ReadonlySet<SpoolErrorCode> = new Set(['io-error', 'disk-full', 'read-only']);

export interface Parts {
  readonly now: () => Date;
  readonly queue: OutgoingQueue;
  readonly inFlight: InFlight;
  readonly backoff: ElementBackoff;
  readonly depth: QueueDepth;
  readonly wake: Wake;
  readonly metrics: SenderMetrics;
  readonly volume: VolumeState;
  readonly readiness: Readiness;
  readonly report: Report;
  /** Makes the queue ready, once. Rejects with SpoolError. */
  readonly begin: () => Promise<void>;
}

export interface PartsOptions {
  readonly now?: () => Date;
  readonly random?: () => number;
}

export function createParts(config: SenderConfig, { log, health, metrics: registry }: ServiceContext, options: PartsOptions): Parts {
  const { now = () => new Date(), random = Math.random } = options;
  const volume = new VolumeState(health, log);
  const queue = watchedQueue(createOutgoingQueue({ ...queueOptions(config), now, random }), volume.answers);
  const inFlight = new InFlight();
  const backoff = new ElementBackoff({ ...BACKOFF_MS, capacity: BACKOFF_CAPACITY, now: () => performance.now(), date: now, random });
  const depth = new QueueDepth(queue, () => performance.now());
  const metrics = createSenderMetrics(registry, {
    now,
    inFlight: () => ({ messages: inFlight.size, bytes: inFlight.bytes }),
    outgoing: () => ({ depth: depth.depth, locked: depth.locked, oldest: earliest(inFlight.oldest, backoff.oldest, depth.oldest) }),
    waiting: () => backoff.size,
    quarantined: rarely(() => queue.quarantineDepth(), QUARANTINE_COUNT_MS),
  });
  const sinks = { log, health, metrics };
  return {
    now,
    queue,
    inFlight,
    backoff,
    depth,
    volume,
    metrics,
    wake: new Wake(),
    readiness: new Readiness(sinks),
    report: new Report({ ...sinks, backoff, depth, volume, now }),
    begin: once(async () => {
      const { freed } = await queue.start();
      if (freed > 0) log.info('locks of an earlier start freed', { count: freed });
      // A run that ends has no later, and sends what a dead sender had locked.
      if (config.once) await purgeVolume(queue, log);
    }),
  };
}

/** A fault at start that the service waits out, in place of refusing to start. */
export function mayPass(error: unknown): boolean {
  return error instanceof SpoolError && PASSING.has(error.code);
}

/** The outgoing queue as the configuration describes it. */
export function queueOptions({ outgoing, instance }: Pick<SenderConfig, 'outgoing' | 'instance'>): OutgoingOptions {
  const { path, layout, quarantine, lockAge, stability, directoryMode, fileMode, gid } = outgoing;
  return {
    path,
    layout,
    instance,
    ...(quarantine === '' ? {} : { quarantinePath: quarantine }),
    lockAgeMs: lockAge,
    stabilityMs: stability,
    modes: { directoryMode, fileMode, gid },
  };
}

function earliest(...times: readonly (Date | undefined)[]): Date | undefined {
  return times.reduce((first, time) => (first === undefined || (time !== undefined && time < first) ? time : first), undefined);
}

/** Does it until it worked, and then never again. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done = false;
  return async () => {
    if (done) return;
    await work();
    done = true;
  };
}
