import type { StagingQueue } from '@ssm/spool';
import { ReceiverError } from './errors.js';

/** Milliseconds for which an answer of the file system is good. */
const FRESH = 1000;

/** Keeps some space of a file system free, so that work stops before it fails. */
export class SpaceReserve {
  readonly #queue: Pick<StagingQueue, 'freeBytes'>;
  readonly #reserve: number;
  #free = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(queue: Pick<StagingQueue, 'freeBytes'>, reserve: number) {
    this.#queue = queue;
    this.#reserve = reserve;
  }

  /** Counts on so many bytes. Throws ReceiverError space-low when they would touch the reserve. */
  async take(bytes: number): Promise<void> {
    if (performance.now() - this.#readAt > FRESH || this.#free - bytes < this.#reserve) await this.#read();
    this.#require(bytes, this.#reserve);
    this.#free -= bytes;
  }

  /** To begin again after trouble there must be more space than what stops the work, lest it stops again at the next message. */
  async recovered(bytes: number): Promise<void> {
    await this.#read();
    this.#require(bytes, 1.5 * this.#reserve);
  }

  async #read(): Promise<void> {
    this.#free = await this.#queue.freeBytes();
    this.#readAt = performance.now();
  }

  #require(bytes: number, reserve: number): void {
    if (this.#free - bytes >= reserve) return;
    throw new ReceiverError('space-low', `${this.#free} bytes are free, ${reserve} are needed in reserve beside ${bytes}`);
  }
}
