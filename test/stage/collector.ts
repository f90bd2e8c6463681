import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { namesInDirq } from '@ssm/test-support';
import type { FoundElement } from './ledger.js';

/** What a loader renames in a moment later, or has just taken. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** Elements of a dirq Normal queue, in order; those that somebody takes meanwhile are left out. */
export function elementPaths(queue: string): string[] {
  return namesInDirq(queue).map((name) => path.join(queue, name));
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
  for (const element of elementPaths(queue)) {
    const read = await readElement(element);
    if (read !== undefined) found.push(read);
  }
  return found;
}
