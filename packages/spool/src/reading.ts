/** Reading a file that a stranger put there: no links followed, no device opened, no more than the limit, no change unnoticed. */
import { type BigIntStats, promises as fs } from 'node:fs';
import { SpoolError } from './errors.js';
import { failedWith, whoAndWhere } from './faults.js';

const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;

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

/**
 * The whole of a regular file, and its state when it was read. Rejects with SpoolError `too-large`, `not-regular`, `unreadable`,
 * `changed-while-reading`, `claim-lost` (it is gone), or the system's error.
 */
export async function readWhole(file: string | Buffer, limit: number): Promise<{ body: Uint8Array; state: FileState }> {
  const handle = await openForReading(file);
  const name = file.toString();
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw new SpoolError('not-regular', `${name} is not a regular file`, { path: name });
    if (before.size > limit) throw new SpoolError('too-large', `${name} has ${before.size} bytes, allowed are ${limit}`, { path: name });
    // One byte more than it has: a file that grows shows.
    const buffer = Buffer.allocUnsafeSlow(Number(before.size) + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count)
      count = (await handle.read(buffer, length, buffer.length - length, null)).bytesRead;
    const after = stateOf(await handle.stat({ bigint: true }));
    if (length !== Number(before.size) || !sameState(stateOf(before), after))
      throw new SpoolError('changed-while-reading', `${name} changed while it was read`, { path: name });
    return { body: buffer.subarray(0, length), state: after };
  } finally {
    await handle.close();
  }
}

async function openForReading(file: string | Buffer): Promise<fs.FileHandle> {
  try {
    return await fs.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  } catch (cause) {
    const name = file.toString();
    if (failedWith(cause, 'ENOENT')) throw new SpoolError('claim-lost', `${name} is gone`, { cause, path: name });
    if (failedWith(cause, 'ELOOP', 'ENXIO')) throw new SpoolError('not-regular', `${name} is not a regular file`, { cause, path: name });
    if (!failedWith(cause, 'EACCES', 'EPERM')) throw cause;
    throw new SpoolError('unreadable', `${name} cannot be read (${await whoAndWhere(name)})`, { cause, path: name });
  }
}
