/** The suite that every delivery record passes: one volume, several processes. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import type { DeliveryRecord } from '../src/spool.js';
import { Clock, HOUR, MINUTE, rejectsWith, SECOND } from './support.js';

export interface RecordFixture {
  /** As another process of the volume would have it. */
  readonly make: (root: string, now?: () => Date) => DeliveryRecord;
  /** Time passes where it is not an argument. */
  readonly pass?: (root: string, milliseconds: number) => Promise<void>;
}

async function entriesOf(record: DeliveryRecord): Promise<{ id: string; stagedPath: string }[]> {
  const entries = [];
  for await (const { id, stagedPath } of record.entries()) entries.push({ id, stagedPath });
  return entries.toSorted((one, other) => one.id.localeCompare(other.id));
}

export function recordConformance(name: string, { make, pass }: RecordFixture): void {
  const started = async (t: TestContext, now?: () => Date): Promise<{ root: string; record: DeliveryRecord }> => {
    const root = `${temporaryDirectory(t)}/record`;
    const record = make(root, now);
    await record.start();
    return { root, record };
  };

  describe(`delivery record: ${name}`, () => {
    it('gives an id to the first who asks, and tells the others who that was', async (t) => {
      const clock = new Clock();
      const { root, record } = await started(t, clock.now);
      assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
      clock.advance(MINUTE);
      const theirs = { outcome: 'theirs', stagedPath: '.staging/a/1', recordedAt: new Date(clock.now().getTime() - MINUTE) };
      assert.deepEqual(await record.claim('id', '.staging/b/2'), theirs);
      assert.deepEqual(await make(root).claim('id', '.staging/c/3'), theirs, 'in another process');
      assert.deepEqual(await record.claim('other id', '.staging/b/2'), { outcome: 'mine' });
    });

    it('answers a repeated claim with the same element as the first time', async (t) => {
      const { root, record } = await started(t);
      assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
      assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
      assert.deepEqual(await make(root).claim('id', '.staging/a/1'), { outcome: 'mine' });
    });

    it('takes any text for an id', async (t) => {
      const { record } = await started(t);
      const ids = ['', ' ', 'a/b', '../x', '\0', '/C=CH/O=Zürich Öl, GmbH/CN=a\nb', '\ud800', 'x'.repeat(10_000), 'ID', 'id'];
      for (const [index, id] of ids.entries()) assert.deepEqual(await record.claim(id, `.staging/a/${index}`), { outcome: 'mine' });
      for (const id of ids) assert.equal((await record.claim(id, '.staging/b/0')).outcome, 'theirs');
      assert.equal((await entriesOf(record)).length, ids.length);
      await rejectsWith(record.claim('x'.repeat(1_000_000), '.staging/a/0'), 'name-invalid');
    });

    it('has one winner among many at once', async (t) => {
      const { root } = await started(t);
      const records = Array.from({ length: 5 }, () => make(root));
      for (let round = 0; round < 10; round += 1) {
        const claims = await Promise.all(records.map((record, index) => record.claim(`id ${round}`, `.staging/${index}/${round}`)));
        const mine = claims.flatMap(({ outcome }, index) => (outcome === 'mine' ? [index] : []));
        assert.equal(mine.length, 1);
        const losers = claims.flatMap((claim) => (claim.outcome === 'theirs' ? [claim.stagedPath] : []));
        assert.deepEqual([...new Set(losers)], [`.staging/${mine[0]}/${round}`]);
      }
    });

    it('lists what is not confirmed yet, and forgets it only when it was confirmed long enough ago', async (t) => {
      const { root, record } = await started(t);
      await record.claim('a', '.staging/x/1');
      await record.claim('b', '.staging/x/2');
      await record.confirm('a');
      await record.confirm('a');
      await record.confirm('never heard of');
      assert.deepEqual(await entriesOf(record), [{ id: 'b', stagedPath: '.staging/x/2' }]);
      const now = Date.now();
      assert.equal(await record.expire(HOUR, new Date(now + 30 * MINUTE)), 0);
      assert.notEqual((await record.claim('a', '.staging/y/1')).outcome, 'mine');
      assert.equal(await record.expire(HOUR, new Date(now + 2 * HOUR)), 1);
      await pass?.(root, 2 * HOUR);
      assert.equal(await record.expire(HOUR, new Date(now + 1000 * HOUR)), 0, 'what was never confirmed stays');
      assert.equal((await record.claim('b', '.staging/y/2')).outcome, 'theirs');
      assert.deepEqual(await make(root).claim('a', '.staging/y/1'), { outcome: 'mine' });
    });

    it('confirms what another process recorded', async (t) => {
      const { root, record } = await started(t);
      await record.claim('a', '.staging/x/1');
      const other = make(root);
      await other.claim('a', '.staging/y/1');
      await other.confirm('a');
      assert.deepEqual(await entriesOf(record), []);
      const third = make(root);
      await record.claim('b', '.staging/x/2');
      await third.confirm('b');
      assert.deepEqual(await entriesOf(record), []);
      assert.equal(await record.expire(0, new Date(Date.now() + MINUTE)), 2);
    });

    it('does not list again what is claimed again after its confirmation', async (t) => {
      const { record } = await started(t);
      await record.claim('a', '.staging/x/1');
      await record.confirm('a');
      await record.claim('a', '.staging/x/1');
      await record.claim('a', '.staging/y/1');
      assert.deepEqual(await entriesOf(record), []);
    });

    it('refuses an element that was staged more than an hour ago', async (t) => {
      const clock = new Clock(0x66000000 * 1000 + HOUR);
      const { record } = await started(t, clock.now);
      const staged = '.staging/a/66000000000000';
      assert.deepEqual(await record.claim('young', staged), { outcome: 'mine' });
      clock.advance(SECOND);
      await rejectsWith(record.claim('old', staged), 'stage-too-slow');
      assert.deepEqual(
        (await entriesOf(record)).map(({ id }) => id),
        ['young'],
      );
    });

    it('stops a listing that is aborted', async (t) => {
      const { record } = await started(t);
      for (let index = 0; index < 5; index += 1) await record.claim(`${index}`, `.staging/a/${index}`);
      const abort = new AbortController();
      let count = 0;
      for await (const { id } of record.entries(abort.signal)) {
        count += id === '' ? 0 : 1;
        abort.abort();
      }
      assert.equal(count, 1);
      assert.equal(await record.expire(0, new Date(), abort.signal), 0);
    });

    it('starts again on what is there', async (t) => {
      const { root, record } = await started(t);
      await record.claim('a', '.staging/x/1');
      const again = make(root);
      await again.start();
      assert.equal((await again.claim('a', '.staging/y/1')).outcome, 'theirs');
      await rejectsWith(make(`${root}/absent/deep`).start(), 'path-missing');
    });
  });
}
