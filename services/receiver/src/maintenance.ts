import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerWatch, type Logger } from '@ssm/service-kit';
import { VOLUME_LEASE_MS } from '@ssm/spool';
import type { ReceiverConfig } from './config.js';
import { type Local, probeLocal } from './local.js';
import { cleanStaged, finishRecorded, type Recovery } from './recovery.js';
import { type LocalTrouble, locally, type VolumeComponent } from './trouble.js';

const MINUTE = 60_000;
const TIDY_INTERVAL_MS = 60 * MINUTE;
const MEASURE_INTERVAL_MS = 10 * MINUTE;
/** Nothing is in work for longer, unless it waits for another volume. */
const IN_WORK_MS = 60 * MINUTE;
const ALIVE_INTERVAL_MS = VOLUME_LEASE_MS / 8;
/** Of an idle receiver nobody would know that its volumes went away. */
const PROBE_INTERVAL_MS = MINUTE;
/** A probe takes some milliseconds. */
const SILENT_MS = MINUTE;
/** Counting gives up after this time; what it shows is then a lower bound. */
const DEPTH_LIMIT_MS = 1000;
/** Of the time, at most, for what grows with the queue and the record, however large they are. */
const SHARE = 0.01;

export interface Depth {
  readonly elements: number;
  readonly oldest: Date | undefined;
}

export interface MaintenanceOptions {
  readonly config: Pick<ReceiverConfig, 'deduplication' | 'incoming'>;
  readonly local: Pick<Local, 'incoming' | 'reject' | 'space'> & { readonly rejects: Pick<Local['rejects'], 'measure'> };
  readonly log: Logger;
  readonly now: () => Date;
  /** Elements of incoming were counted. */
  readonly onDepth: (depth: Depth) => void;
  /** While something here is wrong the disk is left alone. */
  readonly isTroubled: () => boolean;
  /** When incoming took a message last, as performance.now() counts. */
  readonly storedAt: () => number;
  /** A volume cannot be written, or the server of the shared record does not answer. */
  readonly onTrouble: (trouble: LocalTrouble) => void;
  /** A probe has had no answer for so long (milliseconds), and goes on waiting; undefined: it has one now. */
  readonly onSilence: (component: VolumeComponent, silentMs: number | undefined) => void;
  readonly onRecovery: (recovery: readonly Recovery[]) => void;
  readonly signal: AbortSignal;
  /** For tests. */
  readonly probeIntervalMs?: number | undefined;
  readonly silentMs?: number | undefined;
}

/**
 * What is done from time to time beside the messages; a failure is logged, and it is tried again the next time. Begin it when what a
 * crash left has been finished: only then may records expire. Resolves after the signal aborted.
 */
export async function runMaintenance(options: MaintenanceOptions): Promise<void> {
  const { config, local, onDepth } = options;
  const repeat = repeater(options);
  await Promise.all([
    repeat(
      'counting incoming',
      config.incoming.depthInterval,
      async () => onDepth(await local.incoming.queue.depth(DEPTH_LIMIT_MS)),
      SHARE,
    ),
    repeat('measuring the reject queue', MEASURE_INTERVAL_MS, () => local.rejects.measure()),
    repeat('tidying', TIDY_INTERVAL_MS, () => tidyAll(options)),
    repeat('forgetting', TIDY_INTERVAL_MS, () => forgetAll(options)),
    keepAlive(options),
    watchVolumes(options),
  ]);
}

/** `share`: the work takes no more of the time, whatever the interval. Default: as it comes. */
type Repeat = (task: string, interval: number, work: () => Promise<void>, share?: number) => Promise<void>;

function repeater({ isTroubled, log, signal }: MaintenanceOptions): Repeat {
  return async (task, interval, work, share = Number.POSITIVE_INFINITY) => {
    if (interval === 0) return;
    while (!signal.aborted) {
      const start = performance.now();
      try {
        if (!isTroubled()) await work();
      } catch (error) {
        if (!signal.aborted) log.warn('maintenance failed', { task, error });
      }
      await pause(Math.max(interval, (performance.now() - start) / share), signal);
    }
  };
}

/** Other volumes hear of us also while nothing is taken: an operator must not take us for lost. */
async function keepAlive({ local, onTrouble, signal }: MaintenanceOptions): Promise<void> {
  const { sharing } = local.incoming.record;
  if (sharing === undefined) return;
  while (!signal.aborted) {
    await locally('delivery-record', () => sharing.alive()).catch(onTrouble);
    await pause(ALIVE_INTERVAL_MS, signal);
  }
}

async function watchVolumes(options: MaintenanceOptions): Promise<void> {
  const { isTroubled, local, onTrouble, probeIntervalMs: interval = PROBE_INTERVAL_MS, signal, storedAt } = options;
  const probe = prober(options);
  while (!signal.aborted) {
    await pause(interval, signal);
    // After trouble there are other probes.
    if (signal.aborted || isTroubled()) continue;
    await probeLocal(local, performance.now() - storedAt() < interval, probe).catch(onTrouble);
  }
}

/** Each component is silent by itself: one after the other is asked. */
function prober({ onSilence, silentMs: limitMs = SILENT_MS }: MaintenanceOptions): Parameters<typeof probeLocal>[2] {
  return (component, work) => {
    const answers = new AnswerWatch({
      limitMs,
      onSilent: () => onSilence(component, limitMs),
      onAnswer: () => onSilence(component, undefined),
    });
    return locally(component, () => answers.of(work));
  };
}

async function pause(interval: number, signal: AbortSignal): Promise<void> {
  await sleep(interval, undefined, { signal, ref: false }).catch(() => undefined);
}

async function tidyAll({ local, log, now, onRecovery, signal }: MaintenanceOptions): Promise<void> {
  for (const shelf of [local.incoming, local.reject]) {
    // Other volumes are told again what is not confirmed, and what they have stored meanwhile is dropped here.
    if (shelf.record.sharing !== undefined) onRecovery([await finishRecorded(shelf, signal, new Date(now().getTime() - IN_WORK_MS))]);
    log.debug('tidied', { queue: shelf.component, removed: await cleanStaged(shelf, now(), signal) });
  }
}

/** Ids that were confirmed before the window. At this share of the time a look at a million takes seven minutes. */
async function forgetAll({ config, local, log, now, signal }: MaintenanceOptions): Promise<void> {
  for (const { component, record } of [local.incoming, local.reject]) {
    const expired = await record.expire(config.deduplication.window, now(), signal, SHARE);
    log.debug('forgotten', { queue: component, expired });
  }
}
