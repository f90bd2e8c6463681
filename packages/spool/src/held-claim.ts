/** What claims of both layouts have in common: one thing at a time, nothing after the end, errors with a code. */
import { SpoolError } from './errors.js';
import { fault } from './faults.js';
import type { Claim, QuarantineReason, ReadResult } from './spool.js';

export interface ClaimedFile {
  readonly name: string;
  readonly size: number;
  readonly modified: Date;
}

export abstract class HeldClaim implements Claim {
  readonly name: string;
  readonly size: number;
  readonly modified: Date;
  readonly #root: string;
  /** Settled with what was begun last; never rejects. */
  #last: Promise<void> | undefined;
  #over = false;

  constructor(root: string, file: ClaimedFile) {
    this.#root = root;
    this.name = file.name;
    this.size = file.size;
    this.modified = file.modified;
  }

  protected abstract readFile(limit: number): Promise<ReadResult>;
  protected abstract keep(): Promise<void>;
  protected abstract giveBack(): Promise<void>;
  protected abstract takeAway(): Promise<'removed' | 'replaced'>;
  protected abstract moveTo(reason: QuarantineReason): Promise<string>;

  read(limit: number): Promise<ReadResult> {
    return this.#next('read an element', () => this.readFile(limit));
  }

  touch(): Promise<void> {
    return this.#next('touch a claim', () => this.keep());
  }

  async release(): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.#over) await this.#run('release a claim', () => this.giveBack(), true);
    });
  }

  remove(): Promise<'removed' | 'replaced'> {
    return this.#next('remove an element', () => this.takeAway(), true);
  }

  quarantine(reason: QuarantineReason): Promise<string> {
    return this.#next('quarantine an element', () => this.moveTo(reason), true);
  }

  #next<T>(action: string, work: () => Promise<T>, ends = false): Promise<T> {
    return this.#inTurn(() => this.#run(action, work, ends));
  }

  /** `ends`: the claim. One whose end failed is still held, and the same may be tried again. */
  async #run<T>(action: string, work: () => Promise<T>, ends: boolean): Promise<T> {
    if (this.#over) throw new SpoolError('claim-lost', `cannot ${action}: ${this.name} is no longer claimed`, { path: this.#root });
    try {
      const result = await work();
      if (ends) this.#over = true;
      return result;
    } catch (error) {
      throw await fault(error, action, this.#root);
    }
  }

  /** A touch changes the time by which reading and removing notice a writer: never two at once. Mostly nothing is under way. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last === undefined ? work() : this.#last.then(work);
    const over = (): void => {
      if (this.#last === ended) this.#last = undefined;
    };
    const ended = run.then(over, over);
    this.#last = ended;
    return run;
  }
}
