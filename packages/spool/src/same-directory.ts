import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { type FileCalls, files } from './files.js';

/** A directory that has to stay the one that it was: a volume that was unmounted, or another in its place, must not pass for it. */
export class SameDirectory {
  readonly #path: string;
  readonly #calls: FileCalls;
  #identity: string | undefined;

  constructor(directory: string, calls: FileCalls) {
    this.#path = directory;
    this.#calls = calls;
  }

  get isKnown(): boolean {
    return this.#identity !== undefined;
  }

  /** The first counts. */
  know(identity: string): void {
    this.#identity ??= identity;
  }

  /** SpoolError `path-missing`: it is known, and is another now. Rejects with the system's error when there is none. */
  async check(): Promise<void> {
    const identity = await identityOf(this.#path, this.#calls);
    if (this.#identity !== undefined && identity !== this.#identity)
      throw new SpoolError('path-missing', `${this.#path} is not the directory that it was at start`, { path: this.#path });
  }

  /** It is known, and not there (any more), or another now. */
  async isGone(): Promise<boolean> {
    if (!this.isKnown) return false;
    try {
      await this.check();
      return false;
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR', 'path-missing')) return true;
      throw error;
    }
  }
}

export async function identityOf(directory: string, calls: FileCalls = files): Promise<string> {
  const { dev, ino } = await calls.statExact(directory);
  return `${dev}:${ino}`;
}
