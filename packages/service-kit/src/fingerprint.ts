import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Changes when one of the files, or a file in one of the directories, is replaced, written, added or removed.
 * Links are followed; in directories names that begin with a dot are left out (Kubernetes and editors keep theirs there);
 * what cannot be looked at counts by its error code. Never rejects.
 */
export async function fingerprint(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const each of paths) {
    hash.update(`${each}\0${await lookAt(each)}\0`);
    for (const name of await entries(each)) hash.update(`${name}\0${await lookAt(path.join(each, name))}\0`);
  }
  return hash.digest('base64');
}

async function lookAt(file: string): Promise<string> {
  try {
    const stats = await stat(file, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = stats;
    // The times of a directory change with every temporary file in it; its entries are looked at themselves.
    return stats.isDirectory() ? [dev, ino].join(':') : [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (error) {
    return codeOf(error);
  }
}

/** Names in a directory, sorted; none for what is not a directory. */
async function entries(directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => !name.startsWith('.')).toSorted();
  } catch {
    return [];
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
