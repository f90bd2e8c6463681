/**
 * What must survive a power cut goes through here: the only file with fsync. A file is durable when it and the directory that names it
 * were synced; a rename or an unlink when the directory was. Callback functions of node:fs, because FileHandles cost twice as much.
 */
import fs, { promises } from 'node:fs';
import path from 'node:path';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { type FileCalls, files, settleVoid } from './files.js';
import type { FileModes } from './spool.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_SYNC, O_WRONLY } = fs.constants;
/** Before the umask, which takes away as usual when no mode is configured. */
const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;
/** For chown: leave it. */
const UNCHANGED = -1;

const sync = (descriptor: number): Promise<void> => settleVoid((done) => fs.fsync(descriptor, done));

async function writeAll(descriptor: number, data: Uint8Array): Promise<void> {
  for (let offset = 0; offset < data.length; ) offset += await files.write(descriptor, data, offset);
}

async function setModes(descriptor: number, { gid, fileMode }: FileModes): Promise<void> {
  // The group first: changing it takes the setgid bit away.
  if (gid !== undefined) await settleVoid((done) => fs.fchown(descriptor, UNCHANGED, gid, done));
  if (fileMode !== undefined) await settleVoid((done) => fs.fchmod(descriptor, fileMode, done));
}

/** Creates an empty file, never in place of one that is there; when it rejects there is none of ours. `flags`: beside those for that. */
async function createEmpty(file: string, modes: FileModes, flags: number, calls: FileCalls): Promise<number> {
  const descriptor = await calls.open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | flags, modes.fileMode ?? FILE_MODE);
  try {
    await setModes(descriptor, modes);
    return descriptor;
  } catch (error) {
    await Promise.allSettled([files.close(descriptor), promises.unlink(file)]);
    throw error;
  }
}

/** What was synced, or failed to be, is so whatever becomes of the descriptor. */
async function closeQuietly(descriptor: number, calls: FileCalls): Promise<void> {
  try {
    await calls.close(descriptor);
  } catch {
    // Nothing was left to be written.
  }
}

/**
 * Fills a new file; it is durable, and closed, when this resolves: some file servers rename nothing in which a file is open. `synced`: it was
 * opened with O_SYNC, so a write is what a write and an fsync are (open(2)), in one call. Of nothing there is no write.
 */
async function fill(descriptor: number, data: Uint8Array, synced: boolean, calls: FileCalls): Promise<void> {
  try {
    await writeAll(descriptor, data);
    if (!synced || data.length === 0) await sync(descriptor);
  } finally {
    await closeQuietly(descriptor, calls);
  }
}

/** `syncsWrites`: a file system that keeps what O_SYNC promises. */
type CreatingCalls = FileCalls & { readonly syncsWrites?: boolean };

/** Beside the files that are made: how they and their directory are opened, and everything closed, and what else is synced with them. */
interface CreateOptions {
  readonly calls?: CreatingCalls;
  readonly alsoSync?: readonly string[];
}

/** Creates a file that is durable, with its name, when this resolves. Rejects with EEXIST when there is one; a failed one is removed. */
export async function createFile(file: string, data: Uint8Array, modes: FileModes, calls: CreatingCalls = files): Promise<void> {
  await createFiles(path.dirname(file), [[path.basename(file), data]], modes, { calls });
}

/**
 * Creates files in a directory; they and the entries of the directory, and of `alsoSync`, are durable when this resolves. All syncs run at
 * once: a journalling file system serves them with one commit. When it rejects the files are gone again.
 */
export async function createFiles(
  directory: string,
  contents: readonly (readonly [name: string, data: Uint8Array])[],
  modes: FileModes,
  { calls = files, alsoSync = [] }: CreateOptions = {},
): Promise<void> {
  const synced = calls.syncsWrites === true;
  const flags = synced ? O_SYNC : 0;
  const create = async ([name, data]: readonly [string, Uint8Array]): Promise<{ descriptor: number; data: Uint8Array }> => ({
    descriptor: await createEmpty(`${directory}/${name}`, modes, flags, calls),
    data,
  });
  const opened = await Promise.allSettled(contents.map(create));
  const created = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = opened.find((one) => one.status === 'rejected');
  try {
    if (failed !== undefined) {
      await Promise.allSettled(created.map(({ descriptor }) => files.close(descriptor)));
      throw failed.reason;
    }
    await allOf([
      ...created.map(({ descriptor, data }) => fill(descriptor, data, synced, calls)),
      ...[directory, ...alsoSync].map((one) => syncDirectory(one, calls)),
    ]);
  } catch (error) {
    const ours = contents.filter((_, index) => opened[index]?.status === 'fulfilled');
    await Promise.allSettled(ours.map(([name]) => promises.unlink(`${directory}/${name}`)));
    throw error;
  }
}

/** Like Promise.all, but nothing is still running when it rejects. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

interface Round {
  readonly running: Promise<void>;
  next: Promise<void> | undefined;
}

const rounds = new Map<string, Round>();

/**
 * Resolves when everything that happened to the directory before the call is durable. Calls made while a sync runs share the next one: one
 * that began before a rename may not have seen it.
 */
export function syncDirectory(directory: string, calls: FileCalls = files): Promise<void> {
  const round = rounds.get(directory);
  if (round === undefined) return beginRound(directory, calls);
  round.next ??= round.running.then(
    () => beginRound(directory, calls),
    () => beginRound(directory, calls),
  );
  return round.next;
}

function beginRound(directory: string, calls: FileCalls): Promise<void> {
  const round: Round = { running: syncNow(directory, calls).finally(() => endRound(directory, round)), next: undefined };
  rounds.set(directory, round);
  return round.running;
}

function endRound(directory: string, round: Round): void {
  if (round.next === undefined && rounds.get(directory) === round) rounds.delete(directory);
}

async function syncNow(directory: string, calls: FileCalls): Promise<void> {
  const descriptor = await calls.open(directory, O_RDONLY | O_DIRECTORY);
  try {
    await sync(descriptor);
  } catch (error) {
    // Some network and FUSE file systems have no fsync of directories; their renames are as durable as the server makes them.
    if (!failedWith(error, 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    // Nobody need wait for this.
    void closeQuietly(descriptor, calls);
  }
}

/** Syncs the directory or, when somebody removed it, the nearest one above it that is left. */
export async function syncRemaining(directory: string, calls: FileCalls = files): Promise<void> {
  try {
    await syncDirectory(directory, calls);
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) throw error;
    await syncDirectory(path.dirname(directory), calls);
  }
}

/** Makes one directory with the configured mode and group, unless it is there. Says whether it did. The caller syncs the one above. */
export async function makeDirectory(directory: string, { directoryMode, gid }: FileModes, calls: FileCalls = files): Promise<boolean> {
  try {
    await calls.mkdir(directory, directoryMode ?? DIRECTORY_MODE);
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return false;
    throw error;
  }
  // The group first: changing it takes the setgid bit away.
  if (gid !== undefined) await promises.chown(directory, UNCHANGED, gid);
  if (directoryMode !== undefined) await promises.chmod(directory, directoryMode);
  return true;
}

/**
 * As makeDirectory(), where nobody but us has a say what it is. SpoolError `path-missing` when something else has the name, a link to a
 * directory too: what we make and move there would be in somebody else's.
 */
export async function makeOwnDirectory(directory: string, modes: FileModes): Promise<boolean> {
  if (await makeDirectory(directory, modes)) return true;
  const stats = await files.lstat(directory);
  if (stats.isDirectory()) return false;
  const what = stats.isSymbolicLink() ? 'a symbolic link' : 'no directory';
  throw new SpoolError('path-missing', `${directory} is ${what}: remove it, the directory is made in its place`, { path: directory });
}
