import { setTimeout as sleep } from 'node:timers/promises';
import { type LocalComponent, LocalTrouble } from './trouble.js';

const FIRST_PAUSE = 1000;
/** Longest pause between two probes: they cost nothing but a small file. */
const LONGEST_PROBE_PAUSE = 30_000;
/** Longest pause before the first probe after trouble that keeps coming back: each time costs every waiting message a delivery. */
const LONGEST_RELAPSE_PAUSE = 10 * 60_000;
/** After so long without trouble the next one is a new one. */
const WELL_AFTER = 10 * 60_000;

/** What must work again: the components that failed, and bytes that could not be stored. */
export interface Need {
  readonly components: ReadonlySet<LocalComponent>;
  readonly bytes: number;
}

/** Nothing has failed. */
export const NO_NEED: Need = { components: new Set(), bytes: 0 };

export interface GuardOptions {
  /** Everything that must be right before messages are taken. Rejects with LocalTrouble. */
  readonly prepare: (need: Need) => Promise<void>;
  /** Nothing more is taken from the broker. */
  readonly onTrouble: (trouble: LocalTrouble) => void;
  readonly onRecovered: () => void;
  readonly signal: AbortSignal;
  readonly random: () => number;
  /** Length of the first pause, milliseconds; for tests. */
  readonly firstPauseMs?: number;
}

/** Keeps messages at the broker while something here is wrong, and finds out by itself, never with a message, when it is over. */
export class Guard {
  readonly #options: GuardOptions;
  #recovering: Promise<void> | undefined;
  readonly #components = new Set<LocalComponent>();
  #bytes = 0;
  #relapses = 0;
  #wellSince = Number.NEGATIVE_INFINITY;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  get troubled(): boolean {
    return this.#recovering !== undefined;
  }

  /** At the start: resolves when all is well, or when the signal aborts. */
  async begin(): Promise<void> {
    if (await this.#isWell()) this.#recovered();
    else await this.#track(this.#recover(0));
  }

  report(trouble: LocalTrouble): void {
    this.#note(trouble);
    this.#options.onTrouble(trouble);
    if (this.#recovering !== undefined) return;
    this.#relapses = performance.now() - this.#wellSince < WELL_AFTER ? this.#relapses + 1 : 0;
    void this.#track(this.#recover(this.#relapses));
  }

  #track(recovery: Promise<void>): Promise<void> {
    this.#recovering = recovery.finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  async #recover(relapses: number): Promise<void> {
    const { signal } = this.#options;
    let pause = this.#pause(relapses, LONGEST_RELAPSE_PAUSE);
    for (let attempt = 1; await passed(pause, signal); attempt++) {
      if (await this.#isWell()) return this.#recovered();
      pause = this.#pause(attempt, LONGEST_PROBE_PAUSE);
    }
  }

  #note({ bytes, component }: LocalTrouble): void {
    this.#components.add(component);
    this.#bytes = Math.max(this.#bytes, bytes);
  }

  #recovered(): void {
    this.#components.clear();
    this.#bytes = 0;
    this.#wellSince = performance.now();
    this.#options.onRecovered();
  }

  async #isWell(): Promise<boolean> {
    try {
      await this.#options.prepare({ components: this.#components, bytes: this.#bytes });
      return true;
    } catch (error) {
      if (!this.#options.signal.aborted)
        this.#options.onTrouble(error instanceof LocalTrouble ? error : new LocalTrouble('incoming', error));
      return false;
    }
  }

  #pause(doublings: number, longest: number): number {
    const { firstPauseMs = FIRST_PAUSE, random } = this.#options;
    return Math.min(firstPauseMs * 2 ** doublings, longest) * (0.5 + random() / 2);
  }
}

/** false: aborted. */
async function passed(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(milliseconds, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
