import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordClaim, Sharing } from '@ssm/spool';
import { LocalTrouble } from './trouble.js';

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
  #messages = 0;

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  get messages(): number {
    return this.#messages;
  }

  /** Claims again until it is decided. Rejects with LocalTrouble of this id: SpoolError held-elsewhere after the limit, or what a claim met. */
  async until(id: string, claim: () => Promise<RecordClaim>): Promise<Decided> {
    this.#messages += 1;
    try {
      return await this.#wait(id, claim);
    } catch (error) {
      const cause = error instanceof LocalTrouble ? error.cause : error;
      throw new LocalTrouble('delivery-record', cause, 0, id);
    } finally {
      this.#messages -= 1;
    }
  }

  async #wait(id: string, claim: () => Promise<RecordClaim>): Promise<Decided> {
    const { limit, pause = byClock, sharing, signal } = this.#options;
    const until = performance.now() + limit;
    for (let length = FIRST_PAUSE; ; length = Math.min(2 * length, LONGEST_PAUSE)) {
      await pause(Math.min(length, Math.max(1, until - performance.now())), signal);
      const claimed = await claim();
      if (claimed.outcome !== 'held') return claimed;
      if (performance.now() >= until) await sharing.requireFree([id]);
    }
  }
}

async function byClock(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal });
}
