/** What goes on beside sending: file events, purges, counting, and the claims while brokers come and go. */
import type { Logger } from '@ssm/service-kit';
import type { SenderConfig } from './config.js';
import { watchVolume } from './hints.js';
import type { Parts } from './parts.js';
import { purgeVolume } from './purge.js';
import { Watchdog } from './watchdog.js';

const COUNT_LOOK_MS = 30_000;
/** A purge reads the whole volume: the first files of a long backlog go before it. */
const FIRST_PURGE_MS = 5000;
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
  const { inFlight, metrics, wake, queue, depth } = parts;
  const { path, layout, touchInterval, releaseAfter, purgeInterval, stability } = outgoing;
  const watchdog = new Watchdog({ inFlight, metrics, log, touchIntervalMs: touchInterval, releaseAfterMs: releaseAfter });
  const hints = watchVolume(path, layout, () => {
    wake.ring();
    // What was just written is taken when it has been left alone for long enough.
    if (layout === 'directory') wake.ringIn(stability + STABILITY_MARGIN_MS);
  });

  const tend = async (): Promise<void> => {
    await purgeVolume(queue, log, ending);
    await hints.renew();
  };
  void hints.renew();
  const first = setTimeout(() => void tend(), FIRST_PURGE_MS);
  const timers = [
    setInterval(() => void tend(), purgeInterval),
    // A pass over a long backlog takes a while; a failing scan shows in the passes.
    setInterval(() => void depth.refresh(ending).catch(() => false), COUNT_LOOK_MS),
  ];
  return {
    turned: (connected) => {
      watchdog.turned(connected);
      wake.ring();
    },
    close: () => {
      clearTimeout(first);
      for (const timer of timers) clearInterval(timer);
      wake.close();
      watchdog.close();
      hints.close();
    },
  };
}
