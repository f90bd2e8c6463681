/**
 * What makes a volume a volume to the others: two small files beside its delivery record, which its replicas share.
 *
 *     volume   its name, made once
 *     server   the marker of the server that it knows
 */
import path from 'node:path';
import { guarded } from './faults.js';
import { NameFile } from './name-file.js';
import type { RecordOptions } from './options.js';

export class VolumeFiles {
  readonly #root: string;
  readonly #name: NameFile;
  readonly #server: NameFile;

  constructor({ modes = {}, path: root }: RecordOptions) {
    this.#root = root;
    this.#name = new NameFile(path.join(root, 'volume'), modes);
    this.#server = new NameFile(path.join(root, 'server'), modes);
  }

  /** The same for all who ask, also when they ask at once. SpoolError record-corrupt. */
  async name(): Promise<string> {
    return await guarded('name the volume', this.#root, () => this.#name.make());
  }

  async server(): Promise<string | undefined> {
    return await guarded('read the name of the server', this.#root, () => this.#server.read());
  }

  async setServer(marker: string): Promise<void> {
    await guarded('note the name of the server', this.#root, () => this.#server.replace(marker));
  }
}
