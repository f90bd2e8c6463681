import type { QueueRecord } from '@ssm/spool';
import { sha256 } from './delivery-key.js';
import { ReceiverError } from './errors.js';
import { ReducedLog } from './reduced-log.js';
import type { Refusal } from './refusal.js';
import { QueueUsage, type Usage } from './reject-usage.js';
import { type Shelf, type Shelved, shelve, sizeOf } from './shelf.js';
import type { Step } from './steps.js';
import { empaIdText } from './text.js';
import { LocalTrouble, locally } from './trouble.js';

/** What is stored as the signer where the signature could not be read. */
const NO_SIGNER = 'Not available.';
/** Share of the limits that messages may fill which anybody can make, so that they leave room for those of known signers. */
const SHARE_OF_ANYBODY = 0.75;
/** Milliseconds between two measurements of a queue that seems full; somebody may have emptied it. */
const MEASURE_FULL_AGAIN = 60_000;

export interface RejectOptions {
  readonly shelf: Shelf;
  readonly maximumBytes: number;
  readonly maximumCount: number;
  /** Bytes of free space that refused messages leave alone. */
  readonly reserve: number;
  readonly now: () => Date;
}

/**
 * reduced: only reason and SHA-256 were kept, because there is no room. known: this very message was kept before. untouched: it came from
 * the reject queue, and is there still.
 */
export type Kept =
  | { readonly outcome: 'kept'; readonly recordId: string; readonly element: string | undefined }
  | { readonly outcome: 'known'; readonly recordId: string; readonly firstStored: Date }
  | { readonly outcome: 'reduced' | 'untouched' };

/** Refused messages with their reasons: each once, durable, and bounded, so that nobody can fill the disk with them. */
export class RejectStore {
  readonly #options: RejectOptions;
  readonly #reduced: ReducedLog;
  readonly #usage: QueueUsage;
  #measuredAt = Number.NEGATIVE_INFINITY;

  constructor(options: RejectOptions) {
    this.#options = options;
    this.#reduced = new ReducedLog(options.shelf.queue.path);
    this.#usage = new QueueUsage(options.shelf.queue.path);
  }

  /** As far as this process knows: measured from time to time, and added to in between. */
  get usage(): Usage {
    return this.#usage.now;
  }

  get measured(): boolean {
    return this.#measuredAt > Number.NEGATIVE_INFINITY;
  }

  /** Rejects with LocalTrouble. */
  async measure(signal: AbortSignal): Promise<void> {
    const begun = this.#options.now().getTime();
    await locally('reject', () => this.#usage.measure(signal));
    this.#measuredAt = begun;
  }

  /** Rejects with LocalTrouble. */
  async keep(raw: Uint8Array, empaId: string | undefined, refusal: Refusal, step: Step): Promise<Kept> {
    const element = elementOf(raw, empaId, refusal);
    const bytes = sizeOf(element);
    const hash = sha256(raw);
    if (!(await this.#reserve(bytes, refusal.vouched))) return this.#reduce(raw, empaId, refusal, hash);
    let shelved: Shelved | undefined;
    try {
      shelved = (await this.#isSpace(bytes, refusal.vouched)) ? await shelve(this.#options.shelf, hash, element, step) : undefined;
    } finally {
      this.#usage.settle(bytes, shelved?.outcome === 'stored');
    }
    if (shelved === undefined) return this.#reduce(raw, empaId, refusal, hash);
    const { recordId } = shelved;
    if (shelved.outcome === 'duplicate') return { outcome: 'known', recordId, firstStored: shelved.firstStored };
    return { outcome: 'kept', recordId, element: shelved.element };
  }

  async #reduce(raw: Uint8Array, empaId: string | undefined, refusal: Refusal, hash: string): Promise<Kept> {
    const { code, signer } = refusal;
    const entry = { at: this.#options.now(), code, sha256: hash, bytes: raw.length, signer, empaid: empaIdText(empaId) };
    await locally('reject', () => this.#reduced.append(entry));
    return { outcome: 'reduced' };
  }

  async #reserve(bytes: number, vouched: boolean): Promise<boolean> {
    const share = vouched ? 1 : SHARE_OF_ANYBODY;
    const limit = { elements: this.#options.maximumCount * share, bytes: this.#options.maximumBytes * share };
    if (this.#usage.promise(bytes, limit)) return true;
    if (this.#options.now().getTime() - this.#measuredAt < MEASURE_FULL_AGAIN) return false;
    await this.measure(new AbortController().signal);
    return this.#usage.promise(bytes, limit);
  }

  async #isSpace(bytes: number, vouched: boolean): Promise<boolean> {
    const { reserve, shelf } = this.#options;
    const free = await locally('reject', () => shelf.queue.freeBytes());
    if (free - bytes >= (vouched ? reserve : 2 * reserve)) return true;
    if (!vouched) return false;
    // A message of a known signer is worth waiting for until there is space again.
    throw new LocalTrouble('reject', new ReceiverError('space-low', `${free} bytes are free, ${reserve} are kept in reserve`), bytes);
  }
}

function elementOf(raw: Uint8Array, empaId: string | undefined, refusal: Refusal): QueueRecord {
  const { body, code, message, replayable, signer } = refusal;
  return {
    body: body ?? raw,
    signer: signer ?? NO_SIGNER,
    empaid: empaIdText(empaId),
    error: `${code}: ${message}`,
    // As it came, for verifying it once more; where the body is the message itself it is there already.
    ...(replayable && body !== undefined ? { raw } : {}),
  };
}
