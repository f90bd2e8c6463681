import { constants, type Stats } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '@ssm/spool';

/** Bytes of one file of the log; there are two. */
const MAXIMUM_FILE_BYTES = 4 * 1024 * 1024;

/** Never through a link, and never waiting for the reader of a pipe. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What is kept of a refused message for which the reject queue has no room. */
export interface ReducedEntry {
  readonly at: Date;
  readonly code: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly signer: string | undefined;
  readonly empaid: string;
}

/** Lines of JSON beside the queue, in a name that queue readers ignore; bounded: the older of two files gives way. */
export class ReducedLog {
  readonly #file: string;
  readonly #older: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(queuePath: string) {
    this.#file = path.join(queuePath, '.reduced.jsonl');
    this.#older = path.join(queuePath, '.reduced.1.jsonl');
  }

  /** Durable when it resolves. One line after the other, so that the bound holds. */
  append(entry: ReducedEntry): Promise<void> {
    const written = this.#last.then(() => this.#write(`${JSON.stringify(entry)}\n`));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #write(line: string): Promise<void> {
    const handle = await open(this.#file, FLAGS, 0o640);
    let written: Stats;
    try {
      if (!(await handle.stat()).isFile()) throw new Error(`${this.#file} is not a regular file`);
      await handle.appendFile(line);
      await handle.datasync();
      written = await handle.stat();
    } finally {
      await handle.close();
    }
    const isFull = written.size > MAXIMUM_FILE_BYTES;
    if (isFull) await this.#rotate(written);
    // The first line of a file makes its name too.
    if (isFull || written.size === Buffer.byteLength(line)) await syncDirectory(path.dirname(this.#file));
  }

  /** Unless another receiver of the volume has done it: the file that it began is not full. */
  async #rotate(full: Stats): Promise<void> {
    try {
      if ((await stat(this.#file)).ino === full.ino) await rename(this.#file, this.#older);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}
