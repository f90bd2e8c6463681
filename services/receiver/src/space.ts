import type { StagingQueue } from '@ssm/spool';
import { ReceiverError } from './errors.js';

/** Milliseconds for which an answer of the file system is good. */
const FRESH_MS = 1000;
/** Inodes that are kept free beside the reserve of bytes. */
const RESERVED_FILES = 1000;
/** Inodes of an element with its files, its record, and a directory for it, rounded up. */
const FILES_OF_ELEMENT = 10;
/** To begin again after trouble there must be more space than what stops the work, lest it stops again at the next message. */
const AFTER_TROUBLE = 1.5;

type Volume = Pick<StagingQueue, 'freeBytes' | 'freeFiles'>;

export interface Room {
  readonly bytes: number;
  readonly files: number;
}

export async function freeRoom(volume: Volume): Promise<Room> {
  const [bytes, files] = await Promise.all([volume.freeBytes(), volume.freeFiles()]);
  return { bytes, files };
}

/** What stays free: `reserve` bytes, and inodes with them; none of either when that is 0. */
export function reserveOf(reserve: number, factor = 1): Room {
  return { bytes: factor * reserve, files: reserve === 0 ? 0 : factor * RESERVED_FILES };
}

/** Throws ReceiverError space-low when an element of this many bytes would touch the reserve. */
export function requireRoom(free: Room, bytes: number, reserve: Room): void {
  if (free.bytes - bytes < reserve.bytes)
    throw new ReceiverError('space-low', `${free.bytes} bytes are free, ${reserve.bytes} are needed in reserve beside ${bytes}`);
  if (reserve.files > 0 && free.files - FILES_OF_ELEMENT < reserve.files)
    throw new ReceiverError('space-low', `${free.files} inodes are free, ${reserve.files} are needed in reserve`);
}

/** Keeps some space of a file system free, so that work stops before it fails. */
export class SpaceReserve {
  readonly #volume: Volume;
  readonly #reserve: number;
  #free: Room = { bytes: 0, files: 0 };
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(volume: Volume, reserve: number) {
    this.#volume = volume;
    this.#reserve = reserve;
  }

  /** Counts on this many bytes. Throws ReceiverError space-low when they would touch the reserve. */
  async take(bytes: number): Promise<void> {
    if (performance.now() - this.#readAt > FRESH_MS || !this.#fits(bytes)) await this.#read();
    requireRoom(this.#free, bytes, reserveOf(this.#reserve));
    this.#free = { bytes: this.#free.bytes - bytes, files: this.#free.files - FILES_OF_ELEMENT };
  }

  /** Throws ReceiverError space-low. */
  async check(bytes: number, isAfterTrouble: boolean): Promise<void> {
    await this.#read();
    requireRoom(this.#free, bytes, reserveOf(this.#reserve, isAfterTrouble ? AFTER_TROUBLE : 1));
  }

  #fits(bytes: number): boolean {
    try {
      requireRoom(this.#free, bytes, reserveOf(this.#reserve));
      return true;
    } catch {
      return false;
    }
  }

  async #read(): Promise<void> {
    this.#free = await freeRoom(this.#volume);
    this.#readAt = performance.now();
  }
}
