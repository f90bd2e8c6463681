import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { FileDeliveryRecord } from '../src/delivery-record.js';
import { files } from '../src/files.js';
import { NormalQueue } from '../src/normal-queue.js';
import { VolumeBond } from '../src/volume-bond.js';
import { rejectsWith } from './support.js';
import { failing } from './sync-log.js';

interface Places {
  readonly queue: string;
  readonly record: string;
  readonly rejects: string;
  readonly instance: string;
}

function placesIn(t: TestContext, record = 'record'): Places {
  const root = temporaryDirectory(t);
  return { queue: `${root}/incoming`, record: `${root}/${record}`, rejects: `${root}/rejects`, instance: 'receiver' };
}

/** As a receiver does at each start. */
async function start(places: Places, instance = 'one'): Promise<FileDeliveryRecord> {
  const bond = new VolumeBond(places);
  const record = new FileDeliveryRecord({ path: places.record });
  await bond.check();
  await new NormalQueue({ path: places.queue, instance }).start();
  await record.start();
  await new FileDeliveryRecord({ path: places.rejects }).start();
  await bond.bind();
  return record;
}

const nameOf = ({ queue }: Places): string => readFileSync(`${queue}/.staging/volume`, 'latin1');
const notedIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith('incoming'));

/** The volume is not mounted, or is lost: its mount point is there. */
function unmount({ queue }: Places): void {
  renameSync(queue, `${queue}-elsewhere`);
  mkdirSync(queue);
}

function mountAgain({ queue }: Places): void {
  rmSync(queue, { recursive: true });
  renameSync(`${queue}-elsewhere`, queue);
}

async function refused(places: Places, ...named: readonly string[]): Promise<void> {
  const before = readdirSync(places.queue, { recursive: true });
  const { message, path } = await rejectsWith(start(places), 'path-missing');
  assert.equal(path, places.queue);
  for (const one of named) assert.ok(message.includes(one), message);
  assert.deepEqual(readdirSync(places.queue, { recursive: true }), before, 'nothing is made there');
}

describe('the bond of incoming and its record', () => {
  it('is one name, whoever starts how often, and also at once', async (t) => {
    const places = placesIn(t);
    await Promise.all(Array.from({ length: 8 }, (_, index) => start(places, `receiver-${index}`)));
    const name = nameOf(places);
    await start(places);
    assert.match(name, /^[0-9a-f]{10}\n$/);
    assert.equal(nameOf(places), name);
    for (const directory of [places.record, places.rejects]) {
      const [noted = '', ...more] = notedIn(directory);
      assert.deepEqual(more, []);
      assert.equal(readFileSync(`${directory}/${noted}`, 'latin1'), name);
    }
    assert.deepEqual(
      readdirSync(`${places.queue}/.staging`, { recursive: true }).filter((one) => String(one).includes('probe-')),
      [],
    );
  });

  it('tells once which records are new beside it, also of those that it noted its name in since', async (t) => {
    const places = placesIn(t);
    await start(places);
    renameSync(places.record, `${places.record}-elsewhere`);
    const bond = new VolumeBond(places);
    await bond.check();
    assert.deepEqual(bond.takeNewRecords(), [], 'nothing was stored yet: another receiver may just be starting');
    mkdirSync(`${places.queue}/00000000`);
    await bond.check();
    await new FileDeliveryRecord({ path: places.record }).start();
    await bond.bind();
    // What comes after that failed, and all is tried again.
    await bond.check();
    assert.deepEqual([bond.takeNewRecords(), bond.takeNewRecords()], [[places.record], []]);
  });

  it('is made without hard links too', async (t) => {
    const places = placesIn(t);
    t.mock.method(files, 'link', failing('EPERM'));
    await new NormalQueue({ path: places.queue, instance: 'one' }).start();
    const name = nameOf(places);
    await new NormalQueue({ path: places.queue, instance: 'two' }).start();
    assert.equal(nameOf(places), name);
  });

  it('does not hold for a mount point without its volume, and does again with it', async (t) => {
    const places = placesIn(t);
    await start(places);
    unmount(places);
    await refused(places, places.record, 'Mount');
    mountAgain(places);
    await start(places);
  });

  it('does not hold there when the record is on the volume', async (t) => {
    const places = placesIn(t, 'incoming/.delivered');
    await start(places);
    unmount(places);
    await refused(places, `${places.rejects}/incoming-`, 'Mount');
    mountAgain(places);
    await start(places);
  });

  it('does not hold for another volume with the same record', async (t) => {
    const places = placesIn(t);
    await start(places);
    const other = { ...places, queue: `${places.queue}-2` };
    await rejectsWith(start(other), 'path-missing');
    await rejectsWith(start({ ...placesIn(t), record: places.record }), 'path-missing');
    await start(places);
  });

  it('is told apart from that of another host, whose incoming has the same path, where both reject into one queue', async (t) => {
    const places = placesIn(t, 'incoming/.delivered');
    await start(places);
    const other = { ...places, instance: 'other' };
    unmount(places);
    await start(other);
    await start(other);
    renameSync(places.queue, `${places.queue}-of-other`);
    renameSync(`${places.queue}-elsewhere`, places.queue);
    await start(places);
  });

  it('gets its name back from a record on the same volume, when that file alone is gone', async (t) => {
    const places = placesIn(t, 'incoming/.delivered');
    await start(places);
    const name = nameOf(places);
    rmSync(`${places.queue}/.staging/volume`);
    await start(places);
    assert.equal(nameOf(places), name);
    const elsewhere = placesIn(t);
    await start(elsewhere);
    rmSync(`${elsewhere.queue}/.staging/volume`);
    await refused(elsewhere, elsewhere.record);
  });

  it('does not hold without its staging area, in which something may have been recorded', async (t) => {
    const places = placesIn(t, 'incoming/.delivered');
    await start(places);
    rmSync(`${places.queue}/.staging`, { recursive: true });
    await refused(places, places.record);
  });

  it('holds for several volumes with a record each and one queue of rejects', async (t) => {
    const places = placesIn(t);
    const other = { ...placesIn(t), rejects: places.rejects };
    for (const one of [places, other, places, other]) await start(one);
    assert.equal(notedIn(places.rejects).length, 2);
  });

  it('is noted again where a record is new', async (t) => {
    const places = placesIn(t);
    await start(places);
    for (const directory of [places.record, places.rejects]) rmSync(directory, { recursive: true });
    await start(places);
    assert.equal(readFileSync(`${places.record}/incoming`, 'latin1'), nameOf(places));
    assert.equal(notedIn(places.rejects).length, 1);
  });

  it('begins anew with an empty volume when record and note are moved away', async (t) => {
    const places = placesIn(t);
    await (await start(places)).claim('id', '.staging/one/1');
    unmount(places);
    for (const [count, directory] of [places.record, places.rejects].entries()) {
      await refused(places, directory);
      renameSync(directory, `${directory}-${count}`);
    }
    const record = await start(places);
    assert.deepEqual(await record.claim('id', '.staging/one/2'), { outcome: 'mine' });
  });

  it('is made where an earlier version has worked', async (t) => {
    const places = placesIn(t);
    await (await start(places)).claim('id', '.staging/one/1');
    forget(places);
    rmSync(`${places.queue}/.staging/volume`);
    await start(places);
  });

  it('is not made on a mount point when something is half-way by a record without a name', async (t) => {
    const places = placesIn(t);
    await (await start(places)).claim('id', '.staging/one/1');
    forget(places);
    unmount(places);
    await refused(places, places.record);
    mountAgain(places);
    await start(places);
  });

  it('is no bond when it cannot be read', async (t) => {
    const places = placesIn(t);
    await start(places);
    writeFileSync(`${places.queue}/.staging/volume`, 'no name');
    await rejectsWith(start(places), 'record-corrupt');
    assert.equal(existsSync(`${places.queue}/.staging/one`), true);
  });
});

function forget({ record, rejects }: Places): void {
  for (const directory of [record, rejects]) for (const name of notedIn(directory)) rmSync(`${directory}/${name}`);
}
