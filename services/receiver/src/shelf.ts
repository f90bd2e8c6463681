import { type DeliveryRecord, type QueueRecord, type RecordClaim, SpoolError, type Staged, type StagingQueue } from '@ssm/spool';
import { sha256 } from './delivery-key.js';
import type { Decided, Holding } from './holding.js';
import type { Step } from './steps.js';
import { type LocalComponent, locally } from './trouble.js';

/** A queue with the memory of what was put into it. */
export interface Shelf {
  readonly component: Extract<LocalComponent, 'incoming' | 'reject'>;
  readonly queue: StagingQueue;
  readonly record: DeliveryRecord;
  /** Where the record is shared with other volumes. */
  readonly holding?: Holding;
}

export type Shelved = {
  readonly recordId: string;
  /** Another volume, where it was stored too. */
  readonly alsoIn?: string | undefined;
} & (
  | { readonly outcome: 'stored'; readonly element: string | undefined }
  /** `volume`: where it was stored, where volumes share a record. */
  | { readonly outcome: 'duplicate'; readonly firstStored: Date; readonly volume?: string }
);

/** Times that a worker starts again after it took too long from stage to record. */
const MAXIMUM_ATTEMPTS = 3;

/**
 * Puts an element into the queue exactly once for its id, whoever else tries, and whoever is killed in between: stage, record, store, and
 * tell where others share the record. While another volume has the id half-way it waits. Durable when it resolves. Rejects with
 * LocalTrouble; then nothing is lost, and the same call may be made again.
 */
export async function shelve(shelf: Shelf, id: string, element: QueueRecord, step: Step): Promise<Shelved> {
  const { component, queue } = shelf;
  const bytes = sizeOf(element);
  for (let attempt = 1; ; attempt++) {
    const staged = await step('stage', () => locally(component, () => queue.stage(element), bytes));
    try {
      const { recordId, claim } = await claimFor(shelf, id, staged, step);
      const shelved = await finish(shelf, recordId, { claim, staged }, step);
      if (claim.outcome !== 'mine') await discard(staged);
      return shelved;
    } catch (error) {
      // A copy whose claim failed stays where it is: the record may name it all the same. What nobody recorded is cleaned up later.
      if (!isCausedBy(error, 'stage-too-slow') || attempt === MAXIMUM_ATTEMPTS) throw error;
    }
  }
}

async function claimFor(shelf: Shelf, id: string, staged: Staged, step: Step): Promise<{ recordId: string; claim: Decided }> {
  try {
    return { recordId: id, claim: await decide(shelf, id, staged, step) };
  } catch (error) {
    if (!isCausedBy(error, 'record-corrupt')) throw error;
    // Whether the message was stored before cannot be known any more. Twice is better than never, but not more often than that.
    const substitute = sha256(`${id} after corruption`);
    return { recordId: substitute, claim: await decide(shelf, substitute, staged, step) };
  }
}

async function decide({ holding, record }: Shelf, id: string, staged: Staged, step: Step): Promise<Decided> {
  const ask = () => step('record', () => locally('delivery-record', () => record.claim(id, staged.path)));
  const claim = await ask();
  const decided = claim.outcome === 'held' ? await wait(id, ask, holding) : claim;
  holding?.decided(id);
  return decided;
}

async function wait(id: string, ask: () => Promise<RecordClaim>, holding: Holding | undefined): Promise<Decided> {
  if (holding === undefined) throw new Error('a record that is shared needs somewhere to wait');
  return await holding.until(id, ask);
}

interface Claimed {
  readonly claim: Decided;
  readonly staged: Staged;
}

async function finish(shelf: Shelf, recordId: string, { claim, staged }: Claimed, step: Step): Promise<Shelved> {
  const { component, queue, record } = shelf;
  if (claim.outcome === 'stored') {
    // Perhaps of another process here. If it cannot go, the cleaning of the staging area finds it.
    await queue.discard(claim.stagedPath).catch(() => undefined);
    return { outcome: 'duplicate', recordId, firstStored: claim.recordedAt, volume: claim.volume };
  }
  const stagedPath = claim.outcome === 'mine' ? staged.path : claim.stagedPath;
  const { name, outcome } = await step('store', () => locally(component, () => queue.commit(stagedPath)));
  const { sharing } = record;
  const told = sharing && (await step('tell', () => locally('delivery-record', () => sharing.stored(recordId))));
  const alsoIn = outcome === 'stored' ? told?.alsoIn : undefined;
  if (claim.outcome === 'theirs') return { outcome: 'duplicate', recordId, firstStored: claim.recordedAt, alsoIn };
  return { outcome: 'stored', recordId, element: name, alsoIn };
}

/** Only a copy that the record does not name may go; if it cannot, the cleaning of the staging area finds it. */
async function discard(staged: Staged): Promise<void> {
  await staged.discard().catch(() => undefined);
}

function isCausedBy(error: unknown, code: SpoolError['code']): boolean {
  return error instanceof Error && error.cause instanceof SpoolError && error.cause.code === code;
}

export function sizeOf(element: QueueRecord): number {
  return Object.values(element).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
}
