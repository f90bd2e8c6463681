/** Long work beside the main one: a share of the time, in small pieces. */

/** Milliseconds of work between two rests. */
const PIECE_MS = 10;

export class TimeShare {
  readonly #share: number;
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  /** `share`: above 0; 1 never rests. */
  constructor(share: number, signal?: AbortSignal) {
    this.#share = share;
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** To be called often: rests when it is time to, until the signal aborts at the latest. */
  async rest(): Promise<void> {
    const worked = performance.now() - this.#since;
    if (worked < PIECE_MS) return;
    if (this.#share < 1 && !this.aborted) await pause(worked / this.#share - worked, this.#signal);
    this.#since = performance.now();
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
