/** From a failed file operation to a {@link SpoolError} that an operator can act on. */
import { promises as fs, type Stats } from 'node:fs';
import path from 'node:path';
import { SpoolError, type SpoolErrorCode } from './errors.js';

const CODES: Readonly<Record<string, SpoolErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'read-only',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
};

/** `ENOENT` and the like; undefined when the error is not a system call's. */
function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Was the operation refused for one of these reasons? */
export function failedWith(error: unknown, ...errnos: readonly string[]): boolean {
  return errnos.includes(errnoOf(error) ?? '');
}

/** No room, no inode or no quota is left. */
export function isFull(error: unknown): boolean {
  return failedWith(error, 'ENOSPC', 'EDQUOT');
}

/** For what can be done without on a full disk. */
export function unlessFull(error: unknown): void {
  if (!isFull(error)) throw error;
}

/** Resolves to what `work` gives; rejects with SpoolError only. `action` is what was tried, `root` the queue or record it belongs to. */
export async function guarded<T>(action: string, root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await fault(error, action, root);
  }
}

/** The SpoolError for whatever was thrown. */
export async function fault(error: unknown, action: string, root: string): Promise<SpoolError> {
  if (error instanceof SpoolError) return error;
  const errno = errnoOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (errno === 'ENOENT' && (await statOf(root)) === undefined)
    return new SpoolError('path-missing', `cannot ${action}: ${root} does not exist`, { cause: error, path: root });
  const code = CODES[errno ?? ''] ?? 'io-error';
  const hint = code === 'permission-denied' ? ` (${await whoAndWhere(pathOf(error) ?? root, pathOf(error, 'dest'))})` : '';
  return new SpoolError(code, `cannot ${action}: ${detail}${hint}`, { cause: error, path: pathOf(error) ?? root });
}

/**
 * `we are uid 1 gid 1; /x/y is owned by 0:0 mode 0600; /x is owned by 0:0 mode 0755`: what a refusal depends on. `target`: where a rename or
 * a link was to lead.
 */
export async function whoAndWhere(file: string, target = file): Promise<string> {
  const { geteuid, getegid } = process;
  const parts = [`we are uid ${geteuid?.() ?? '?'} gid ${getegid?.() ?? '?'}`];
  for (const one of new Set([file, path.dirname(file), target, path.dirname(target)])) {
    const stats = await statOf(one);
    if (stats !== undefined) parts.push(`${one} is owned by ${stats.uid}:${stats.gid} mode ${octal(stats)}`);
  }
  return parts.join('; ');
}

function octal(stats: Stats): string {
  return (stats.mode & 0o7777).toString(8).padStart(4, '0');
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await fs.lstat(file);
  } catch {
    return undefined;
  }
}

/** `dest`: the target of a rename or a link. */
function pathOf(error: unknown, name: 'path' | 'dest' = 'path'): string | undefined {
  const file: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof file === 'string' ? file : undefined;
}
