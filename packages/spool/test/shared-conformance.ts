/** What a record that volumes share must do beyond the suite of every record, whatever the server: several volumes. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import type { SharedDeliveryRecord } from '../src/shared-record.js';
import { HOUR, MINUTE } from './support.js';

export interface SharedFixture {
  /** A process of the volume at `root`; all volumes of one `prefix` share. Window: an hour. */
  readonly make: (root: string, prefix: string) => SharedDeliveryRecord;
  readonly pass: (milliseconds: number) => Promise<void>;
  /** What the server holds of deliveries is gone. */
  readonly empty: () => Promise<void>;
  /** Claims that the server would keep for ever. */
  readonly lasting: (prefix: string) => Promise<number>;
}

interface Volumes {
  readonly one: SharedDeliveryRecord;
  readonly two: SharedDeliveryRecord;
  readonly roots: readonly [string, string];
  readonly prefix: string;
}

let worlds = 0;
const A = '.staging/a/1';
const B = '.staging/b/1';

export function sharedConformance(name: string, fixture: SharedFixture): void {
  const volumes = async (t: TestContext): Promise<Volumes> => {
    worlds += 1;
    const prefix = `world${worlds}`;
    const directory = temporaryDirectory(t);
    const roots = [`${directory}/one`, `${directory}/two`] as const;
    const [one, two] = [fixture.make(roots[0], prefix), fixture.make(roots[1], prefix)];
    await one.start();
    await two.start();
    return { one, two, roots, prefix };
  };

  describe(`shared delivery record: ${name}`, () => {
    it('gives an id to the volume that claims it first, and holds it for the others until it is stored', async (t) => {
      const { one, two } = await volumes(t);
      assert.deepEqual(await one.claim('id', A), { outcome: 'mine' });
      const held = await two.claim('id', B);
      assert.ok(held.outcome === 'held' && held.volume === (await one.volumes.own()));
      await assert.rejects(two.requireFree(['other', 'id']), { code: 'held-elsewhere' });
      await one.requireFree(['id']);
      assert.deepEqual(await one.stored('id'), { alsoIn: undefined });
      await two.requireFree(['id']);
      const { recordedAt, volume } = held;
      assert.deepEqual(await two.claim('id', B), { outcome: 'stored', stagedPath: B, recordedAt, volume });
      for await (const { id } of two.entries()) assert.fail(`${id} must not be found by a recovery`);
    });

    it('has one winner among many volumes at once', async (t) => {
      const { prefix } = await volumes(t);
      const directory = temporaryDirectory(t);
      const many = Array.from({ length: 6 }, (_, index) => fixture.make(`${directory}/${index}`, prefix));
      for (const record of many) await record.start();
      for (let round = 0; round < 10; round += 1) {
        const claims = await Promise.all(many.map((record, index) => record.claim(`id ${round}`, `.staging/${index}/1`)));
        assert.deepEqual(claims.map(({ outcome }) => outcome).toSorted(), ['held', 'held', 'held', 'held', 'held', 'mine']);
      }
    });

    it('is one volume for all processes on it, whatever their configuration says', async (t) => {
      const { one, prefix, roots } = await volumes(t);
      const replica = fixture.make(roots[0], prefix);
      assert.equal(await replica.volumes.own(), await one.volumes.own());
      await one.claim('id', A);
      assert.equal((await replica.claim('id', B)).outcome, 'theirs');
      await replica.stored('id');
      assert.equal((await one.settle('id')).state, 'stored');
      const fresh = fixture.make(`${temporaryDirectory(t)}/fresh`, prefix);
      const names = await Promise.all([fresh, fixture.make(roots[1], prefix)].map((record) => record.volumes.own()));
      assert.equal(new Set([...names, await one.volumes.own()]).size, 3);
    });

    it('gets one name when many processes start on a new volume at once', async (t) => {
      const { prefix } = await volumes(t);
      const root = `${temporaryDirectory(t)}/new`;
      const names = await Promise.all(Array.from({ length: 8 }, () => fixture.make(root, prefix).volumes.own()));
      assert.equal(new Set(names).size, 1);
      assert.equal(readFileSync(`${root}/volume`, 'utf8'), `${names[0]}\n`);
    });

    it('never stores again what its own volume stored, even if the files have forgotten it', async (t) => {
      const { one, prefix } = await volumes(t);
      await one.claim('id', A);
      await one.stored('id');
      await one.confirm('id');
      await one.expire(0, new Date(Date.now() + MINUTE));
      assert.equal((await one.claim('id', B)).outcome, 'stored');
      assert.equal(await fixture.lasting(prefix), 0);
    });

    it('forgets what was confirmed when the window has passed, and keeps what was not', async (t) => {
      const { one, prefix, two } = await volumes(t);
      for (const id of ['confirmed', 'stored', 'open']) await one.claim(id, A);
      for (const id of ['confirmed', 'stored']) await one.stored(id);
      await one.confirm('confirmed');
      await one.confirm('never heard of');
      assert.equal(await fixture.lasting(prefix), 1);
      await fixture.pass(HOUR + MINUTE);
      assert.equal((await two.claim('confirmed', B)).outcome, 'mine');
      assert.equal((await two.claim('stored', B)).outcome, 'stored');
      assert.equal((await two.claim('open', B)).outcome, 'held');
      await fixture.pass(31 * 24 * HOUR);
      assert.equal((await two.claim('stored', '.staging/b/2')).outcome, 'theirs');
      assert.equal((await two.claim('open', B)).outcome, 'held', 'only a person ends that');
    });

    it('goes on remembering what its volume tells again', async (t) => {
      const { one, two } = await volumes(t);
      await one.claim('id', A);
      for (let month = 0; month < 3; month += 1) {
        await one.stored('id');
        await fixture.pass(20 * 24 * HOUR);
      }
      assert.equal((await two.claim('id', B)).outcome, 'stored');
    });

    it('lets go what a lost volume has half-way, when that is adopted', async (t) => {
      const { one, prefix, two } = await volumes(t);
      for (const id of ['half', 'way', 'stored']) await one.claim(id, A);
      await one.stored('stored');
      const lost = await one.volumes.own();
      const [first] = (await two.volumes.list()).filter((volume) => volume.name === lost);
      assert.deepEqual([first?.open, first?.label, first?.waits], [2, 'one', false]);
      assert.equal((await two.claim('half', B)).outcome, 'held');
      assert.equal(await two.volumes.adopt(lost), 2);
      assert.equal(await fixture.lasting(prefix), 0);
      assert.equal((await two.claim('half', B)).outcome, 'mine');
      assert.equal((await two.claim('stored', '.staging/b/2')).outcome, 'stored');
      assert.deepEqual(
        (await two.volumes.list()).map((volume) => volume.name),
        [await two.volumes.own()],
      );
      // It comes back: what was taken is not its own any more, what nobody took is.
      await two.stored('half');
      await one.start();
      assert.deepEqual((await one.settle('half')).isHere, false);
      assert.deepEqual((await one.settle('way')).isHere, true);
      assert.equal((await two.volumes.list()).length, 2);
    });

    it('says when two volumes have stored one message, to the one that comes second', async (t) => {
      const { one, two } = await volumes(t);
      await one.claim('id', A);
      await two.volumes.adopt(await one.volumes.own());
      await two.claim('id', B);
      assert.deepEqual(await one.stored('id'), { alsoIn: undefined });
      assert.deepEqual(await two.stored('id'), { alsoIn: await one.volumes.own() });
    });

    it('takes over a message that it has stored from a volume that has it half-way', async (t) => {
      const { one, two } = await volumes(t);
      await one.claim('id', A);
      await two.volumes.adopt(await one.volumes.own());
      await two.claim('id', B);
      await one.stored('id');
      assert.equal((await two.claim('id', B)).outcome, 'stored', 'so it is dropped there');
    });

    it('knows how long a volume was not heard of', async (t) => {
      const { one, two } = await volumes(t);
      await fixture.pass(3 * MINUTE);
      await two.alive();
      const silent = new Map((await two.volumes.list()).map((volume) => [volume.name, volume.silentMs]));
      assert.ok((silent.get(await one.volumes.own()) ?? 0) >= 3 * MINUTE);
      assert.ok((silent.get(await two.volumes.own()) ?? MINUTE) < MINUTE);
    });

    it('forgets volumes that are gone and have nothing half-way', async (t) => {
      const { one, prefix, two } = await volumes(t);
      const busy = fixture.make(`${temporaryDirectory(t)}/busy`, prefix);
      await busy.claim('id', A);
      await fixture.pass(31 * 24 * HOUR);
      await two.alive();
      await two.expire(HOUR, new Date());
      const names = (await two.volumes.list()).map((volume) => volume.name);
      assert.deepEqual(names.toSorted(), [await busy.volumes.own(), await two.volumes.own()].toSorted());
      assert.ok(!names.includes(await one.volumes.own()));
    });

    it('stops when the server has forgotten, is told again, and goes on when an operator accepts it', async (t) => {
      const { one, prefix, two } = await volumes(t);
      for (const id of ['confirmed', 'stored', 'open']) await one.claim(id, A);
      for (const id of ['confirmed', 'stored']) await one.stored(id);
      await one.confirm('confirmed');
      await fixture.empty();
      for (const record of [one, two]) await assert.rejects(record.claim('id', A), { code: 'server-forgot' });
      await assert.rejects(one.stored('stored'), { code: 'server-forgot' });
      for (const record of [one, two]) await assert.rejects(record.start(), { code: 'server-forgot' });
      const fresh = fixture.make(`${temporaryDirectory(t)}/fresh`, prefix);
      await assert.rejects(fresh.start(), { code: 'server-forgot' }, 'a new volume must not decide it');
      assert.deepEqual(
        (await one.volumes.list()).map(({ waits }) => waits),
        [true, true, true],
      );
      assert.equal(await one.volumes.acceptServer(), true);
      assert.equal(await one.volumes.acceptServer(), false);
      for (const record of [two, fresh, one]) await record.start();
      assert.deepEqual(
        [one, fresh].map(({ warnings }) => warnings.map(({ code }) => code)),
        [['server-changed'], []],
      );
      assert.equal((await two.claim('confirmed', B)).outcome, 'stored');
      for (const id of ['stored', 'open']) assert.equal((await two.claim(id, B)).outcome, 'held', 'until a recovery tells which is which');
      assert.deepEqual(
        (await one.volumes.list()).map(({ waits }) => waits),
        [false, false, false],
      );
    });

    it('gives a message to its volume again that was put back from before it was stored there, until the broker knows', async (t) => {
      const { one, prefix, roots } = await volumes(t);
      const copy = `${temporaryDirectory(t)}/copy`;
      cpSync(roots[0], copy, { recursive: true });
      await one.claim('id', A);
      await one.stored('id');
      const back = fixture.make(copy, prefix);
      await back.start();
      assert.equal(await back.volumes.own(), await one.volumes.own());
      assert.equal((await back.claim('id', B)).outcome, 'mine');
      assert.deepEqual(await back.stored('id'), { alsoIn: undefined });
      assert.equal((await back.claim('id', A)).outcome, 'stored', 'it is known from now on');
      await back.confirm('id');
      assert.equal((await back.claim('id', A)).outcome, 'stored');
    });

    it('tells everything again to a server that it was at before, and left for the right one', async (t) => {
      const { one, roots, two } = await volumes(t);
      worlds += 1;
      const wrong = `world${worlds}`;
      const meetWrong = async (): Promise<SharedDeliveryRecord[]> => {
        const records = roots.map((root) => fixture.make(root, wrong));
        for (const record of records) await assert.rejects(record.start(), { code: 'server-forgot' });
        return records;
      };
      await meetWrong();
      for (const record of [one, two]) await record.start();
      await one.claim('id', A);
      await one.stored('id');
      await one.confirm('id');
      const [, other] = await meetWrong();
      assert.equal(await other?.volumes.acceptServer(), true);
      await other?.start();
      assert.equal((await other?.claim('id', B))?.outcome, 'stored');
    });

    it('tells a server that it meets for the first time what it remembers', async (t) => {
      const { one, roots } = await volumes(t);
      await one.claim('id', A);
      await one.stored('id');
      await one.confirm('id');
      worlds += 1;
      const elsewhere = fixture.make(`${temporaryDirectory(t)}/elsewhere`, `world${worlds}`);
      await elsewhere.start();
      await fixture.make(roots[0], `world${worlds}`).start();
      assert.equal((await elsewhere.claim('id', B)).outcome, 'stored');
    });

    it('does not take a broken name for another volume', async (t) => {
      const { prefix, roots } = await volumes(t);
      for (const broken of ['', 'no newline', 'UPPER\n', `${'x'.repeat(100)}\n`]) {
        writeFileSync(`${roots[0]}/volume`, broken);
        await assert.rejects(fixture.make(roots[0], prefix).start(), { code: 'record-corrupt' });
      }
    });
  });
}
