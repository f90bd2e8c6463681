/** What claims of both layouts have in common: one thing at a time, nothing after the end, errors with a code. */
import { SpoolError } from './errors.js';
import { guarded } from './faults.js';
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
  #last: Promise<unknown> = Promise.resolve();
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

  async read(limit: number): Promise<ReadResult> {
    return await this.#next('read an element', () => this.readFile(limit));
  }

  async touch(): Promise<void> {
    await this.#next('touch a claim', () => this.keep());
  }

  async release(): Promise<void> {
    await this.#turn(async () => {
      if (!this.#over) await guarded('release a claim', this.#root, () => this.#end(() => this.giveBack()));
    });
  }

  async remove(): Promise<'removed' | 'replaced'> {
    return await this.#next('remove an element', () => this.#end(() => this.takeAway()));
  }

  async quarantine(reason: QuarantineReason): Promise<string> {
    return await this.#next('quarantine an element', () => this.#end(() => this.moveTo(reason)));
  }

  /** A claim whose end failed is still held, and the same may be tried again. */
  async #end<T>(work: () => Promise<T>): Promise<T> {
    const result = await work();
    this.#over = true;
    return result;
  }

  async #next<T>(action: string, work: () => Promise<T>): Promise<T> {
    return await this.#turn(async () => {
      if (this.#over) throw new SpoolError('claim-lost', `cannot ${action}: ${this.name} is no longer claimed`, { path: this.#root });
      return await guarded(action, this.#root, work);
    });
  }

  /** A touch changes the time by which reading and removing notice a writer: never two at once. */
  async #turn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work);
    this.#last = run.catch(() => undefined);
    return await run;
  }
}
