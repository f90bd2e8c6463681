export interface HeartbeatOptions {
  /** Milliseconds; 0 is never. */
  readonly outgoing: number;
  readonly incoming: number;
  /** Intervals without a byte until the peer counts as gone. */
  readonly grace: number;
  readonly send: () => void;
  readonly missed: () => void;
}

/** Timers are late rather than early: what is promised is kept by beating faster. */
const EARLY = 0.75;
const CHECKS_PER_INTERVAL = 2;

/** Heart-beats of one connection, both ways. */
export class Heartbeat {
  readonly outgoing: number;
  readonly incoming: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #quietChecks = 0;

  constructor(options: HeartbeatOptions) {
    this.outgoing = options.outgoing;
    this.incoming = options.incoming;
    if (options.outgoing > 0) this.#timers.push(setInterval(options.send, options.outgoing * EARLY));
    if (options.incoming === 0) return;
    // Checks are counted, not milliseconds: when this process stalls, what the peer sent meanwhile is only read after the timer.
    const check = (): void => {
      this.#quietChecks += 1;
      if (this.#quietChecks > options.grace * CHECKS_PER_INTERVAL) options.missed();
    };
    this.#timers.push(setInterval(check, options.incoming / CHECKS_PER_INTERVAL));
  }

  /** Something came from the peer, or its silence is not its fault. */
  received(): void {
    this.#quietChecks = 0;
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
