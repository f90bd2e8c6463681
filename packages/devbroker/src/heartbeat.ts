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

/** Heart-beats of one connection, both ways. */
export class Heartbeat {
  readonly outgoing: number;
  readonly incoming: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #last = performance.now();

  constructor(options: HeartbeatOptions) {
    this.outgoing = options.outgoing;
    this.incoming = options.incoming;
    if (options.outgoing > 0) this.#timers.push(setInterval(options.send, options.outgoing * EARLY));
    if (options.incoming === 0) return;
    const limit = options.incoming * options.grace;
    const check = (): void => {
      if (performance.now() - this.#last > limit) options.missed();
    };
    this.#timers.push(setInterval(check, options.incoming / 2));
  }

  /** Something came from the peer, or its silence is not its fault. */
  received(): void {
    this.#last = performance.now();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
