/** How much waits and since when: what the last look at the whole volume found, and what was done since. */
import type { OutgoingQueue, ScanStatistics } from '@ssm/spool';

/** The volume is counted apart from sending only when no pass has seen all of it for this time, and never for more than a hundredth of the time. */
const COUNT_EVERY_MS = 60_000;
const COUNT_SHARE = 100;

interface Look {
  readonly elements: number;
  readonly locked: number;
  readonly oldest: Date | undefined;
}

export class QueueDepth {
  readonly #queue: OutgoingQueue;
  readonly #now: () => number;
  #look: Look = { elements: 0, locked: 0, oldest: undefined };
  #gone = 0;
  #at = Number.NEGATIVE_INFINITY;
  #nextCount = Number.NEGATIVE_INFINITY;
  #counting = false;

  /** `now`: monotonic milliseconds. */
  constructor(queue: OutgoingQueue, now: () => number) {
    this.#queue = queue;
    this.#now = now;
  }

  /** The whole volume was seen. */
  get isKnown(): boolean {
    return this.#at > Number.NEGATIVE_INFINITY;
  }

  get depth(): number {
    return Math.max(0, this.#look.elements - this.#gone);
  }

  get locked(): number {
    return this.#look.locked;
  }

  get oldest(): Date | undefined {
    return this.#look.oldest;
  }

  /** An element left the queue: sent, or quarantined. */
  left(): void {
    this.#gone += 1;
  }

  /** A pass has seen the whole volume, and `gone` of its elements left meanwhile. Of what left the time is not known, so the oldest is only taken from a pass that moved nothing. */
  passed(statistics: ScanStatistics, gone: number): void {
    this.#set(statistics, gone === 0 ? statistics.oldest : undefined);
    this.#gone = gone;
  }

  /** Counts when the last look is old, without claiming anything, and while it is wanted; resolves to what it found, undefined when it did not. Errors are those of the scan. */
  async refresh(signal: AbortSignal, wanted: () => boolean = () => true): Promise<ScanStatistics | undefined> {
    const start = this.#now();
    if (this.#counting || start - this.#at < COUNT_EVERY_MS || start < this.#nextCount) return undefined;
    this.#counting = true;
    let whole = true;
    try {
      const before = { at: this.#at, gone: this.#gone };
      const counted = await count(this.#queue, signal, wanted);
      whole = counted !== undefined;
      if (counted === undefined || signal.aborted) return undefined;
      // A pass that saw everything meanwhile knows better.
      if (this.#at !== before.at) return counted;
      this.#gone -= before.gone;
      this.#set(counted, counted.oldest);
      return counted;
    } finally {
      this.#counting = false;
      const end = this.#now();
      // One that was given up has told nothing: another may begin at any time.
      if (whole) this.#nextCount = end + Math.max(COUNT_EVERY_MS, (end - start) * COUNT_SHARE);
    }
  }

  #set({ available, locked }: ScanStatistics, oldest: Date | undefined): void {
    this.#look = { elements: available + locked, locked, oldest };
    this.#at = this.#now();
  }
}

/** undefined: it came to no end because it was not wanted any more. */
async function count(queue: OutgoingQueue, signal: AbortSignal, wanted: () => boolean): Promise<ScanStatistics | undefined> {
  let all: ScanStatistics | undefined;
  const scan = queue.scan(signal, (read) => {
    all = read;
  });
  for await (const _ of scan.names) {
    if (all !== undefined) return all;
    if (!wanted()) return undefined;
  }
  return scan.statistics;
}
