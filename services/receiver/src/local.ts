import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { createDeliveryRecord, createStagingQueue, type FileModes } from '@ssm/spool';
import type { ReceiverConfig } from './config.js';
import type { Need } from './guard.js';
import { finishRecorded, type Recovery, tidy } from './recovery.js';
import { RejectStore } from './reject-store.js';
import type { Shelf } from './shelf.js';
import { SpaceReserve } from './space.js';
import { locally } from './trouble.js';

const RECORD = '.delivered';
/** Characters of the configured name in the name of a staging directory. */
const MAXIMUM_INSTANCE = 60;

/** What this machine lends to the work: queues, records, space. */
export interface Local {
  readonly incoming: Shelf;
  readonly reject: Shelf;
  readonly rejects: RejectStore;
  readonly space: SpaceReserve;
  /** Removes what dead processes left, now and then: it may be what fills the disk. false: nothing was tried, or it failed. */
  readonly reclaim: (signal: AbortSignal) => Promise<boolean>;
}

export function createLocal(config: ReceiverConfig, now: () => Date): Local {
  const { deduplication, incoming, reject } = config;
  const instance = `${config.instance.slice(0, MAXIMUM_INSTANCE)}-${process.pid}-${randomBytes(6).toString('hex')}`;
  const modes = modesOf(incoming);
  const shelf = (component: Shelf['component'], path: string, recordPath: string): Shelf => ({
    component,
    queue: createStagingQueue({ path, instance, modes, now }),
    record: createDeliveryRecord({ path: recordPath === '' ? `${path}/${RECORD}` : recordPath, modes, now }),
  });
  const incomingShelf = shelf('incoming', incoming.path, deduplication.path);
  const rejectShelf = shelf('reject', reject.path, '');
  const { maximumBytes, maximumCount } = reject;
  return {
    incoming: incomingShelf,
    reject: rejectShelf,
    rejects: new RejectStore({ shelf: rejectShelf, maximumBytes, maximumCount, reserve: incoming.reserve, now }),
    space: new SpaceReserve(incomingShelf.queue, incoming.reserve),
    reclaim: reclaimer([incomingShelf, rejectShelf], deduplication.window, now),
  };
}

/** Milliseconds between two attempts: looking at every record of a long window takes a while. */
const RECLAIM_INTERVAL = 10 * 60_000;

function reclaimer(shelves: readonly Shelf[], windowMs: number, now: () => Date): Local['reclaim'] {
  let last = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    if (performance.now() - last < RECLAIM_INTERVAL) return false;
    last = performance.now();
    try {
      for (const shelf of shelves) {
        // Only what has been finished may be forgotten.
        await finishRecorded(shelf, signal);
        await tidy(shelf, windowMs, now(), signal);
      }
      return true;
    } catch {
      // The trouble that led here is what is told.
      return false;
    }
  };
}

/**
 * Makes sure that messages can be stored, and finishes those that a crash left half-way. The same at each start and after trouble of any
 * kind. Rejects with LocalTrouble.
 */
export async function prepareLocal(local: Local, need: Need, signal: AbortSignal): Promise<Recovery[]> {
  try {
    return await prepareOnce(local, need, signal);
  } catch (error) {
    if (!(await local.reclaim(signal))) throw error;
    return await prepareOnce(local, need, signal);
  }
}

async function prepareOnce(local: Local, need: Need, signal: AbortSignal): Promise<Recovery[]> {
  const { incoming, reject, rejects, space } = local;
  for (const { component, queue, record } of [incoming, reject]) {
    await locally(component, () => queue.start());
    await locally('delivery-record', () => record.start());
  }
  await locally('incoming', () => space.check(need.components.has('incoming') ? need.bytes : 0, need.components.has('incoming')));
  if (need.components.has('reject')) await rejects.check(need.bytes);
  for (const shelf of [incoming, reject]) if (need.bytes > 0 && need.components.has(shelf.component)) await tryToStage(shelf, need.bytes);
  const recovered = [await finishRecorded(incoming, signal), await finishRecorded(reject, signal)];
  if (!rejects.measured) await rejects.measure(signal);
  return recovered;
}

/** A small file may fit where the message that failed does not: something as large as that, and never the message itself. */
async function tryToStage({ component, queue }: Shelf, bytes: number): Promise<void> {
  await locally(component, async () => (await queue.stage({ body: Buffer.alloc(bytes) })).discard(), bytes);
}

function modesOf({ directoryMode, fileMode, gid }: ReceiverConfig['incoming']): FileModes {
  return {
    ...(directoryMode === undefined ? {} : { directoryMode }),
    ...(fileMode === undefined ? {} : { fileMode }),
    ...(gid === undefined ? {} : { gid }),
  };
}
