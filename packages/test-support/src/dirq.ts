/** dirq queues as other programs write and read them: on purpose not the code under test. */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const DIRECTORY = /^[0-9a-f]{8}$/;
let sequence = 0;

/** Adds an element to a Simple queue, a minute's worth of directory at a time; returns its name, which is also its empa-id. */
export function addElement(queue: string, body: Uint8Array | string, at: Date = new Date()): string {
  sequence += 1;
  const seconds = Math.floor(at.getTime() / 1000);
  const directory = hex(seconds - (seconds % 60), 8);
  const name = `${directory}/${hex(seconds, 8)}${hex(sequence % 0x100000, 5)}7`;
  mkdirSync(path.join(queue, directory), { recursive: true });
  const target = path.join(queue, name);
  writeFileSync(`${target}.tmp`, body, { flag: 'wx' });
  // In one step, where dirq links and unlinks: on a disk that fails meanwhile the caller knows whether it was added.
  renameSync(`${target}.tmp`, target);
  return name;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/**
 * `8hex/NAME` of all that is in the numbered directories, in order: elements, and in a Simple queue locks and temporary files; what somebody
 * takes meanwhile is left out.
 */
export function namesInDirq(queue: string): string[] {
  const directories = namesIn(queue).filter((name) => DIRECTORY.test(name));
  return directories.flatMap((directory) => namesIn(path.join(queue, directory)).map((name) => `${directory}/${name}`));
}

/** Names in a directory, in order; none when it is not there (any more). */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}

export interface StoredElement {
  /** Directory of the element: one file a key. */
  readonly path: string;
  readonly keys: Readonly<Record<string, Buffer>>;
}

/** Every element of a Normal queue, in order, locked or not. */
export async function elements(queue: string): Promise<StoredElement[]> {
  const found: StoredElement[] = [];
  for (const name of namesInDirq(queue)) {
    const element = path.join(queue, name);
    const files = (await readdir(element)).filter((file) => file !== 'locked');
    const entries = await Promise.all(files.map(async (file) => [file, await readFile(path.join(element, file))] as const));
    found.push({ path: element, keys: Object.fromEntries(entries) });
  }
  return found;
}
