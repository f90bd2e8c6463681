import { fingerprint } from './fingerprint.js';
import { Turns } from './turns.js';

/** A value made from files, replaced as a whole when they change, the last good one kept. */
export interface Reloadable<T> {
  /** The newest good value. */
  readonly current: T;
  /** Why the newest attempt failed, while it does. */
  readonly failure: Error | undefined;
  /**
   * Looks now and loads if something changed, the last attempt failed or the value is too old; does not wait for
   * stability. Resolves when that is through, also when it failed.
   */
  check(): Promise<void>;
  /** Stops looking; a load under way is not taken over. */
  close(): void;
}

export interface ReloadOptions<T> {
  /** Files and directories whose change means: load again. Called before each look. Links are followed. */
  readonly watch: () => readonly string[];
  readonly load: () => Promise<T>;
  /** Milliseconds between looks at the stat fingerprint. Default 5 s. A failed load is tried again at each look. */
  readonly intervalMs?: number;
  /** Load again after this many milliseconds even if nothing changed. Default 60 s. */
  readonly maximumAgeMs?: number;
  /** A changed fingerprint must have been quiet for this many milliseconds before it is loaded. Default 0: at once. */
  readonly stabilityMs?: number;
  /** After every later load that succeeded, when `current` is the new value already. */
  readonly onChange?: (value: T) => void;
  /**
   * After a load that failed; when the next ones fail in the same words it is not called again. ServiceError `files-unanswered`: the look
   * takes longer than 30 s, or waits for another that does.
   */
  readonly onFailure?: (error: Error) => void;
  /** Milliseconds since the epoch; default: as at the start of the process, and from then on without the jumps of a clock that is set. */
  readonly now?: () => number;
  /** Default: one for the whole process. For tests. */
  readonly turns?: Turns;
}

/** All looks of this process: they share its threads. */
const TURNS = new Turns();

const DEFAULT_INTERVAL_MS = 5_000;
const DEFAULT_MAXIMUM_AGE_MS = 60_000;

/** Loads, and keeps looking. Rejects with the error of load() when the first load fails. */
export async function watchFiles<T>(options: ReloadOptions<T>): Promise<Reloadable<T>> {
  // Fingerprint before load: a change during the load shows as a difference at the next look.
  const seen = await fingerprint(options.watch());
  return new Watch(options, await options.load(), seen);
}

class Watch<T> implements Reloadable<T> {
  readonly #options: ReloadOptions<T>;
  readonly #now: () => number;
  #current: T;
  #failure: Error | undefined;
  #loadedAt: number;
  /** Fingerprint of what is loaded (or was tried), and a newer one that is not quiet yet. */
  #seen: string;
  #candidate: { readonly print: string; readonly since: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #closed = false;

  constructor(options: ReloadOptions<T>, value: T, seen: string) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.timeOrigin + performance.now());
    this.#current = value;
    this.#seen = seen;
    this.#loadedAt = this.#now();
    this.#schedule();
  }

  get current(): T {
    return this.#current;
  }
  get failure(): Error | undefined {
    return this.#failure;
  }

  check(): Promise<void> {
    // A look that is under way may have read the stats before the caller's change: one more after it, shared by all who ask meanwhile.
    this.#queued ??= (async () => {
      do await this.#running;
      while (this.#running !== undefined);
      this.#queued = undefined;
      await this.#once(0);
    })();
    return this.#queued;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#tick(), this.#options.intervalMs ?? DEFAULT_INTERVAL_MS).unref();
  }

  async #tick(): Promise<void> {
    await this.#once(this.#options.stabilityMs ?? 0);
    this.#schedule();
  }

  /** Single flight: never two looks at once. */
  #once(stabilityMs: number): Promise<void> {
    this.#running ??= (async () => {
      const { turns = TURNS } = this.#options;
      try {
        await turns.take({
          files: this.#files(),
          run: () => this.#look(stabilityMs),
          late: (error) => this.#failed(error),
        });
      } finally {
        this.#running = undefined;
      }
    })();
    return this.#running;
  }

  #files(): string {
    try {
      return this.#options.watch().join(', ');
    } catch {
      return 'the files';
    }
  }

  async #look(stabilityMs: number): Promise<void> {
    if (this.#closed) return;
    const now = this.#now();
    const print = await this.#print();
    if (print === undefined) return;
    if (print === this.#seen) this.#candidate = undefined;
    // A change may have come while it was looked at: it is as young as the end of this look, and seen again by the begin of another.
    else if (this.#candidate?.print !== print) this.#candidate = { print, since: this.#now() };
    const changed = this.#candidate !== undefined && (stabilityMs === 0 || now - this.#candidate.since >= stabilityMs);
    const aged = now - this.#loadedAt >= (this.#options.maximumAgeMs ?? DEFAULT_MAXIMUM_AGE_MS);
    if (changed || aged || this.#failure !== undefined) await this.#load(print);
  }

  /** Undefined when the list of files cannot be made; that is a failed attempt like any other. */
  async #print(): Promise<string | undefined> {
    try {
      return await fingerprint(this.#options.watch());
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  async #load(print: string): Promise<void> {
    this.#candidate = undefined;
    try {
      const value = await this.#options.load();
      if (this.#closed) return;
      this.#current = value;
      this.#failure = undefined;
      this.#loadedAt = this.#now();
    } catch (error) {
      this.#failed(error);
      return;
    } finally {
      this.#seen = print;
    }
    this.#options.onChange?.(this.#current);
  }

  #failed(reason: unknown): void {
    if (this.#closed) return;
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const repeated = this.#failure?.message === error.message;
    this.#failure = error;
    if (!repeated) this.#options.onFailure?.(error);
  }
}
