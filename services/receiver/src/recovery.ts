import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { SpoolError } from '@ssm/spool';
import type { Shelf } from './shelf.js';
import { locally } from './trouble.js';

const STAGING = '.staging';

export interface Recovery {
  readonly queue: Shelf['component'];
  /** Elements that were made visible. */
  readonly finished: number;
  /** A corrupt record, behind which no other was looked at. Nothing is lost by that: what was not stored was not acknowledged. */
  readonly failure: SpoolError | undefined;
}

/** Makes every recorded element visible that a crash left staged. Idempotent. Rejects with LocalTrouble. */
export async function finishRecorded(shelf: Shelf, signal: AbortSignal): Promise<Recovery> {
  const queue = shelf.component;
  const staged = await locally(queue, () => stagedPaths(shelf.queue.path));
  const found: string[] = [];
  const failure = await locally('delivery-record', () => findRecorded(shelf, staged, found, signal));
  let finished = 0;
  for (const stagedPath of found) {
    const { outcome } = await locally(queue, () => shelf.queue.commit(stagedPath));
    if (outcome === 'stored') finished += 1;
  }
  return { queue, finished, failure };
}

/** Adds to `found` those of `staged` that are recorded; what is corrupt ends the search. */
async function findRecorded(
  shelf: Shelf,
  staged: ReadonlySet<string>,
  found: string[],
  signal: AbortSignal,
): Promise<SpoolError | undefined> {
  try {
    for await (const stagedPath of recordedAmong(shelf, staged, signal)) found.push(stagedPath);
    return undefined;
  } catch (error) {
    if (error instanceof SpoolError && error.code === 'record-corrupt') return error;
    throw error;
  }
}

/** Forgets what was confirmed before the window, then removes what dead processes staged and nobody recorded. */
export async function tidy(shelf: Shelf, windowMs: number, now: Date, signal: AbortSignal): Promise<{ expired: number; removed: number }> {
  const expired = await shelf.record.expire(windowMs, now, signal);
  const isRecorded = async (stagedPath: string): Promise<boolean> => {
    for await (const found of recordedAmong(shelf, new Set([stagedPath]), signal)) return found === stagedPath;
    return false;
  };
  return { expired, removed: await shelf.queue.cleanStaging(isRecorded, now) };
}

/** The record may be long, and staged elements are few: memory holds only these. */
async function* recordedAmong({ record }: Shelf, staged: ReadonlySet<string>, signal: AbortSignal): AsyncGenerator<string> {
  if (staged.size === 0) return;
  for await (const { stagedPath } of record.entries(signal)) if (staged.has(stagedPath)) yield stagedPath;
  signal.throwIfAborted();
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
