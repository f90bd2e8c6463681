/** Files that are named on the command line; `-` is standard input or standard output. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Terminal } from './terminal.js';
import { sayBytes } from './terminal.js';

const STANDARD = '-';

/**
 * At most so many bytes. Rejects with a RangeError beyond, with the system's error, and with an AbortError when the signal came before all
 * was read.
 */
export async function readInput(file: string, limit: number, { stdin }: Pick<Terminal, 'stdin'>, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const input = file === STANDARD ? stdin : createReadStream(file);
  for await (const chunk of signal === undefined ? input : addAbortSignal(signal, input)) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > limit) throw new RangeError(`${file === STANDARD ? 'standard input' : file} is longer than ${limit} bytes`);
    chunks.push(bytes);
  }
  if (signal !== undefined) {
    // A Ctrl-C also ends whoever writes into the pipe, and its end may be seen before the signal, which the next turn of the loop tells.
    await setImmediate();
    await setImmediate();
    signal.throwIfAborted();
  }
  return Buffer.concat(chunks);
}

/** To a new file, or to standard output. A file that is there is not replaced. */
export async function writeOutput(file: string | undefined, bytes: Uint8Array, terminal: Terminal): Promise<void> {
  if (file === undefined || file === STANDARD) return await sayBytes(terminal, bytes);
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
