import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Shelf } from './shelf.js';
import { locally } from './trouble.js';

const STAGING = '.staging';

/** Makes every recorded element visible that a crash left staged. Returns their number. Idempotent. Rejects with LocalTrouble. */
export async function finishRecorded(shelf: Shelf, signal: AbortSignal): Promise<number> {
  const staged = await locally(shelf.component, () => stagedPaths(shelf.queue.path));
  if (staged.size === 0) return 0;
  let finished = 0;
  for (const stagedPath of await locally('delivery-record', () => recordedAmong(shelf, staged, signal))) {
    const { outcome } = await locally(shelf.component, () => shelf.queue.commit(stagedPath));
    if (outcome === 'stored') finished += 1;
  }
  return finished;
}

/** Forgets what was confirmed before the window, then removes what dead processes staged and nobody recorded. */
export async function tidy(shelf: Shelf, windowMs: number, now: Date, signal: AbortSignal): Promise<{ expired: number; removed: number }> {
  const expired = await shelf.record.expire(windowMs, now, signal);
  const isRecorded = async (stagedPath: string): Promise<boolean> => (await recordedAmong(shelf, new Set([stagedPath]), signal)).length > 0;
  return { expired, removed: await shelf.queue.cleanStaging(isRecorded, now) };
}

/** The record may be long, and staged elements are few: memory holds only these. */
async function recordedAmong({ record }: Shelf, staged: ReadonlySet<string>, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for await (const { stagedPath } of record.entries(signal)) if (staged.has(stagedPath)) found.push(stagedPath);
  signal.throwIfAborted();
  return found;
}

async function stagedPaths(root: string): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const instance of await namesIn(path.join(root, STAGING)))
    for (const name of await namesIn(path.join(root, STAGING, instance))) paths.add(path.posix.join(STAGING, instance, name));
  return paths;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}
