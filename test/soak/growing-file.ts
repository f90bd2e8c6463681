import { closeSync, existsSync, openSync, readSync } from 'node:fs';

/** Reads the lines that were added to a file since the last look. */
export class GrowingFile {
  readonly #file: string;
  readonly #buffer = Buffer.alloc(65_536);
  #offset = 0;
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** Whole lines only. */
  *read(): Generator<string, void> {
    if (!existsSync(this.#file)) return;
    const descriptor = openSync(this.#file, 'r');
    try {
      for (;;) {
        const length = readSync(descriptor, this.#buffer, 0, this.#buffer.length, this.#offset);
        if (length === 0) return;
        this.#offset += length;
        // Byte for byte: a character may be cut in two here.
        const lines = (this.#rest + this.#buffer.toString('latin1', 0, length)).split('\n');
        this.#rest = lines.pop() ?? '';
        yield* lines;
      }
    } finally {
      closeSync(descriptor);
    }
  }
}
