/** Looks after held claims while brokers come and go, and while time passes. */
import type { Logger } from '@ssm/service-kit';
import { SenderError } from './errors.js';
import type { InFlight } from './in-flight.js';
import type { SenderMetrics } from './metrics.js';
import { codeOf } from './verdict.js';

export interface WatchdogOptions {
  readonly inFlight: InFlight;
  readonly log: Logger;
  readonly metrics: SenderMetrics;
  readonly touchIntervalMs: number;
  /** Claims are given back when no broker has been connected for this time. */
  readonly releaseAfterMs: number;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #touching: NodeJS.Timeout;
  #away: NodeJS.Timeout | undefined;
  #busy = false;
  #closed = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#touching = setInterval(() => void this.#touch(), options.touchIntervalMs);
    this.turned(false);
  }

  /** A broker is connected now, or none is. */
  turned(connected: boolean): void {
    if (connected) {
      clearTimeout(this.#away);
      this.#away = undefined;
      this.#options.inFlight.allow();
    } else if (!this.#closed) {
      this.#away ??= setTimeout(() => this.#release(), this.#options.releaseAfterMs);
    }
  }

  #release(): void {
    const { inFlight, log, metrics } = this.#options;
    const { size } = inFlight;
    inFlight.refuse(new SenderError('broker-away', 'no broker has been connected for too long; the files are free for other senders'));
    if (size === 0) return;
    metrics.released.inc({ reason: 'broker-away' }, size);
    log.warn('files given back since no broker is connected', { count: size });
  }

  async #touch(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const { inFlight, log, metrics } = this.#options;
    let count = 0;
    let reason: unknown;
    await inFlight.touch(({ name }, error) => {
      const isLost = codeOf(error) === 'claim-lost';
      log[isLost ? 'warn' : 'debug']('a lock could not be kept young', { empaId: name, error });
      if (isLost) metrics.released.inc({ reason: 'claim-lost' });
      else [count, reason] = [count + 1, error];
    });
    this.#busy = false;
    // A fault of the volume is that of every lock.
    if (count > 0) log.warn('locks could not be kept young', { count, error: reason });
  }

  /** What comes after it changes nothing: the publisher disconnects later. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#touching);
    clearTimeout(this.#away);
  }
}
