/** What lies where a file should: looked at, never opened, and no link followed. */
import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';

export interface Kind {
  readonly type: 'file' | 'symbolic link' | 'FIFO' | 'socket' | 'character device' | 'block device' | 'directory';
  /** Where a link points to. */
  readonly target?: string;
}

/** Rejects with the system's error. */
export async function kindOf(file: string): Promise<Kind> {
  const type = typeOf(await lstat(file));
  return type === 'symbolic link' ? { type, target: await readlink(file) } : { type };
}

function typeOf(stats: Stats): Kind['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'symbolic link';
  if (stats.isFIFO()) return 'FIFO';
  if (stats.isSocket()) return 'socket';
  if (stats.isCharacterDevice()) return 'character device';
  return stats.isBlockDevice() ? 'block device' : 'directory';
}

/** `a symbolic link to "/etc/passwd", which is not followed` */
export function kindText({ target, type }: Kind): string {
  return `a ${type}${target === undefined ? '' : ` to ${JSON.stringify(target)}, which is not followed`}`;
}
