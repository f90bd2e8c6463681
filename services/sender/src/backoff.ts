/** Elements that failed and may be tried again later: one bad element neither spins nor blocks the others. */

const GONE_MS = 10 * 60_000;

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maximumMs: number;
  /** Elements remembered; beyond it the one that has waited longest without a try is forgotten, which only means an early try. */
  readonly capacity: number;
  /** Monotonic milliseconds: a clock that was wrong and is set right must not make a file wait for the difference. */
  readonly now: () => number;
  /** The time of day. */
  readonly date: () => Date;
  /** 0 to 1. */
  readonly random: () => number;
}

interface Failure {
  readonly attempts: number;
  readonly notBefore: number;
  /** Time of the element, as far as it is known, else of its first failure. */
  readonly since: Date;
}

export class ElementBackoff {
  readonly #failures = new Map<string, Failure>();
  readonly #options: BackoffOptions;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#failures.size;
  }

  /** Time of the oldest element that failed. */
  get oldest(): Date | undefined {
    let oldest: Date | undefined;
    for (const { since } of this.#failures.values()) if (oldest === undefined || since < oldest) oldest = since;
    return oldest;
  }

  /** Milliseconds until the next element that must still wait may be tried again; infinite when none must. */
  get nextInMs(): number {
    const now = this.#options.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { notBefore } of this.#failures.values()) if (notBefore > now) next = Math.min(next, notBefore - now);
    return next;
  }

  waits(name: string): boolean {
    const failure = this.#failures.get(name);
    return failure !== undefined && this.#options.now() < failure.notBefore;
  }

  attempts(name: string): number {
    return this.#failures.get(name)?.attempts ?? 0;
  }

  /** One more failure; comes back with the number of them. Delays double, with full jitter. */
  failed(name: string, since?: Date): number {
    const { initialMs, maximumMs, capacity, now, date, random } = this.#options;
    const before = this.#failures.get(name);
    const attempts = (before?.attempts ?? 0) + 1;
    const delay = Math.min(maximumMs, initialMs * 2 ** (attempts - 1)) * random();
    this.#failures.delete(name);
    this.#failures.set(name, { attempts, notBefore: now() + delay, since: since ?? before?.since ?? date() });
    const [first] = this.#failures.keys();
    if (this.#failures.size > capacity && first !== undefined) this.#failures.delete(first);
    return attempts;
  }

  forget(name: string): void {
    this.#failures.delete(name);
  }

  /** Forgets elements that could long have been tried again and were not: they are gone. */
  prune(): void {
    const limit = this.#options.now() - GONE_MS;
    for (const [name, { notBefore }] of this.#failures) if (notBefore < limit) this.#failures.delete(name);
  }
}
