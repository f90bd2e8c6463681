/** How busy an event loop has been lately. */
import type { EventLoopUtilization } from 'node:perf_hooks';

export class Load {
  readonly #utilization: () => EventLoopUtilization;
  #last: EventLoopUtilization;

  constructor(utilization: () => EventLoopUtilization) {
    this.#utilization = utilization;
    this.#last = utilization();
  }

  /** The share of the time since the last look, from 0 to 1; undefined when that was less than this many milliseconds ago. */
  over(milliseconds: number): number | undefined {
    const now = this.#utilization();
    const active = now.active - this.#last.active;
    const time = active + now.idle - this.#last.idle;
    if (time < milliseconds) return undefined;
    this.#last = now;
    return active / time;
  }
}
