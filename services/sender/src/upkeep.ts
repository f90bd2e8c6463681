/** What goes on beside sending: file events, purges, counting, and the claims while brokers come and go. */
import type { Logger } from '@ssm/service-kit';
import type { SenderConfig } from './config.js';
import { watchVolume } from './hints.js';
import type { Parts } from './parts.js';
import { Watchdog } from './watchdog.js';

const COUNT_LOOK_MS = 30_000;
/** Clocks of file systems are coarse. */
const STABILITY_MARGIN_MS = 50;

export interface Upkeep {
  /** A broker is connected now, or none is. */
  turned(connected: boolean): void;
  close(): void;
}

export interface UpkeepOptions {
  readonly outgoing: SenderConfig['outgoing'];
  readonly log: Logger;
  readonly parts: Parts;
  readonly ending: AbortSignal;
}

export function startUpkeep({ outgoing, log, parts, ending }: UpkeepOptions): Upkeep {
  const { held, metrics, wake, queue, depth } = parts;
  const { path, layout, touchInterval, releaseAfter, purgeInterval, stability } = outgoing;
  const watchdog = new Watchdog({ held, metrics, log, touchIntervalMs: touchInterval, releaseAfterMs: releaseAfter });
  const hints = watchVolume(path, layout, () => {
    wake.ring();
    // What was just written is taken when it has been left alone for long enough.
    if (layout === 'directory') wake.ringIn(stability + STABILITY_MARGIN_MS);
  });

  const purge = async (): Promise<void> => {
    try {
      const purged = await queue.purge();
      if (purged.locks > 0) log.warn('locks of dead senders freed', { count: purged.locks });
      log.debug('outgoing volume purged', { ...purged });
    } catch (error) {
      // At the end the queue is closed under a purge that is not waited for.
      if (!ending.aborted) log.warn('the outgoing volume could not be purged', { error });
    }
    await hints.renew();
  };
  void purge();
  const timers = [
    setInterval(() => void purge(), purgeInterval),
    // A pass over a long backlog takes a while; a failing scan shows in the passes.
    setInterval(() => void depth.refresh(ending).catch(() => false), COUNT_LOOK_MS),
  ];
  return {
    turned: (connected) => {
      watchdog.turned(connected);
      wake.ring();
    },
    close: () => {
      for (const timer of timers) clearInterval(timer);
      wake.close();
      watchdog.close();
      hints.close();
    },
  };
}
