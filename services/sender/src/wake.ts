/** A bell: whoever waits is woken, and a ring while nobody waits is not lost. File events ring it a thousand times a second. */
export class Wake {
  #rings = 0;
  #wake: () => void = () => undefined;
  #later: NodeJS.Timeout | undefined;

  /** Rings so far: what wait() is to compare with. */
  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings += 1;
    this.#wake();
  }

  /** Rings in a while, counted from the last call. */
  ringIn(ms: number): void {
    if (this.#later === undefined) this.#later = setTimeout(() => this.ring(), ms);
    else this.#later.refresh();
  }

  close(): void {
    clearTimeout(this.#later);
  }

  /** Resolves at the first ring after `seen`, after `ms`, or when the signal aborts. One waits at a time. */
  async wait(seen: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== seen || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
    });
  }
}
