import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@ssm/service-kit';
import { VOLUME_LEASE_MS } from '@ssm/spool';
import type { ReceiverConfig } from './config.js';
import type { Local } from './local.js';
import { finishRecorded, type Recovery, tidy } from './recovery.js';
import { type LocalTrouble, locally } from './trouble.js';

const MINUTE = 60_000;
const TIDY_INTERVAL = 60 * MINUTE;
const MEASURE_INTERVAL = 10 * MINUTE;
const ALIVE_INTERVAL = VOLUME_LEASE_MS / 8;
/** Counting gives up after so long; what it shows is then a lower bound. */
const DEPTH_LIMIT_MS = 1000;

export interface Depth {
  readonly elements: number;
  readonly oldest: Date | undefined;
}

export interface MaintenanceOptions {
  readonly config: Pick<ReceiverConfig, 'deduplication' | 'incoming'>;
  readonly local: Local;
  readonly log: Logger;
  readonly now: () => Date;
  /** Elements of incoming were counted. */
  readonly onDepth: (depth: Depth) => void;
  /** While something here is wrong the disk is left alone. */
  readonly isTroubled: () => boolean;
  /** The server of the shared record does not answer. */
  readonly onTrouble: (trouble: LocalTrouble) => void;
  readonly onRecovery: (recovery: readonly Recovery[]) => void;
  readonly signal: AbortSignal;
}

/**
 * What is done from time to time beside the messages; a failure is logged, and it is tried again the next time. Begin it when what a
 * crash left has been finished: only then may records expire. Resolves after the signal aborted.
 */
export async function runMaintenance(options: MaintenanceOptions): Promise<void> {
  const { config, local, onDepth, signal } = options;
  const repeat = repeater(options);
  await Promise.all([
    repeat('counting incoming', config.incoming.depthInterval, async () => onDepth(await local.incoming.queue.depth(DEPTH_LIMIT_MS))),
    repeat('measuring the reject queue', MEASURE_INTERVAL, () => local.rejects.measure(signal)),
    repeat('tidying', TIDY_INTERVAL, () => tidyAll(options)),
    keepAlive(options),
  ]);
}

type Repeat = (task: string, interval: number, work: () => Promise<void>) => Promise<void>;

function repeater({ isTroubled, log, signal }: MaintenanceOptions): Repeat {
  return async (task, interval, work) => {
    if (interval === 0) return;
    while (!signal.aborted) {
      try {
        if (!isTroubled()) await work();
      } catch (error) {
        if (!signal.aborted) log.warn('maintenance failed', { task, error });
      }
      await pause(interval, signal);
    }
  };
}

/** Other volumes hear of us also while nothing is taken: an operator must not take us for lost. */
async function keepAlive({ local, onTrouble, signal }: MaintenanceOptions): Promise<void> {
  const { sharing } = local.incoming.record;
  if (sharing === undefined) return;
  while (!signal.aborted) {
    await locally('delivery-record', () => sharing.alive()).catch(onTrouble);
    await pause(ALIVE_INTERVAL, signal);
  }
}

async function pause(interval: number, signal: AbortSignal): Promise<void> {
  await sleep(interval, undefined, { signal, ref: false }).catch(() => undefined);
}

async function tidyAll({ config, local, log, now, onRecovery, signal }: MaintenanceOptions): Promise<void> {
  for (const shelf of [local.incoming, local.reject]) {
    // Only what has been finished may be forgotten, and what has become of it elsewhere must be known.
    onRecovery([await finishRecorded(shelf, signal)]);
    const { expired, removed } = await tidy(shelf, config.deduplication.window, now(), signal);
    log.debug('tidied', { queue: shelf.component, expired, removed });
  }
}
