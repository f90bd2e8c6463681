/** What both sides of a dirq Normal queue know about its directories. */
import { promises as fs } from 'node:fs';
import { entriesOf, type NameEncoding } from './entries.js';
import { failedWith } from './faults.js';
import { removeIfEmpty, unlinkIfThere } from './moves.js';
import { isDirectoryName, isElementName, timeOfElement } from './names.js';
import type { Usage } from './spool.js';

/** Ours: python-dirq's purge removes every empty directory in `temporary`, whatever its age. */
export const STAGING = '.staging';
/** In it, beside the directories of the instances: a file with the name of the volume. */
export const VOLUME = 'volume';
export const TEMPORARY = 'temporary';
export const OBSOLETE = 'obsolete';
export const LOCKED = 'locked';
/** What python-dirq accepts as a file of an element. */
export const KEY = /^[0-9a-zA-Z]{1,100}$/;

/** A reader that lost the race may lock an element that is being removed: at most this often the removal begins again. */
const MAXIMUM_ROUNDS = 10;

/** Numbered directories in order. */
export async function numberedDirectories(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entries of entriesOf(root)) for (const { name } of entries) if (isDirectoryName(name)) names.push(name);
  return names.toSorted();
}

/** All names in a small directory; none when it is missing. `latin1` gives every byte of a name. */
export async function namesIn(directory: string, encoding: NameEncoding = 'utf8'): Promise<string[]> {
  try {
    return await fs.readdir(directory, { encoding });
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/** The directories in a small directory. A link is none: what is where it leads is not ours to finish or to remove. */
export async function directoriesIn(directory: string): Promise<string[]> {
  const names = await namesIn(directory);
  const are = await Promise.all(names.map((name) => isDirectory(`${directory}/${name}`)));
  return names.filter((_, index) => are[index]);
}

/** Element names in a directory, as the file system gives them, some at a time; none when it is missing. */
export function elementsIn(directory: string): AsyncGenerator<readonly string[], void> {
  return namesLike(directory, isElementName);
}

async function* namesLike(directory: string, isWanted: (name: string) => boolean): AsyncGenerator<readonly string[], void> {
  try {
    for await (const entries of entriesOf(directory)) yield entries.flatMap(({ name }) => (isWanted(name) ? name : []));
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
}

/**
 * Removes an element that nobody finds any more: its files, its lock and the directory. Two processes may do it at once. What is no
 * directory, a link to one above all, is removed itself.
 */
export async function removeDirectory(directory: string): Promise<void> {
  if (!(await isDirectory(directory))) {
    await unlinkIfThere(directory);
    return;
  }
  for (let round = 1; ; round += 1) {
    const names = await namesIn(directory);
    await Promise.all(names.filter((name) => name !== LOCKED).map((name) => unlinkIfThere(`${directory}/${name}`)));
    await removeIfEmpty(`${directory}/${LOCKED}`);
    try {
      await fs.rmdir(directory);
      return;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return;
      if (!failedWith(error, 'ENOTEMPTY', 'EEXIST') || round === MAXIMUM_ROUNDS) throw error;
    }
  }
}

export async function isDirectory(file: string): Promise<boolean> {
  try {
    return (await fs.lstat(file)).isDirectory();
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

export interface DepthCount {
  readonly elements: number;
  readonly complete: boolean;
  readonly oldest: Date | undefined;
}

/** Counts elements by name until the time is up. The oldest is that of the first name; where that is no time, of its directory. */
export async function depthOf(root: string, timeLimitMs: number, now: Date): Promise<DepthCount> {
  const end = performance.now() + timeLimitMs;
  let elements = 0;
  let complete = true;
  let first: { readonly directory: string; readonly element: string } | undefined;
  for (const directory of await numberedDirectories(root)) {
    for await (const some of elementsIn(`${root}/${directory}`)) {
      elements += some.length;
      for (const element of some) if (first === undefined || element < first.element) first = { directory, element };
      complete = performance.now() <= end;
      if (!complete) break;
    }
    if (!complete) break;
  }
  return { elements, complete, oldest: first === undefined ? undefined : await timeOf(root, first, now) };
}

/**
 * Elements and the bytes of their files; nothing when the root is missing. Others take elements meanwhile: what vanishes is not counted. Once
 * the signal is aborted it looks at nothing more.
 */
export async function usageOf(root: string, signal: AbortSignal, looked?: () => void): Promise<Usage> {
  let elements = 0;
  let bytes = 0;
  for await (const directories of namesLike(root, isDirectoryName)) {
    for (const directory of directories) {
      for await (const names of elementsIn(`${root}/${directory}`)) {
        for (const name of names) {
          if (signal.aborted) return { elements, bytes };
          elements += 1;
          bytes += await sizeOfElement(`${root}/${directory}/${name}`);
          looked?.();
        }
      }
    }
  }
  return { elements, bytes };
}

async function sizeOfElement(element: string): Promise<number> {
  let bytes = 0;
  for (const file of await namesIn(element)) if (KEY.test(file)) bytes += await sizeOfFile(`${element}/${file}`);
  return bytes;
}

async function sizeOfFile(file: string): Promise<number> {
  try {
    const stats = await fs.stat(file);
    return stats.isFile() ? stats.size : 0;
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return 0;
    throw error;
  }
}

async function timeOf(
  root: string,
  { directory, element }: { readonly directory: string; readonly element: string },
  now: Date,
): Promise<Date | undefined> {
  const named = timeOfElement(element, now);
  if (named !== undefined) return named;
  try {
    return (await fs.lstat(`${root}/${directory}/${element}`)).mtime;
  } catch {
    return undefined;
  }
}
