/** A dirq Simple queue: the side that adds. Durable when it resolves, beside other writers, readers and purges. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { createFile, makeDirectory, syncDirectory, syncRemaining } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, guarded } from './faults.js';
import { unlinkIfThere } from './moves.js';
import { directoryNameAt, NameSource } from './names.js';
import { type Checkpoint, noCheckpoint } from './options.js';
import type { FileModes } from './spool.js';

/** Times that an add begins again because somebody removed its directory or its temporary file. */
const MAXIMUM_ATTEMPTS = 20;

export interface SimpleWriterOptions {
  readonly path: string;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export class SimpleWriter {
  readonly path: string;
  readonly #modes: FileModes;
  readonly #now: () => Date;
  readonly #names: NameSource;
  readonly #checkpoint: Checkpoint;

  constructor(options: SimpleWriterOptions, checkpoint: Checkpoint = noCheckpoint) {
    this.path = options.path;
    this.#modes = options.modes ?? {};
    this.#now = options.now ?? (() => new Date());
    this.#names = new NameSource(this.#now, options.random ?? Math.random);
    this.#checkpoint = checkpoint;
  }

  /** Resolves to `8hex/14hex`. SpoolError: disk-full, read-only, permission-denied, path-missing, io-error. */
  async add(body: Uint8Array): Promise<string> {
    return await guarded('add an element', this.path, async () => {
      for (let attempt = 1; ; attempt += 1) {
        const directory = directoryNameAt(this.#now());
        try {
          return await this.#addTo(directory, body);
        } catch (error) {
          if (!failedWith(error, 'ENOENT', 'EEXIST') || attempt === MAXIMUM_ATTEMPTS) throw error;
          if (failedWith(error, 'EEXIST')) this.#names.taken();
          if (failedWith(error, 'ENOENT') && (await makeDirectory(`${this.path}/${directory}`, this.#modes)))
            await syncDirectory(this.path);
        }
      }
    });
  }

  async #addTo(directory: string, body: Uint8Array): Promise<string> {
    const temporary = `${this.path}/${directory}/${this.#names.next()}.tmp`;
    await createFile(temporary, body, this.#modes);
    try {
      await this.#checkpoint('written');
      const name = await this.#link(temporary, directory);
      await this.#checkpoint('linked');
      return name;
    } finally {
      await unlinkIfThere(temporary);
      // Taken, and its directory purged, before we come to it: that is no reason to add it again.
      await syncRemaining(path.dirname(temporary));
    }
  }

  async #link(temporary: string, directory: string): Promise<string> {
    for (let attempt = 1; attempt <= MAXIMUM_ATTEMPTS; attempt += 1) {
      const name = `${directory}/${this.#names.next()}`;
      try {
        await fs.link(temporary, `${this.path}/${name}`);
        return name;
      } catch (error) {
        if (!failedWith(error, 'EEXIST')) throw error;
        this.#names.taken();
      }
    }
    throw new SpoolError('io-error', `every name in ${this.path}/${directory} is taken`, { path: this.path });
  }
}
