/** The entries of a directory that may be huge: a million of them in half a second, and the event loop is free in between. */
import { type Dir, Dirent, promises as fs } from 'node:fs';
import { SpoolError } from './errors.js';
import { isLocal, typeOf } from './volume-calls.js';

/** Entries of a portion. Above a few thousand Node.js takes ever longer for each. */
const PORTION = 1024;

export interface Entry {
  readonly name: string;
  /** Missing where the directory does not say it: whoever has to know looks. */
  readonly isDirectory?: () => boolean;
}

export type NameEncoding = 'utf8' | 'latin1';

/**
 * Types of file systems whose directories were seen not to say what their entries are (DT_UNKNOWN: NFS without READDIRPLUS, XFS with ftype=0).
 * There Node.js looks at each entry itself: on the main thread, by a name that may not be its own when it is no UTF-8, and when one has
 * vanished meanwhile the others of the portion are lost. So there names are asked for, and nothing else.
 */
const untyped = new Set<number | undefined>();

/**
 * In the order of the file system, some at a time. `latin1` gives every byte of a name. Rejects with the system's error, ENOENT and ENOTDIR
 * only when the directory is not there (any more), or with SpoolError `io-error` when entries may be missing.
 */
export async function* entriesOf(directory: string, encoding: NameEncoding = 'utf8'): AsyncGenerator<readonly Entry[], void> {
  const type = await typeOf(directory);
  const isDone = !untyped.has(type) && (yield* typedEntries(directory, encoding, type));
  if (!isDone) yield* namesIn(directory, encoding);
}

/** Returns false when nothing was given, since the directory does not say what its entries are. */
async function* typedEntries(
  directory: string,
  encoding: NameEncoding,
  type: number | undefined,
): AsyncGenerator<readonly Dirent[], boolean> {
  const handle = await fs.opendir(directory, { bufferSize: PORTION, encoding });
  let given = 0;
  try {
    for (let count = PORTION; count === PORTION; given += count) {
      const portion = await nextPortion(handle, isLocal(type));
      count = portion.length;
      // What Node.js had to look at is of another class.
      if (count > 0 && portion[0]?.constructor !== Dirent) untyped.add(type);
      if (untyped.has(type)) {
        if (given === 0) return false;
        throw notWhole(directory, 'it stopped saying what its entries are');
      }
      if (count > 0) yield portion;
    }
    return true;
  } catch (error) {
    if (!isOfOneEntry(error)) throw error;
    untyped.add(type);
    if (given === 0) return false;
    await fs.access(directory);
    throw notWhole(directory, 'an entry vanished', error);
  } finally {
    await handle.close();
  }
}

/**
 * On a local file system only the first of a portion is waited for: it brings the others with it, and a promise for each would double the
 * time. The look that finds nothing more is then made on the main thread, once a directory, and so not where a server may be slow to answer.
 */
async function nextPortion(handle: Dir, local: boolean): Promise<Dirent[]> {
  const portion: Dirent[] = [];
  for (let entry = await handle.read(); entry !== null; entry = local ? handle.readSync() : await handle.read())
    if (portion.push(entry) === PORTION) break;
  return portion;
}

function notWhole(directory: string, why: string, cause?: unknown): SpoolError {
  return new SpoolError('io-error', `${directory} was not read to its end: ${why}`, { cause, path: directory });
}

function isOfOneEntry(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'lstat';
}

async function* namesIn(directory: string, encoding: NameEncoding): AsyncGenerator<readonly Entry[], void> {
  const names = await fs.readdir(directory, { encoding });
  for (let start = 0; start < names.length; start += PORTION) {
    yield names.slice(start, start + PORTION).map((name) => ({ name }));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
