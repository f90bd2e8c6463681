import { readFile, stat } from 'node:fs/promises';
import { ReceiverError } from './errors.js';

export interface QuietOptions {
  /** Milliseconds for which nothing about a file has changed when it is read. */
  readonly stabilityMs: number;
  readonly now: () => Date;
}

/** What a file looked like, and since when it does. */
interface Look {
  readonly print: string;
  readonly since: number;
}

/**
 * Reads files that others may just be writing. The times of a file are believed at the first look alone, so that an old one is not waited for:
 * a file server may have another clock. What changes later is quiet from when it was seen.
 */
export class QuietFiles {
  readonly #options: QuietOptions;
  readonly #looks = new Map<string, Look>();

  constructor(options: QuietOptions) {
    this.#options = options;
  }

  /** Errors: ReceiverError list-unstable (try again), and what the file system says. */
  async read(file: string): Promise<Uint8Array> {
    const { print, since } = await this.#look(file);
    if (performance.now() - since < this.#options.stabilityMs) throw unstable(file);
    const bytes = await readFile(file);
    if ((await this.#look(file)).print !== print) throw unstable(file);
    return bytes;
  }

  async #look(file: string): Promise<Look> {
    const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = await stat(file, { bigint: true });
    const print = [dev, ino, size, mtimeNs, ctimeNs].join(':');
    const last = this.#looks.get(file);
    if (last?.print === print) return last;
    const age = last === undefined ? this.#options.now().getTime() - Math.max(Number(mtimeMs), Number(ctimeMs)) : 0;
    const look = { print, since: performance.now() - Math.max(0, age) };
    this.#looks.set(file, look);
    return look;
  }
}

function unstable(file: string): ReceiverError {
  return new ReceiverError('list-unstable', `${file} is being changed`);
}
