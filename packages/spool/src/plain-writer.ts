/** A plain directory: the side that adds. Durable when it resolves; never seen half-written, never in place of another file. */
import { promises as fs } from 'node:fs';
import { createFile, syncRemaining } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, guarded } from './faults.js';
import { unlinkIfThere } from './moves.js';
import { checkFileName, isUnfinishedName, NameSource } from './names.js';
import { isSendableName } from './plain-layout.js';
import type { FileModes } from './spool.js';

export interface PlainWriterOptions {
  readonly path: string;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export class PlainWriter {
  readonly path: string;
  readonly #modes: FileModes;
  readonly #names: NameSource;

  constructor(options: PlainWriterOptions) {
    this.path = options.path;
    this.#modes = options.modes ?? {};
    this.#names = new NameSource(options.now ?? (() => new Date()), options.random ?? Math.random);
  }

  /** SpoolError: name-taken, name-invalid (no sender would take it), disk-full, read-only, permission-denied, path-missing, io-error. */
  async add(name: string, body: Uint8Array): Promise<void> {
    checkFileName(name);
    if (isUnfinishedName(name) || !isSendableName(name))
      throw new SpoolError('name-invalid', `no sender takes a file named ${JSON.stringify(name)}`);
    await guarded('add a file', this.path, async () => {
      const temporary = `${this.path}/.${this.#names.next()}.tmp`;
      await createFile(temporary, body, this.#modes);
      try {
        await fs.link(temporary, `${this.path}/${name}`);
      } catch (cause) {
        if (!failedWith(cause, 'EEXIST')) throw cause;
        throw new SpoolError('name-taken', `${this.path} has a file named ${JSON.stringify(name)} already`, { cause, path: this.path });
      } finally {
        await unlinkIfThere(temporary);
        await syncRemaining(this.path);
      }
    });
  }
}
