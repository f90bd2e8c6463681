import type { Sharing } from '@ssm/spool';
import type { Unconfirmed } from './recovery.js';
import type { Shelf } from './shelf.js';
import { locally } from './trouble.js';

/** finished: it is visible now. dropped: another volume has stored it, ours is gone. twice: it is in both. undefined: nothing to say. */
export type Settlement = 'finished' | 'dropped' | 'twice' | undefined;

/**
 * One entry that a crash may have left half-way, where volumes share the record:
 *
 *     the server says        still staged here                      staged no more, so stored here
 *     ours, open             store it, tell                         make sure that it is durable, tell
 *     ours, stored           store it (a volume that was put back)  tell, so that the server goes on remembering
 *     ours, confirmed        store it                               confirm here too
 *     another's, open        leave it: theirs may be lost           tell, so that theirs becomes the duplicate
 *     another's, stored      drop it                                it is in both volumes
 *
 * Rejects with LocalTrouble.
 */
export async function settleShared(shelf: Shelf, { id, stagedPath }: Unconfirmed): Promise<Settlement> {
  const { component, queue, record } = shelf;
  const { sharing } = record;
  if (sharing === undefined) return undefined;
  const { isHere, state } = await locally('delivery-record', () => sharing.settle(id));
  // After the answer: what was recorded had been staged before, so if it is not now, it is stored or somebody here has dropped it.
  const isStaged = await locally(component, () => queue.isStaged(stagedPath));
  if (!isHere && state !== 'open') return await drop(shelf, sharing, { id, stagedPath }, isStaged);
  if (!isHere && isStaged) return undefined;
  const isNews = isStaged || state === 'open';
  const outcome = isNews ? (await locally(component, () => queue.commit(stagedPath))).outcome : 'done';
  await locally('delivery-record', async () => {
    if (state === 'confirmed') await record.confirm(id);
    else await sharing.stored(id);
  });
  return outcome === 'stored' ? 'finished' : undefined;
}

async function drop(
  { component, queue }: Shelf,
  sharing: Sharing,
  { id, stagedPath }: Unconfirmed,
  isStaged: boolean,
): Promise<Settlement> {
  const wasOurs = await locally('delivery-record', () => sharing.drop(id));
  if (!isStaged) return wasOurs ? 'twice' : undefined;
  await locally(component, () => queue.discard(stagedPath));
  return 'dropped';
}
