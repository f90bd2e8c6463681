import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordClaim, Sharing } from '@ssm/spool';
import { locally } from './trouble.js';

/** Between two looks, milliseconds: at first a message that another volume is just storing, then one whose receiver must come back. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

/** What became of an id that was held. */
export type Decided = Exclude<RecordClaim, { outcome: 'held' }>;

export interface HoldingOptions {
  readonly sharing: Pick<Sharing, 'requireFree'>;
  /** Milliseconds that a message waits for another volume. */
  readonly limit: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** How to wait between two looks; default: by the clock. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Messages that another volume has half-way wait here: neither stored nor acknowledged. */
export class Holding {
  readonly #options: HoldingOptions;
  /** That of the options, for as many as may wait: of a shared signal Node.js takes more than ten listeners for a leak. */
  readonly #ending: AbortSignal;
  #waiting = 0;
  /** Ids of those that waited for too long, and went back to the broker. */
  readonly #overdue = new Set<string>();

  constructor(options: HoldingOptions) {
    this.#options = options;
    this.#ending = AbortSignal.any([options.signal]);
    setMaxListeners(0, this.#ending);
  }

  /** Those that wait here, and those that waited for too long, until they come again or requireFree() finds them free. */
  get messages(): number {
    return this.#waiting + this.#overdue.size;
  }

  /** Claims again until it is decided. Rejects with LocalTrouble: SpoolError held-elsewhere after the limit, or what a claim met. */
  async until(id: string, claim: () => Promise<RecordClaim>): Promise<Decided> {
    this.#waiting += 1;
    try {
      return await locally('delivery-record', () => this.#wait(id, claim));
    } catch (error) {
      if (!this.#options.signal.aborted) this.#overdue.add(id);
      throw error;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** It came again, and was decided. */
  decided(id: string): void {
    this.#overdue.delete(id);
  }

  /** Rejects with SpoolError held-elsewhere while another volume still has one that waited for too long. */
  async requireFree(): Promise<void> {
    // Meanwhile another one may have waited for too long.
    do {
      const ids = [...this.#overdue];
      await this.#options.sharing.requireFree(ids);
      for (const id of ids) this.#overdue.delete(id);
    } while (this.#overdue.size > 0);
  }

  async #wait(id: string, claim: () => Promise<RecordClaim>): Promise<Decided> {
    const { limit, pause = byClock, sharing } = this.#options;
    const until = performance.now() + limit;
    for (let length = FIRST_PAUSE; ; length = Math.min(2 * length, LONGEST_PAUSE)) {
      await pause(Math.min(length, Math.max(1, until - performance.now())), this.#ending);
      const claimed = await claim();
      if (claimed.outcome !== 'held') return claimed;
      if (performance.now() >= until) await sharing.requireFree([id]);
    }
  }
}

async function byClock(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal });
}
