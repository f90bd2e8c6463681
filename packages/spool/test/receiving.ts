import { FileDeliveryRecord } from '../src/delivery-record.js';
import { NormalQueue } from '../src/normal-queue.js';
import { type Checkpoint, noCheckpoint } from '../src/options.js';
import type { FileModes } from '../src/spool.js';

export interface Receiving {
  readonly root: string;
  readonly instance: string;
  readonly ids: readonly string[];
  readonly modes?: FileModes;
  readonly checkpoint?: Checkpoint;
  readonly say: (line: string) => void;
}

/** What a receiver does: the recovery, then stage, record, store and confirm for each message. */
export async function receive({ root, instance, ids, modes = {}, checkpoint = noCheckpoint, say }: Receiving): Promise<void> {
  const queue = new NormalQueue({ path: `${root}/incoming`, instance, modes, directorySize: 10 }, checkpoint);
  const record = new FileDeliveryRecord({ path: `${root}/incoming/.delivered`, modes }, checkpoint);
  await queue.start();
  await record.start();
  for await (const { stagedPath } of record.entries()) await queue.commit(stagedPath);
  for (const id of ids) {
    const staged = await queue.stage({ body: id, signer: 'x' });
    const claim = await record.claim(id, staged.path);
    const { outcome } = await queue.commit(claim.outcome === 'theirs' ? claim.stagedPath : staged.path);
    if (claim.outcome === 'theirs') await staged.discard();
    await checkpoint('before confirm');
    await record.confirm(id);
    say(`${claim.outcome} ${outcome} ${id}`);
  }
}
