/** A small file with one word in it: the name of a volume, or the marker of a server. */
import { randomBytes, randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { createFile, syncDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { moveUnlessTaken, unlinkIfThere } from './moves.js';
import type { FileModes } from './spool.js';

const VALUE = /^([0-9a-z]{1,40})\n$/;
const NAME_BYTES = 5;

export class NameFile {
  readonly path: string;
  readonly #modes: FileModes;
  readonly #drafts: string;

  /** `drafts`: a directory on the same file system, in which somebody removes the files `probe-...` that a crash left. */
  constructor(file: string, modes: FileModes, drafts: string = path.dirname(file)) {
    this.path = file;
    this.#modes = modes;
    this.#drafts = drafts;
  }

  /** undefined: there is none. SpoolError record-corrupt. */
  async read(): Promise<string | undefined> {
    try {
      return VALUE.exec(await fs.readFile(this.path, 'latin1'))?.[1] ?? fail(this.path);
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** What is in it afterwards, durably: this name, unless somebody was quicker. The same for all who ask, also when they ask at once. */
  async make(name = randomBytes(NAME_BYTES).toString('hex')): Promise<string> {
    if ((await this.read()) === undefined) await this.#create(name);
    // Also for another's: whoever made it may not have come so far.
    await syncDirectory(path.dirname(this.path));
    return (await this.read()) ?? fail(this.path);
  }

  async replace(value: string): Promise<void> {
    await fs.rename(await this.#draft(value), this.path);
    await syncDirectory(path.dirname(this.path));
  }

  async #create(name: string): Promise<void> {
    const draft = await this.#draft(name);
    try {
      // Without hard links a reader may for a moment find half of it, which it then takes for corrupt, and looks again.
      if ((await moveUnlessTaken(draft, this.path)) === 'refused') await createFile(this.path, textOf(name), this.#modes);
    } catch (error) {
      if (!failedWith(error, 'EEXIST')) throw error;
    } finally {
      await unlinkIfThere(draft);
    }
  }

  async #draft(value: string): Promise<string> {
    const file = path.join(this.#drafts, `probe-${randomUUID()}`);
    await createFile(file, textOf(value), this.#modes);
    return file;
  }
}

function textOf(value: string): Buffer {
  return Buffer.from(`${value}\n`);
}

function fail(file: string): never {
  throw new SpoolError('record-corrupt', `${file} is not the name of a volume or server`, { path: file });
}
