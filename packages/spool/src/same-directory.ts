import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { type FileCalls, files } from './files.js';
import type { NameFile } from './name-file.js';

/** A directory that has to stay the one that it was: a volume that was unmounted, or another in its place, must not pass for it. */
export class SameDirectory {
  readonly #path: string;
  readonly #calls: FileCalls;
  readonly #nameFile: NameFile | undefined;
  #identity: string | undefined;
  #name: string | undefined;

  /** `nameFile`: tells the volume from a file system that is made anew on the same device, whose numbers may be the same. */
  constructor(directory: string, calls: FileCalls, nameFile?: NameFile) {
    this.#path = directory;
    this.#calls = calls;
    this.#nameFile = nameFile;
  }

  get isKnown(): boolean {
    return this.#identity !== undefined;
  }

  /** The first counts. */
  know(identity: string, name?: string): void {
    this.#identity ??= identity;
    this.#name ??= name;
  }

  /** For each message. SpoolError `path-missing`: it is known, and is another now. Rejects with the system's error when there is none. */
  async check(): Promise<void> {
    const identity = await identityOf(this.#path, this.#calls);
    if (this.#identity !== undefined && identity !== this.#identity) this.#refuse();
  }

  /** The same, by its name too. */
  async checkName(): Promise<void> {
    await this.check();
    if (this.#name !== undefined && (await this.#nameFile?.read()) !== this.#name) this.#refuse();
  }

  #refuse(): never {
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
