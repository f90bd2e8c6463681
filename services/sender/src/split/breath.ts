import { setImmediate as turn } from 'node:timers/promises';

/** After this time (ms) others get their turn. */
const WORK_MS = 5;

/** Steps between looks at the clock, which take their time too. */
const STEPS = 16;

/** Bytes that are gone through in one step at most. */
export const STRETCH = 65_536;

/** For long work: `if (breath.isDue) await breath.take()` after every step. */
export class Breath {
  readonly #now: () => number;
  #since: number;
  #steps = 0;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** Counts. */
  get isDue(): boolean {
    this.#steps = (this.#steps + 1) % STEPS;
    return this.#steps === 0 && this.#now() - this.#since >= WORK_MS;
  }

  async take(): Promise<void> {
    await turn();
    this.#since = this.#now();
  }
}
