import type { QueueRecord, Usage } from '@ssm/spool';
import { sha256 } from './delivery-key.js';
import { ReceiverError } from './errors.js';
import { ReducedLog } from './reduced-log.js';
import type { Refusal } from './refusal.js';
import { QueueUsage } from './reject-usage.js';
import { type Shelf, type Shelved, shelve, sizeOf } from './shelf.js';
import { freeRoom, requireRoom, reserveOf } from './space.js';
import type { Step } from './steps.js';
import { empaIdText, signerText } from './text.js';
import { LocalTrouble, locally } from './trouble.js';

/** What is stored as the signer where the signature could not be read. */
const NO_SIGNER = 'Not available.';
/** Share of the limits that anything may fill. The rest is for messages worth waiting for: one copy of each. */
export const SHARE_OF_ANYBODY = 0.75;
/** Between two measurements of a queue that seems full; somebody may have emptied it. */
const MEASURE_FULL_AGAIN_MS = 60_000;

export interface RejectOptions {
  readonly shelf: Shelf;
  readonly maximumBytes: number;
  readonly maximumCount: number;
  /** Bytes of free space that refused messages leave alone. */
  readonly reserve: number;
  /** The queue is being measured, for which a message waits. */
  readonly moved: () => void;
  /** Ends a measurement, and with it the wait of messages for it: they stay at the broker. */
  readonly stopping: AbortSignal;
  readonly now: () => Date;
}

/**
 * reduced: only reason and SHA-256 were kept, because there is no room. known: this very message was kept before, or a copy of it for which
 * there was hardly room. untouched: it came from the reject queue, and is there still.
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
  /** Copies of one message, one after the other. */
  readonly #copies = new Map<string, Promise<unknown>>();
  #measuredAt = Number.NEGATIVE_INFINITY;
  /** Messages that wait for a measurement. */
  #waiting = 0;

  constructor(options: RejectOptions) {
    this.#options = options;
    this.#reduced = new ReducedLog(options.shelf.queue.path);
    this.#usage = new QueueUsage(options.shelf.queue);
  }

  /** As far as this process knows: measured from time to time, and added to in between. */
  get usage(): Usage {
    return this.#usage.now;
  }

  get measured(): boolean {
    return this.#measuredAt > Number.NEGATIVE_INFINITY;
  }

  /** Rejects with LocalTrouble. */
  async measure(): Promise<void> {
    const { moved, now, stopping } = this.#options;
    const begun = now().getTime();
    const looked = (): void => {
      if (this.#waiting > 0) moved();
    };
    await locally('reject', () => this.#usage.measure(stopping, looked));
    this.#measuredAt = begun;
  }

  /** Rejects with LocalTrouble; for want of space only where the message is worth waiting for. */
  async keep(raw: Uint8Array, empaId: string | undefined, refusal: Refusal, step: Step): Promise<Kept> {
    const element = elementOf(raw, empaId, refusal);
    const hash = sha256(raw);
    try {
      return await this.#shelve(hash, element, false, step);
    } catch (error) {
      if (!isWantOfSpace(error)) throw troubleOf(error, element);
      return refusal.waitsAs === undefined
        ? await this.#reduce(raw, empaId, refusal, hash)
        : await this.#shelveOne(refusal.waitsAs, element, step);
    }
  }

  /**
   * Of messages that may be copies of one another the first. While there is room for anybody's they are all kept, since nobody knows which
   * is the one that its signer sent; but whoever has one message can make any number of copies, and with them nobody is to be stopped.
   */
  async #shelveOne(id: string, element: QueueRecord, step: Step): Promise<Kept> {
    // Each would take room while it is not yet found to be known.
    const shelving = (this.#copies.get(id) ?? Promise.resolve()).then(() => this.#shelve(id, element, true, step));
    const settled = shelving.catch(() => undefined);
    this.#copies.set(id, settled);
    try {
      return await shelving;
    } catch (error) {
      throw troubleOf(error, element);
    } finally {
      if (this.#copies.get(id) === settled) this.#copies.delete(id);
    }
  }

  /** After trouble: would a message worth waiting for, of this many bytes, be kept now? Rejects with LocalTrouble. */
  async check(bytes: number): Promise<void> {
    await locally('reject', async () => {
      await this.#promise(bytes, true);
      this.#usage.settle(bytes, false);
      await this.#requireSpace(bytes, true);
    });
  }

  async #shelve(id: string, element: QueueRecord, waits: boolean, step: Step): Promise<Kept> {
    const { shelf } = this.#options;
    // It has its room already.
    if (await locally('reject', () => shelf.record.knows(id))) return keptAs(await shelve(shelf, id, element, step));
    const bytes = sizeOf(element);
    await this.#promise(bytes, waits);
    let shelved: Shelved | undefined;
    try {
      await this.#requireSpace(bytes, waits);
      shelved = await shelve(shelf, id, element, step);
      return keptAs(shelved);
    } finally {
      this.#usage.settle(bytes, shelved?.outcome === 'stored');
    }
  }

  async #reduce(raw: Uint8Array, empaId: string | undefined, refusal: Refusal, hash: string): Promise<Kept> {
    const { code } = refusal;
    const [signer, empaid] = [signerText(refusal.signer), empaIdText(empaId)];
    const entry = { at: this.#options.now(), code, sha256: hash, bytes: raw.length, signer, empaid };
    await locally('reject', () => this.#reduced.append(entry));
    return { outcome: 'reduced' };
  }

  /** Throws ReceiverError space-low when the queue is full. */
  async #promise(bytes: number, waits: boolean): Promise<void> {
    const share = waits ? 1 : SHARE_OF_ANYBODY;
    const limit = { elements: this.#options.maximumCount * share, bytes: this.#options.maximumBytes * share };
    // A large queue takes a while; what is accepted does not wait for it.
    if (!this.measured) await this.#awaitMeasure();
    if (this.#usage.promise(bytes, limit)) return;
    if (this.#options.now().getTime() - this.#measuredAt >= MEASURE_FULL_AGAIN_MS) {
      await this.#awaitMeasure();
      if (this.#usage.promise(bytes, limit)) return;
    }
    const { elements } = this.usage;
    throw new ReceiverError('space-low', `the reject queue holds ${elements} elements, and has no room for ${bytes} bytes more`);
  }

  async #awaitMeasure(): Promise<void> {
    this.#waiting += 1;
    try {
      await this.measure();
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Throws ReceiverError space-low when the disk is nearly full. */
  async #requireSpace(bytes: number, waits: boolean): Promise<void> {
    const { reserve, shelf } = this.#options;
    requireRoom(await freeRoom(shelf.queue), bytes, reserveOf(reserve, waits ? 1 : 2));
  }
}

function keptAs(shelved: Shelved): Kept {
  const { recordId } = shelved;
  if (shelved.outcome === 'duplicate') return { outcome: 'known', recordId, firstStored: shelved.firstStored };
  return { outcome: 'kept', recordId, element: shelved.element };
}

function troubleOf(error: unknown, element: QueueRecord): LocalTrouble {
  return error instanceof LocalTrouble ? error : new LocalTrouble('reject', error, sizeOf(element));
}

/** Of the queue's bounds or of the disk. */
function isWantOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'space-low' || error.code === 'disk-full');
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
