/** The elements that are on their way: their claims are kept young, and given back together when they must be. */
import type { Claim } from '@ssm/spool';
import { codeOf } from './verdict.js';

/** One element, from before its claim to the end of its send. */
export interface ElementInFlight {
  /** Aborted when it is to be given back unsent; the reason says why. */
  readonly signal: AbortSignal;
  claimed(claim: Claim): void;
  /** The broker has it: from here on only its removal is left, and it is given back for nothing but the end of the process. */
  confirmed(): void;
  /** The end, whatever it was. */
  drop(): void;
}

/** Controllers that are kept for the next elements: to make one, with its first listener, costs more than all that is done with it. */
const MAXIMUM_SPARE = 1000;

interface Entry {
  readonly abort: AbortController;
  claim: Claim | undefined;
  confirmed: boolean;
}

export class InFlight {
  readonly #entries = new Map<string, Entry>();
  /** Of elements that came to their end without being given back: nobody listens to them any more. */
  readonly #spare: AbortController[] = [];
  #emptied: (() => void)[] = [];
  #refusal: Error | undefined;

  get size(): number {
    return this.#entries.size;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Bytes of the claimed files. */
  get bytes(): number {
    return this.#claims().reduce((sum, { size }) => sum + size, 0);
  }

  get oldest(): Date | undefined {
    return this.#claims().reduce<Date | undefined>(
      (oldest, { modified }) => (oldest === undefined || modified < oldest ? modified : oldest),
      undefined,
    );
  }

  #claims(): Claim[] {
    return [...this.#entries.values()].flatMap(({ claim }) => claim ?? []);
  }

  /** A name is on its way once at a time: ask has() first. */
  enter(name: string): ElementInFlight {
    const entry: Entry = { abort: this.#spare.pop() ?? new AbortController(), claim: undefined, confirmed: false };
    this.#entries.set(name, entry);
    if (this.#refusal !== undefined) entry.abort.abort(this.#refusal);
    return {
      signal: entry.abort.signal,
      claimed: (claim) => {
        entry.claim = claim;
      },
      confirmed: () => {
        entry.confirmed = true;
      },
      drop: () => {
        if (this.#entries.get(name) !== entry) return;
        this.#entries.delete(name);
        if (!entry.abort.signal.aborted && this.#spare.length < MAXIMUM_SPARE) this.#spare.push(entry.abort);
        if (this.#entries.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
      },
    };
  }

  /** Gives back every element that no broker confirmed, and those that come, until allow(). */
  refuse(reason: Error): void {
    this.#refusal = reason;
    for (const { abort, confirmed } of this.#entries.values()) if (!confirmed) abort.abort(reason);
  }

  allow(): void {
    this.#refusal = undefined;
  }

  /** Gives back everything: the process ends. */
  close(reason: Error): void {
    this.refuse(reason);
    for (const { abort } of this.#entries.values()) abort.abort(reason);
  }

  /** Resolves when nothing is on its way, or when the signal aborts. */
  async empty(signal: AbortSignal): Promise<void> {
    if (this.#entries.size === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#emptied = this.#emptied.filter((one) => one !== done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#emptied.push(done);
    });
  }

  /** Touches every claim, one after another; one that is lost is given up, since somebody else may send it now. */
  async touch(failed: (claim: Claim, error: unknown) => void): Promise<void> {
    for (const [name, entry] of Array.from(this.#entries)) {
      if (entry.claim === undefined || this.#entries.get(name) !== entry) continue;
      try {
        await entry.claim.touch();
      } catch (error) {
        if (this.#entries.get(name) !== entry) continue;
        failed(entry.claim, error);
        if (codeOf(error) === 'claim-lost') entry.abort.abort(error);
      }
    }
  }
}
