import { setImmediate as turn } from 'node:timers/promises';

/** So many steps are made before others get their turn: a few milliseconds. */
const STEPS = 10_000;

/** For long work: `if (breath.isDue) await breath.take()` at every step. */
export class Breath {
  #steps = 0;

  /** Counts. */
  get isDue(): boolean {
    this.#steps += 1;
    return this.#steps >= STEPS;
  }

  async take(): Promise<void> {
    this.#steps = 0;
    await turn();
  }
}
