/** The end of what the delivery record remembers. */
import { entriesOf } from './entries.js';
import { failedWith } from './faults.js';
import type { FileCalls } from './files.js';
import { unlinkIfThere } from './moves.js';
import type { TimeShare } from './time-share.js';

const TOGETHER = 32;

/** Removes files with one name whose inode changed before the limit (ms); resolves to their number. Ends early at an abort. */
export async function removeOld(directory: string, limit: number, time: TimeShare, calls: FileCalls): Promise<number> {
  let removed = 0;
  for await (const entries of entriesOf(directory)) {
    for (let start = 0; start < entries.length; start += TOGETHER) {
      if (time.aborted) return removed;
      const together = entries.slice(start, start + TOGETHER).map(({ name }) => removeIfOlder(`${directory}/${name}`, limit, calls));
      removed += (await Promise.all(together)).filter(Boolean).length;
      await time.rest();
    }
  }
  return removed;
}

async function removeIfOlder(file: string, limit: number, calls: FileCalls): Promise<boolean> {
  try {
    const { ctimeMs, nlink } = await calls.lstat(file);
    return nlink === 1 && ctimeMs < limit && (await unlinkIfThere(file, calls));
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}
