import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';

export interface Usage {
  readonly elements: number;
  readonly bytes: number;
}

/** Elements and bytes of a dirq Normal queue. Others take elements meanwhile: what vanishes is not counted. */
export async function measureQueue(root: string, signal: AbortSignal): Promise<Usage> {
  let elements = 0;
  let bytes = 0;
  for await (const directory of namesIn(root, /^[0-9a-f]{8}$/)) {
    for await (const element of namesIn(path.join(root, directory), /^[0-9a-f]{14}$/)) {
      signal.throwIfAborted();
      elements += 1;
      bytes += await sizeOfElement(path.join(root, directory, element));
    }
  }
  return { elements, bytes };
}

async function sizeOfElement(element: string): Promise<number> {
  let bytes = 0;
  for await (const file of namesIn(element, /^[0-9a-z]+$/)) bytes += await sizeOfFile(path.join(element, file));
  return bytes;
}

async function sizeOfFile(file: string): Promise<number> {
  try {
    const stats = await stat(file);
    return stats.isFile() ? stats.size : 0;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

async function* namesIn(directory: string, pattern: RegExp): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(directory)) if (pattern.test(name)) yield name;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
