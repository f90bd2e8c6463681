/** For work that comes many pieces at a time and is done here: the event loop turns between them before they have held it up for long. */
import { performance } from 'node:perf_hooks';

/** Of work in one turn of the event loop. A hundred common messages take less; one that somebody made to be slow may take it all. */
const MAXIMUM_MS = 20;

export class TimeSlice {
  readonly #now: () => number;
  /** When the first work of this turn began. */
  #began: number | undefined;
  #next: Promise<void> = Promise.resolve();

  /** `now`: for tests. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Does the work in this turn, or in the first that has time for it. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    while (this.#isOver()) await this.#next;
    this.#begin();
    return await work();
  }

  #isOver(): boolean {
    return this.#began !== undefined && this.#now() - this.#began >= MAXIMUM_MS;
  }

  #begin(): void {
    if (this.#began !== undefined) return;
    this.#began = this.#now();
    this.#next = new Promise((resolve) => {
      setImmediate(() => {
        this.#began = undefined;
        resolve();
      });
    });
  }
}
