/** One limit of time after the other: a new one replaces the last. */
export class Timer {
  #running: NodeJS.Timeout | undefined;

  start(ms: number, ring: () => void): void {
    clearTimeout(this.#running);
    this.#running = setTimeout(ring, ms);
  }

  stop(): void {
    clearTimeout(this.#running);
    this.#running = undefined;
  }
}
