/**
 * Sent files on their last way, in the claims directory as `gone~DIR~ELEMENT~INODE~SIZE~MTIME~UNIQUE`. The name says which file was meant, so
 * that what a crash leaves there is removed when it is that one, and put back when a writer had put another in its place. No two renames have
 * the same target, so none replaces a file; and whoever goes on with one renames it first, so that nobody else does.
 */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { makeDirectory, syncDirectory } from './durable.js';
import { failedWith } from './faults.js';
import { inodeOf, moveUnlessTaken, renameIfThere, unlinkIfThere } from './moves.js';
import type { NameSource } from './names.js';
import { type FileState, sameState, stateOf } from './reading.js';

const GONE = /^gone~([0-9a-f]{8})~([0-9a-f]{14})~(\d{1,20})~(\d{1,20})~(-?\d{1,20})(?:~[0-9a-f]+-\d+)?$/;
/** Whoever moved it longer ago died before the end. */
const ABANDONED_AGE_MS = 60_000;
const MAXIMUM_ATTEMPTS = 20;

/** `unique`: from {@link GoneClaims.unique}. */
export function goneName(name: string, { ino, size, mtimeNs }: FileState, unique: string): string {
  return `gone~${name.replace('/', '~')}~${ino}~${size}~${mtimeNs}~${unique}`;
}

export interface PutBackParts {
  readonly root: string;
  readonly names: NameSource;
}

/** Into the queue under its name or, when that is taken, under a new one in the same directory. */
export async function putBack({ root, names }: PutBackParts, file: string, name: string): Promise<void> {
  const directory = path.dirname(`${root}/${name}`);
  let target = `${root}/${name}`;
  for (let attempt = 1; attempt <= MAXIMUM_ATTEMPTS; attempt += 1) {
    // A purge may have removed the directory.
    await makeDirectory(directory, {});
    if (await moveBack(file, target)) break;
    target = `${directory}/${names.next()}`;
  }
  await syncDirectory(directory);
}

/** False: the name is taken. */
async function moveBack(file: string, target: string): Promise<boolean> {
  const outcome = await moveUnlessTaken(file, target);
  if (outcome !== 'refused') return outcome !== 'taken';
  // A file that we may not link can only be renamed; but for the first name nobody else makes up the same.
  if ((await inodeOf(target)) !== undefined) return false;
  await renameIfThere(file, target);
  return true;
}

/** Ends what dead processes began. Their own claims are over: so nobody counts on these files. */
export async function recoverGone(parts: PutBackParts & { readonly claims: GoneClaims }): Promise<void> {
  const { claims } = parts;
  for (const entry of await claims.names()) {
    const [, directory, element, ino, size, mtimeNs] = GONE.exec(entry) ?? [];
    if (ino === undefined || size === undefined || mtimeNs === undefined) continue;
    const found = path.join(claims.path, entry);
    const stats = await changedBefore(found, claims.time - ABANDONED_AGE_MS);
    if (stats === undefined) continue;
    const name = `${directory}/${element}`;
    const meant = { ino: BigInt(ino), size: BigInt(size), mtimeNs: BigInt(mtimeNs) };
    const file = path.join(claims.path, goneName(name, meant, claims.unique()));
    if (!(await renameIfThere(found, file))) continue;
    if (sameState(stats, meant)) await unlinkIfThere(file);
    else await putBack(parts, file, name);
  }
}

export interface GoneClaims {
  readonly path: string;
  readonly time: number;
  names(): Promise<string[]>;
  /** Part of a file name that nobody else uses. */
  unique(): string;
}

async function changedBefore(file: string, limit: number): Promise<FileState | undefined> {
  try {
    const stats = await fs.lstat(file, { bigint: true });
    return Number(stats.ctimeMs) < limit ? stateOf(stats) : undefined;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}
