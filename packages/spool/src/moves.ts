/** Moving files without ever replacing one that somebody else put there. */
import { promises as fs } from 'node:fs';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { type FileCalls, files, type Path } from './files.js';

/**
 * Renames, unless there is something at the new name. `taken`: there is. `refused`: this file may not be linked (fs.protected_hardlinks, or a
 * file system without hard links), which is the only way to do it. `gone`: there is no such file (any more).
 */
export async function moveUnlessTaken(from: Path, to: Path): Promise<'moved' | 'taken' | 'refused' | 'gone'> {
  try {
    await files.link(from, to);
  } catch (error) {
    if (failedWith(error, 'ENOENT') && (await inodeOf(from)) === undefined) return 'gone';
    if (failedWith(error, 'EPERM', 'ENOTSUP', 'EMLINK')) return 'refused';
    if (!failedWith(error, 'EEXIST')) throw error;
    // A crash between the two steps leaves one file with both names.
    if (!(await areOneFile(from, to))) return 'taken';
  }
  await unlinkIfThere(from);
  return 'moved';
}

/** Two names of one file? */
export async function areOneFile(one: Path, other: Path): Promise<boolean> {
  const [first, second] = await Promise.all([inodeOf(one), inodeOf(other)]);
  return first !== undefined && first === second;
}

export async function inodeOf(file: Path, calls: FileCalls = files): Promise<bigint | undefined> {
  try {
    return (await calls.lstatExact(file)).ino;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Says whether it was there. */
export async function unlinkIfThere(file: Path, calls: FileCalls = files): Promise<boolean> {
  try {
    await calls.unlink(file);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

/** False when the source is not there (any more). That the target's directory is not there is an error. */
export async function renameIfThere(from: Path, to: Path, calls: FileCalls = files): Promise<boolean> {
  try {
    await calls.rename(from, to);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT') && (await inodeOf(from, calls)) === undefined) return false;
    throw error;
  }
}

/** Renames to a name that nobody else uses. SpoolError `claim-lost` when the file is not there (any more). */
export async function moveFile(from: Path, to: Path): Promise<void> {
  // Over a network file system an answer may be lost, and the request that is sent again find nothing to do.
  if ((await renameIfThere(from, to)) || (await inodeOf(to)) !== undefined) return;
  throw new SpoolError('claim-lost', `${from.toString()} is gone`, { path: from.toString() });
}

/** Says whether it was an empty directory, and is gone now. */
export async function removeIfEmpty(directory: string): Promise<boolean> {
  try {
    await fs.rmdir(directory);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) return false;
    throw error;
  }
}
