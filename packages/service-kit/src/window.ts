export interface WindowOptions {
  /** Items worked on at once, at least 1. */
  readonly limit: number;
  /** Once aborted nothing more is taken from the source; the workers that run are waited for. */
  readonly signal?: AbortSignal;
}

/**
 * Gives each item of the source to the worker, at most `limit` at once; takes the next only when there is room.
 * Resolves when the source ended (or the signal aborted) and every worker ended. The first error of a worker or
 * of the source stops the taking and is rethrown after the others ended. Rejects with a RangeError for a limit below 1.
 *
 * An item that was taken before the abort is still worked on. A take that is under way at the abort is given up: what
 * it yields later is dropped, so a source must not let go of an item merely because it was yielded.
 */
export async function runBounded<T>(
  source: AsyncIterable<T> | Iterable<T>,
  worker: (item: T) => Promise<void>,
  options: WindowOptions,
): Promise<void> {
  await new BoundedRun(source, worker, options).run();
}

type Taken<T> = { readonly item: T } | 'ended' | 'stopped';

class BoundedRun<T> {
  readonly #iterator: AsyncIterator<T> | Iterator<T>;
  readonly #worker: (item: T) => Promise<void>;
  readonly #options: WindowOptions;
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Called at every change. One slot and no Promise.race with a long-lived promise, which would gather a reaction an item. */
  #changed: () => void = () => undefined;

  constructor(source: AsyncIterable<T> | Iterable<T>, worker: (item: T) => Promise<void>, options: WindowOptions) {
    if (!(options.limit >= 1)) throw new RangeError('limit must be at least 1');
    this.#iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#worker = worker;
    this.#options = options;
  }

  async run(): Promise<void> {
    const wake = (): void => this.#changed();
    this.#options.signal?.addEventListener('abort', wake);
    try {
      await this.#takeAll();
      await this.#until(() => this.#running === 0);
    } finally {
      this.#options.signal?.removeEventListener('abort', wake);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  get #stopped(): boolean {
    return this.#failure !== undefined || this.#options.signal?.aborted === true;
  }

  get #mayTake(): boolean {
    return this.#stopped || this.#running < this.#options.limit;
  }

  async #takeAll(): Promise<void> {
    for (;;) {
      if (!this.#mayTake) await this.#until(() => this.#mayTake);
      if (this.#stopped) break;
      const taken = await this.#next();
      if (taken === 'ended') return;
      if (taken === 'stopped') break;
      if (this.#failure !== undefined) break;
      void this.#work(taken.item);
    }
    this.#letGoOfSource();
  }

  async #work(item: T): Promise<void> {
    this.#running += 1;
    try {
      await this.#worker(item);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#running -= 1;
    this.#changed();
  }

  #next(): Promise<Taken<T>> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (this.#stopped) resolve('stopped');
      };
      void this.#pull().then(resolve);
    });
  }

  async #pull(): Promise<Taken<T>> {
    try {
      const { done, value } = await this.#iterator.next();
      return done === true ? 'ended' : { item: value };
    } catch (error) {
      // A source that takes the same signal may reject at the abort: that is its way to end.
      if (!this.#stopped) this.#failure = { error };
      return 'ended';
    }
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (condition()) resolve();
      };
      this.#changed();
    });
  }

  /** Lets the source clean up; not awaited, because a generator that waits for an item answers only after it. */
  #letGoOfSource(): void {
    void (async () => {
      try {
        await this.#iterator.return?.();
      } catch {
        // The run has ended already; nobody waits for how the source ended.
      }
    })();
  }
}
