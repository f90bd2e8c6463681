/** Reading a file that a stranger put there: no links followed, no device opened, no more than the limit, no change unnoticed. */
import { type BigIntStats, constants } from 'node:fs';
import { SpoolError } from './errors.js';
import { failedWith, whoAndWhere } from './faults.js';
import { type FileCalls, files, type Path } from './files.js';

const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** What tells that a file is still the one that was looked at. */
export interface FileState {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

export function stateOf({ ino, size, mtimeNs }: BigIntStats): FileState {
  return { ino, size, mtimeNs };
}

export function sameState(one: FileState, other: FileState): boolean {
  return one.ino === other.ino && one.size === other.size && one.mtimeNs === other.mtimeNs;
}

/** A time that was set in milliseconds comes back with a deviation of up to a microsecond; a writer's mostly differs by more. */
const SET_TIME_NS = 1_000;
const SECOND_NS = 1_000_000_000n;

/** Is it the time that was set? Where the file system keeps whole seconds only (ext4 with small inodes), what is left of that. */
export function isTimeSet(timeNs: bigint, setMs: number): boolean {
  const lostNs = BigInt(setMs) * 1_000_000n - timeNs;
  return Math.abs(Number(lostNs)) <= SET_TIME_NS || (timeNs % SECOND_NS === 0n && lostNs > 0n && lostNs < SECOND_NS);
}

/** Whether a file is the one that was looked at, after its time was set to this many milliseconds. */
export function sameAfterTouch(state: FileState, { ino, size }: FileState, touchedMs: number): boolean {
  return state.ino === ino && state.size === size && isTimeSet(state.mtimeNs, touchedMs);
}

export interface KnownFile {
  readonly file: Path;
  readonly size: number;
  readonly isSame: (state: FileState) => boolean;
  readonly calls: FileCalls;
}

interface WholeFile {
  readonly body: Uint8Array;
  readonly state: FileState;
}

/**
 * Like readWhole() for a regular file whose state is known: one look less, since being the same afterwards shows that it did not change
 * meanwhile. undefined: it is not the same, and was not used.
 */
export async function readKnown({ file, size, isSame, calls }: KnownFile): Promise<WholeFile | undefined> {
  const descriptor = await openForReading(file, calls);
  try {
    const buffer = Buffer.allocUnsafe(size + 1);
    const length = await fill(buffer, descriptor, size, calls);
    const state = stateOf(await calls.fstatExact(descriptor));
    return length === size && isSame(state) ? { body: buffer.subarray(0, length), state } : undefined;
  } catch (error) {
    // A FIFO took its place.
    if (failedWith(error, 'EAGAIN')) return undefined;
    throw error;
  } finally {
    await calls.close(descriptor);
  }
}

/**
 * The whole of a regular file, and its state when it was read. Rejects with SpoolError `too-large`, `not-regular`, `unreadable`,
 * `changed-while-reading`, `claim-lost` (it is gone), or the system's error.
 */
export async function readWhole(file: Path, limit: number, calls: FileCalls = files): Promise<WholeFile> {
  const descriptor = await openForReading(file, calls);
  const name = file.toString();
  try {
    const before = await calls.fstatExact(descriptor);
    if (!before.isFile()) throw new SpoolError('not-regular', `${name} is not a regular file`, { path: name });
    if (before.size > limit) throw new SpoolError('too-large', `${name} has ${before.size} bytes, allowed are ${limit}`, { path: name });
    // One byte more than it has: a file that grows shows.
    const buffer = Buffer.allocUnsafeSlow(Number(before.size) + 1);
    const length = await fill(buffer, descriptor, Number(before.size), calls);
    const after = stateOf(await calls.fstatExact(descriptor));
    if (length !== Number(before.size) || !sameState(stateOf(before), after))
      throw new SpoolError('changed-while-reading', `${name} changed while it was read`, { path: name });
    return { body: buffer.subarray(0, length), state: after };
  } finally {
    await calls.close(descriptor);
  }
}

/** Resolves to the bytes that were there; `expected`: as many as the file should have, so that one read more tells nothing new. */
async function fill(buffer: Uint8Array, descriptor: number, expected: number, calls: FileCalls): Promise<number> {
  for (let length = 0; ; ) {
    const count = await calls.read(descriptor, buffer, length);
    length += count;
    if (count === 0 || length >= expected) return length;
  }
}

async function openForReading(file: Path, calls: FileCalls): Promise<number> {
  try {
    return await calls.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  } catch (cause) {
    const name = file.toString();
    if (failedWith(cause, 'ENOENT')) throw new SpoolError('claim-lost', `${name} is gone`, { cause, path: name });
    if (failedWith(cause, 'ELOOP', 'ENXIO')) throw new SpoolError('not-regular', `${name} is not a regular file`, { cause, path: name });
    if (!failedWith(cause, 'EACCES', 'EPERM')) throw cause;
    throw new SpoolError('unreadable', `${name} cannot be read (${await whoAndWhere(name)})`, { cause, path: name });
  }
}
