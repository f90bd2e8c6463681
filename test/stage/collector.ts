import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FoundElement } from './ledger.js';

const DIRECTORY = /^[0-9a-f]{8}$/;
/** What a loader renames in a moment later, or has just taken. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** Elements of a dirq Normal queue, in order; those that somebody takes meanwhile are left out. */
export async function elementPaths(queue: string): Promise<string[]> {
  const directories = (await namesIn(queue)).filter((name) => DIRECTORY.test(name)).toSorted();
  const paths = await Promise.all(
    directories.map(async (directory) => {
      const names = await namesIn(path.join(queue, directory));
      return names.toSorted().map((name) => path.join(queue, directory, name));
    }),
  );
  return paths.flat();
}

/** Reads the id and hashes the body of an element; undefined: somebody took it. */
async function readElement(element: string): Promise<FoundElement | undefined> {
  try {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path.join(element, 'body')), hash);
    return { id: await readFile(path.join(element, 'empaid'), 'utf8'), hash: hash.digest('hex'), path: element };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** All of a queue, read once more from the disk. */
export async function readQueue(queue: string): Promise<FoundElement[]> {
  const found: FoundElement[] = [];
  for (const element of await elementPaths(queue)) {
    const read = await readElement(element);
    if (read !== undefined) found.push(read);
  }
  return found;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
