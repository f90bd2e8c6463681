import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { FileDeliveryRecord } from '../src/delivery-record.js';
import { NormalQueue } from '../src/normal-queue.js';
import { logSyncs } from './sync-log.js';

const MESSAGES = 64;

describe('messages that are stored at once', () => {
  it('share the syncs of the directories that they have in common, and nothing else', async (t) => {
    const root = temporaryDirectory(t);
    const queue = new NormalQueue({ path: `${root}/incoming`, instance: 'one' });
    const record = new FileDeliveryRecord({ path: `${root}/delivered` });
    await queue.start();
    await record.start();
    const synced = logSyncs(t, (file) => file.slice(root.length + 1));
    await Promise.all(
      Array.from({ length: MESSAGES }, async (_, index) => {
        const staged = await queue.stage({ body: 'b', signer: 's', empaid: 'e' });
        assert.deepEqual(await record.claim(`id ${index}`, staged.path), { outcome: 'mine' });
        assert.equal((await queue.commit(staged.path)).outcome, 'stored');
      }),
    );
    const count = (pattern: RegExp): number => synced.filter((file) => pattern.test(file)).length;
    assert.equal(count(/^incoming\/\.staging\/one\/[0-9a-f]{14}\/(?:body|signer|empaid)$/), 3 * MESSAGES);
    assert.equal(count(/^incoming\/\.staging\/one\/[0-9a-f]{14}$/), MESSAGES);
    assert.equal(count(/^delivered\/pending\/./), MESSAGES);
    // Several messages may have one of the many directories of the record in common.
    assert.ok(count(/^delivered\/[0-9a-f]{2}$/) <= MESSAGES);
    for (const shared of [/^incoming\/\.staging\/one$/, /^delivered\/pending$/, /^incoming\/[0-9a-f]{8}$/]) {
      const rounds = count(shared);
      assert.ok(rounds >= 1 && rounds <= MESSAGES / 2, `${shared.source}: ${rounds}`);
    }
  });
});
