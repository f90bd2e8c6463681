/**
 * What makes a volume a volume to the others: two small files beside its delivery record, which its replicas share.
 *
 *     volume   its name, made once
 *     server   the marker of the server that it knows
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { createFile, syncDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, guarded } from './faults.js';
import { unlinkIfThere } from './moves.js';
import type { RecordOptions } from './options.js';

const VALUE = /^([0-9a-z]{1,40})\n$/;
const NAME_BYTES = 5;

export class VolumeFiles {
  readonly #options: RecordOptions;

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  /** The same for all who ask, also when they ask at once. SpoolError record-corrupt. */
  async name(): Promise<string> {
    return await guarded('name the volume', this.#options.path, async () => {
      const file = this.#at('volume');
      const known = await read(file);
      if (known !== undefined) {
        // Whoever made it may not have come so far.
        await syncDirectory(this.#options.path);
        return known;
      }
      const made = await this.#write(randomBytes(NAME_BYTES).toString('hex'));
      try {
        await fs.link(made, file).catch(unlessExists);
      } finally {
        await unlinkIfThere(made);
      }
      await syncDirectory(this.#options.path);
      return (await read(file)) ?? fail(file);
    });
  }

  async server(): Promise<string | undefined> {
    return await guarded('read the name of the server', this.#options.path, () => read(this.#at('server')));
  }

  async setServer(marker: string): Promise<void> {
    await guarded('note the name of the server', this.#options.path, async () => {
      await fs.rename(await this.#write(marker), this.#at('server'));
      await syncDirectory(this.#options.path);
    });
  }

  /** Under a name that the start of a record removes when a crash left it. */
  async #write(value: string): Promise<string> {
    const file = this.#at(`probe-${randomUUID()}`);
    await createFile(file, Buffer.from(`${value}\n`), this.#options.modes ?? {});
    return file;
  }

  #at(name: string): string {
    return path.join(this.#options.path, name);
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return VALUE.exec(await fs.readFile(file, 'latin1'))?.[1] ?? fail(file);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function unlessExists(error: unknown): void {
  if (!failedWith(error, 'EEXIST')) throw error;
}

function fail(file: string): never {
  throw new SpoolError('record-corrupt', `${file} is not the name of a volume or server`, { path: file });
}
