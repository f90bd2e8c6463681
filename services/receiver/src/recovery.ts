import { SpoolError } from '@ssm/spool';
import { settleShared } from './settlement.js';
import type { Shelf } from './shelf.js';
import { LocalTrouble, locally } from './trouble.js';

export interface Recovery {
  readonly queue: Shelf['component'];
  /** Elements that were made visible. */
  readonly finished: number;
  /** Where volumes share the record: elements thrown away, since another volume stored them meanwhile. */
  readonly dropped: number;
  /** Where volumes share the record: messages that another volume has stored too. */
  readonly twice: number;
  /** A corrupt record; behind one of the files no other was looked at. Nothing is lost by that: what was not stored was not acknowledged. */
  readonly failure: SpoolError | undefined;
}

/** What is recorded and not confirmed. */
export interface Unconfirmed {
  readonly id: string;
  readonly stagedPath: string;
  readonly recordedAt: Date;
}

/**
 * Makes every recorded element visible that a crash left staged; where volumes share the record, settles with them what became of it.
 * Idempotent. Rejects with LocalTrouble. `before`: leaves alone what was recorded later, which may just be in work.
 */
export async function finishRecorded(shelf: Shelf, signal: AbortSignal, before?: Date): Promise<Recovery> {
  const queue = shelf.component;
  const found: Unconfirmed[] = [];
  const isShared = shelf.record.sharing !== undefined;
  const staged = isShared ? undefined : await locally(queue, () => shelf.queue.staged());
  let failure = await locally('delivery-record', () => findRecorded(shelf, staged, found, signal));
  const counts = { finished: 0, dropped: 0, twice: 0 };
  for (const entry of found) {
    if (before !== undefined && entry.recordedAt >= before) continue;
    const outcome = isShared ? await settleShared(shelf, entry).catch(corruption) : await finishOne(shelf, entry);
    if (outcome instanceof SpoolError) failure ??= outcome;
    else if (outcome !== undefined) counts[outcome] += 1;
  }
  return { queue, ...counts, failure };
}

/** What the server says of one message is no record: the others are good all the same. */
function corruption(error: unknown): SpoolError {
  if (error instanceof LocalTrouble && error.cause instanceof SpoolError && error.cause.code === 'record-corrupt') return error.cause;
  throw error;
}

async function finishOne({ component, queue }: Shelf, { stagedPath }: Unconfirmed): Promise<'finished' | undefined> {
  const { outcome } = await locally(component, () => queue.commit(stagedPath));
  return outcome === 'stored' ? 'finished' : undefined;
}

/** Adds to `found` what is recorded of `staged` (undefined: everything); what is corrupt ends the search. */
async function findRecorded(
  shelf: Shelf,
  staged: ReadonlySet<string> | undefined,
  found: Unconfirmed[],
  signal: AbortSignal,
): Promise<SpoolError | undefined> {
  try {
    for await (const entry of recordedAmong(shelf, staged, signal)) found.push(entry);
    return undefined;
  } catch (error) {
    if (error instanceof SpoolError && error.code === 'record-corrupt') return error;
    throw error;
  }
}

/** Forgets what was confirmed before the window, then removes what dead processes staged and nobody recorded. As fast as it can. */
export async function tidy(shelf: Shelf, windowMs: number, now: Date, signal: AbortSignal): Promise<{ expired: number; removed: number }> {
  const expired = await shelf.record.expire(windowMs, now, signal);
  return { expired, removed: await cleanStaged(shelf, now, signal) };
}

/** Removes what dead processes staged and nobody recorded. */
export async function cleanStaged(shelf: Shelf, now: Date, signal: AbortSignal): Promise<number> {
  const isRecorded = async (stagedPath: string): Promise<boolean> => {
    for await (const found of recordedAmong(shelf, new Set([stagedPath]), signal)) return found.stagedPath === stagedPath;
    return false;
  };
  return await shelf.queue.cleanStaging(isRecorded, now);
}

/** The record may be long, and staged elements are few: memory holds only these. */
async function* recordedAmong(
  { record }: Shelf,
  staged: ReadonlySet<string> | undefined,
  signal: AbortSignal,
): AsyncGenerator<Unconfirmed> {
  if (staged?.size === 0) return;
  for await (const entry of record.entries(signal)) if (staged === undefined || staged.has(entry.stagedPath)) yield entry;
  signal.throwIfAborted();
}
