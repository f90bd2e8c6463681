import process from 'node:process';
import type { Times } from './plan.js';

/** The only line of output of a barest program, as JSON; null when there were too few files or messages. */
export interface BarestResult {
  /** Messages a second in the window. */
  readonly rate: number;
  /** User and system seconds of its process for one message. */
  readonly cpuSeconds: number;
  /** Messages done, from the beginning. */
  readonly messages: number;
}

interface Mark {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly done: number;
}

/** Counts messages from `warmMs` after it was made on, for `windowMs`. */
export class Meter {
  readonly #times: Times;
  readonly #now: () => number;
  readonly #began: number;
  #done = 0;
  #from: Mark | undefined;
  #to: Mark | undefined;

  /** `now`: ms of a steady clock. */
  constructor(times: Times, now: () => number = () => performance.now()) {
    this.#times = times;
    this.#now = now;
    this.#began = now();
  }

  count(): void {
    this.#done += 1;
  }

  /** Looks at the clock. */
  isOver(): boolean {
    const { warmMs, windowMs } = this.#times;
    const passed = this.#now() - this.#began;
    if (passed >= warmMs) this.#from ??= this.#mark();
    if (passed >= warmMs + windowMs) this.end();
    return this.#to !== undefined;
  }

  /** There is no more. */
  end(): void {
    this.#to ??= this.#mark();
  }

  result(): BarestResult | null {
    const [from, to] = [this.#from, this.#to];
    if (from === undefined || to === undefined || to.done === from.done) return null;
    const messages = to.done - from.done;
    const cpuMicroseconds = to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system;
    return { rate: (messages * 1000) / (to.at - from.at), cpuSeconds: cpuMicroseconds / 1e6 / messages, messages: this.#done };
  }

  #mark(): Mark {
    return { at: this.#now(), cpu: process.cpuUsage(), done: this.#done };
  }
}
