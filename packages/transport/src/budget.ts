interface Waiter {
  readonly bytes: number;
  readonly answer: (granted: boolean) => void;
}

/**
 * Bytes that may be in memory at one time. First come, first served; what is larger than the whole budget passes when nothing else is there.
 */
export class Budget {
  readonly #limit: number;
  readonly #waiters = new Set<Waiter>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** True when granted at once; else a promise, which gives false when the signal aborts first. */
  take(bytes: number, signal: AbortSignal): true | Promise<boolean> {
    if (this.#waiters.size === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return true;
    }
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const refuse = (): void => {
        waiter.answer(false);
        // The one behind may be smaller.
        this.#serve();
      };
      const waiter: Waiter = {
        bytes,
        answer: (granted) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener('abort', refuse);
          resolve(granted);
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', refuse, { once: true });
    });
  }

  /** Counts what is there already. */
  charge(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
    this.#serve();
  }

  /** Everybody who waits now is answered no. */
  refuseWaiting(): void {
    for (const waiter of this.#waiters) waiter.answer(false);
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.bytes)) return;
      this.#used += waiter.bytes;
      waiter.answer(true);
    }
  }
}
