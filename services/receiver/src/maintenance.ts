import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@ssm/service-kit';
import type { ReceiverConfig } from './config.js';
import type { Local } from './local.js';
import { tidy } from './recovery.js';

const MINUTE = 60_000;
const TIDY_INTERVAL = 60 * MINUTE;
const MEASURE_INTERVAL = 10 * MINUTE;
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
      await sleep(interval, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
}

async function tidyAll({ config, local, log, now, signal }: MaintenanceOptions): Promise<void> {
  for (const shelf of [local.incoming, local.reject]) {
    const { expired, removed } = await tidy(shelf, config.deduplication.window, now(), signal);
    log.debug('tidied', { queue: shelf.component, expired, removed });
  }
}
