import { setTimeout as sleep } from 'node:timers/promises';

/** A bell: whoever waits is woken, and a ring while nobody waits is not lost. */
export class Wake {
  #rings = 0;
  #woken = new AbortController();
  #later: NodeJS.Timeout | undefined;

  /** Rings so far: what wait() is to compare with. */
  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings += 1;
    this.#woken.abort();
    this.#woken = new AbortController();
  }

  /** Rings in a while, counted from the last call. */
  ringIn(ms: number): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.ring(), ms + 50);
  }

  close(): void {
    clearTimeout(this.#later);
  }

  /** Resolves at the first ring after `seen`, after `ms`, or when the signal aborts. */
  async wait(seen: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== seen || signal.aborted) return;
    const woken = this.#woken;
    const stop = (): void => woken.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await sleep(ms, undefined, { signal: woken.signal });
    } catch {
      // Woken before the time.
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
