import { type DeliveryRecord, type QueueRecord, type RecordClaim, SpoolError, type Staged, type StagingQueue } from '@ssm/spool';
import { sha256 } from './delivery-key.js';
import type { Step } from './steps.js';
import { type LocalComponent, locally } from './trouble.js';

/** A queue with the memory of what was put into it. */
export interface Shelf {
  readonly component: Extract<LocalComponent, 'incoming' | 'reject'>;
  readonly queue: StagingQueue;
  readonly record: DeliveryRecord;
}

export type Shelved =
  | { readonly outcome: 'stored'; readonly recordId: string; readonly element: string | undefined }
  | { readonly outcome: 'duplicate'; readonly recordId: string; readonly firstStored: Date };

/** Times that a worker starts again after it took too long from stage to record. */
const MAXIMUM_ATTEMPTS = 3;

/**
 * Puts an element into the queue exactly once for its id, whoever else tries, and whoever is killed in between: stage, record, store.
 * Durable when it resolves. Rejects with LocalTrouble; then nothing is lost, and the same call may be made again.
 */
export async function shelve(shelf: Shelf, id: string, element: QueueRecord, step: Step): Promise<Shelved> {
  const { component, queue } = shelf;
  const bytes = sizeOf(element);
  for (let attempt = 1; ; attempt++) {
    const staged = await step('stage', () => locally(component, () => queue.stage(element), bytes));
    try {
      const { recordId, claim } = await step('record', () => claimFor(shelf, id, staged));
      const ours = claim.outcome === 'mine';
      const { name } = await step('store', () => locally(component, () => queue.commit(ours ? staged.path : claim.stagedPath)));
      if (ours) return { outcome: 'stored', recordId, element: name };
      await discard(staged);
      return { outcome: 'duplicate', recordId, firstStored: claim.recordedAt };
    } catch (error) {
      // A copy whose claim failed stays where it is: the record may name it all the same. What nobody recorded is cleaned up later.
      if (!isTooSlow(error) || attempt === MAXIMUM_ATTEMPTS) throw error;
    }
  }
}

async function claimFor({ record }: Shelf, id: string, staged: Staged): Promise<{ recordId: string; claim: RecordClaim }> {
  return locally('delivery-record', async () => {
    try {
      return { recordId: id, claim: await record.claim(id, staged.path) };
    } catch (error) {
      if (!(error instanceof SpoolError && error.code === 'record-corrupt')) throw error;
      // Whether the message was stored before cannot be known any more. Twice is better than never, but not more often than that.
      const substitute = sha256(`${id} after corruption`);
      return { recordId: substitute, claim: await record.claim(substitute, staged.path) };
    }
  });
}

/** Only a copy that the record does not name may go; if it cannot, the cleaning of the staging area finds it. */
async function discard(staged: Staged): Promise<void> {
  await staged.discard().catch(() => undefined);
}

function isTooSlow(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof SpoolError && error.cause.code === 'stage-too-slow';
}

export function sizeOf(element: QueueRecord): number {
  return Object.values(element).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
}
