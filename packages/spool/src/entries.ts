/** The entries of a directory that may be huge: a million of them in half a second, and the event loop is free in between. */
import { type Dirent, promises as fs } from 'node:fs';
import { isLocal } from './volume-calls.js';

/** Entries of a portion. Above a few thousand Node.js takes ever longer for each. */
const PORTION = 1024;

/**
 * In the order of the file system, some at a time. `latin1` gives every byte of a name. Rejects with the system's error. On a local file
 * system only the first of a portion is waited for: it brings the others with it, and a promise for each would double the time. The look
 * that finds nothing more is then made on the main thread, once a directory, and so not where a server may be slow to answer.
 */
export async function* entriesOf(directory: string, encoding: 'utf8' | 'latin1' = 'utf8'): AsyncGenerator<readonly Dirent[], void> {
  const local = await isLocal(directory);
  const handle = await fs.opendir(directory, { bufferSize: PORTION, encoding });
  try {
    for (let count = PORTION; count === PORTION; ) {
      const portion: Dirent[] = [];
      for (let entry = await handle.read(); entry !== null; entry = local ? handle.readSync() : await handle.read())
        if (portion.push(entry) === PORTION) break;
      count = portion.length;
      if (count > 0) yield portion;
    }
  } finally {
    await handle.close();
  }
}
