import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { createDeliveryRecord, createStagingQueue, type FileModes, type RecordOptions, type StagingQueue, VolumeBond } from '@ssm/spool';
import type { ReceiverConfig } from './config.js';
import type { ReceiverSources } from './credentials.js';
import type { Need } from './guard.js';
import { Holding } from './holding.js';
import { finishRecorded, type Recovery, tidy } from './recovery.js';
import { RejectStore } from './reject-store.js';
import { createSharedRecord } from './shared-record.js';
import type { Shelf } from './shelf.js';
import { SpaceReserve } from './space.js';
import { locally, type VolumeComponent } from './trouble.js';

const RECORD = '.delivered';
/** Characters of the configured name in the name of a staging directory. */
const MAXIMUM_INSTANCE = 60;

export interface LocalOptions {
  readonly now: () => Date;
  /** Something for which messages may wait goes on. */
  readonly moved: () => void;
  /** Ends what waits for other volumes, or for a measurement. */
  readonly stopping: AbortSignal;
  /** For the server of a shared record; used when it is connected. */
  readonly sources: ReceiverSources;
}

/** What this machine lends to the work: queues, records, space. */
export interface Local {
  readonly incoming: Shelf;
  readonly reject: Shelf;
  /** Of incoming and its record. */
  readonly bond: VolumeBond;
  readonly rejects: RejectStore;
  readonly space: SpaceReserve;
  /** Removes what dead processes left, now and then: it may be what fills the disk. undefined: nothing was tried, or it failed. */
  readonly reclaim: (signal: AbortSignal) => Promise<Recovery[] | undefined>;
}

export function createLocal(config: ReceiverConfig, options: LocalOptions): Local {
  const { deduplication, incoming, reject } = config;
  const { moved, now, stopping } = options;
  const instance = `${config.instance.slice(0, MAXIMUM_INSTANCE)}-${process.pid}-${randomBytes(6).toString('hex')}`;
  const modes = modesOf(incoming);
  const queueAt = (path: string): StagingQueue => createStagingQueue({ path, instance, modes, now });
  const record = { path: recordPath(config), modes, now };
  const incomingShelf: Shelf = { component: 'incoming', queue: queueAt(incoming.path), ...recordOf(config, record, options) };
  const rejectRecord = createDeliveryRecord({ path: `${reject.path}/${RECORD}`, modes, now });
  const rejectShelf: Shelf = { component: 'reject', queue: queueAt(reject.path), record: rejectRecord };
  const bond = bondOf(config);
  const { maximumBytes, maximumCount } = reject;
  return {
    incoming: incomingShelf,
    reject: rejectShelf,
    bond,
    rejects: new RejectStore({ shelf: rejectShelf, maximumBytes, maximumCount, reserve: incoming.reserve, moved, stopping, now }),
    space: new SpaceReserve(incomingShelf.queue, incoming.reserve),
    reclaim: reclaimer({ bond, shelves: [incomingShelf, rejectShelf] }, deduplication.window, now),
  };
}

function modesOf({ directoryMode, fileMode, gid }: ReceiverConfig['incoming']): FileModes {
  return { directoryMode, fileMode, gid };
}

function recordPath({ deduplication, incoming }: ReceiverConfig): string {
  return deduplication.path === '' ? `${incoming.path}/${RECORD}` : deduplication.path;
}

/** Which volume incoming has to be. */
export function bondOf(config: ReceiverConfig): VolumeBond {
  const { incoming, instance, reject } = config;
  const rejects = `${reject.path}/${RECORD}`;
  return new VolumeBond({ queue: incoming.path, record: recordPath(config), rejects, instance, modes: modesOf(incoming) });
}

function recordOf(config: ReceiverConfig, options: RecordOptions, { sources, stopping }: LocalOptions): Pick<Shelf, 'record' | 'holding'> {
  const { holdLimit, server } = config.deduplication;
  if (server === '') return { record: createDeliveryRecord(options) };
  const record = createSharedRecord(config, options, sources);
  return { record, holding: new Holding({ sharing: record.sharing, limit: holdLimit, signal: stopping }) };
}

/** Between two attempts: looking at every record of a long window takes a while. */
const RECLAIM_INTERVAL_MS = 10 * 60_000;

interface Reclaimable {
  readonly bond: VolumeBond;
  readonly shelves: readonly Shelf[];
}

function reclaimer({ bond, shelves }: Reclaimable, windowMs: number, now: () => Date): Local['reclaim'] {
  let last = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    if (performance.now() - last < RECLAIM_INTERVAL_MS) return undefined;
    last = performance.now();
    try {
      // On another volume what is half-way would seem to be stored.
      await bond.check();
      const recovered: Recovery[] = [];
      for (const shelf of shelves) {
        // Only what has been finished may be forgotten.
        recovered.push(await finishRecorded(shelf, signal));
        await tidy(shelf, windowMs, now(), signal);
      }
      return recovered;
    } catch {
      // The trouble that led here is what is told.
      return undefined;
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
    const reclaimed = await local.reclaim(signal);
    if (reclaimed === undefined) throw error;
    return [...reclaimed, ...(await prepareOnce(local, need, signal))];
  }
}

async function prepareOnce(local: Local, need: Need, signal: AbortSignal): Promise<Recovery[]> {
  const { bond, incoming, reject, rejects, space } = local;
  await locally('incoming', () => bond.check());
  for (const { component, queue, record } of [incoming, reject]) {
    await locally(component, () => queue.start());
    await locally('delivery-record', () => record.start(signal));
  }
  await locally('incoming', () => bond.bind());
  await locally('incoming', () => space.check(need.components.has('incoming') ? need.bytes : 0, need.components.has('incoming')));
  if (need.components.has('reject')) await rejects.check(need.bytes);
  for (const shelf of [incoming, reject]) if (need.bytes > 0 && need.components.has(shelf.component)) await tryToStage(shelf, need.bytes);
  const recovered = [await finishRecorded(incoming, signal), await finishRecorded(reject, signal)];
  const { holding } = incoming;
  if (holding !== undefined) await locally('delivery-record', () => holding.requireFree());
  return recovered;
}

/**
 * Could a message be stored, were one to come? For volumes that have been well; `isUsed`: incoming took one a moment ago. `probe` is like
 * locally(), and rejects with LocalTrouble.
 */
export async function probeLocal(
  { incoming, reject, space }: Pick<Local, 'incoming' | 'reject' | 'space'>,
  isUsed: boolean,
  probe: (component: VolumeComponent, work: () => Promise<void>) => Promise<void> = locally,
): Promise<void> {
  // The record of the rejects is always on their volume.
  await probe('reject', () => reject.queue.probe());
  if (isUsed) return;
  await probe('incoming', () => space.check(0, false));
  await probe('incoming', () => incoming.queue.probe());
  await probe('delivery-record', () => incoming.record.probe());
}

/** A small file may fit where the message that failed does not: something as large as that, and never the message itself. */
async function tryToStage({ component, queue }: Shelf, bytes: number): Promise<void> {
  await locally(component, async () => (await queue.stage({ body: Buffer.alloc(bytes) })).discard(), bytes);
}
