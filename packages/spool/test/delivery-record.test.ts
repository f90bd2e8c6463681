import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { FileDeliveryRecord } from '../src/delivery-record.js';
import { files } from '../src/files.js';
import type { VolumeCalls } from '../src/volume-calls.js';
import { lookOlder } from './aged.js';
import { recordConformance } from './record-conformance.js';
import { Clock, direct, filesBelow, HOUR, rejectsWith, threaded } from './support.js';
import { failing, logSyncs } from './sync-log.js';

const make =
  (callsOf: (root: string) => VolumeCalls) =>
  (root: string, now?: () => Date): FileDeliveryRecord =>
    new FileDeliveryRecord({ path: root, calls: callsOf(root), ...(now === undefined ? {} : { now }) });

recordConformance('files', { make: make(direct) });
recordConformance('files, by threads', { make: make(threaded) });

async function started(t: TestContext): Promise<{ root: string; record: FileDeliveryRecord }> {
  const root = `${temporaryDirectory(t)}/record`;
  const record = new FileDeliveryRecord({ path: root });
  await record.start();
  return { root, record };
}

function recordsIn(root: string): string[] {
  return filesBelow(root).filter((file) => /^[0-3][0-9a-f]\//.test(file));
}

async function list(record: FileDeliveryRecord): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of record.entries()) ids.push(id);
  return ids.toSorted();
}

describe('what is on disk', () => {
  it('is never half a record', async (t) => {
    const root = `${temporaryDirectory(t)}/record`;
    const seen: string[] = [];
    const record: FileDeliveryRecord = new FileDeliveryRecord({ path: root }, (point) => {
      seen.push(`${point} ${recordsIn(root).length}`);
      for (const file of recordsIn(root)) assert.equal(JSON.parse(readFileSync(`${root}/${file}`, 'utf8')).id, 'id');
    });
    await record.start();
    await record.claim('id', '.staging/a/1');
    assert.deepEqual(seen, ['pending 0', 'linked 1']);
  });

  it('is durable before a claim is answered: the file and the pending directory, then the directory of the record', async (t) => {
    const { root, record } = await started(t);
    const order = logSyncs(t, (file) => {
      const name = file
        .slice(root.length + 1)
        .replace(/^pending\/.*/, 'file')
        .replace(/^[0-3][0-9a-f]$/, 'shard');
      return `${name} ${recordsIn(root).length}`;
    });
    await record.claim('id', '.staging/a/1');
    assert.deepEqual([order.slice(0, 2).toSorted(), order.slice(2)], [['file 0', 'pending 0'], ['shard 1']]);
    order.length = 0;
    await record.claim('id', '.staging/b/1');
    assert.equal(order.at(-1), 'shard 1', 'also for a record of somebody who may not have come so far');
  });

  it('says when a record is corrupt, and never takes it for another or for none', async (t) => {
    const { root, record } = await started(t);
    await record.claim('id', '.staging/a/1');
    const [file] = recordsIn(root);
    for (const content of [
      '',
      '{}',
      'null',
      '[1]',
      '{"version":0}',
      '{"version":"2"}',
      '{"version":1,"id":"id","stagedPath":"x","recordedAt":"never"}',
      'x'.repeat(300_000),
    ]) {
      writeFileSync(`${root}/${file}`, content);
      await rejectsWith(record.claim('id', '.staging/b/1'), 'record-corrupt');
      await rejectsWith(list(record), 'record-corrupt');
      await rejectsWith(new FileDeliveryRecord({ path: root }).confirm('id'), 'record-corrupt');
    }
    await record.claim('other', '.staging/a/2');
  });

  it('may be of a newer version: then it is neither corrupt nor left out', async (t) => {
    const { root, record } = await started(t);
    await record.claim('id', '.staging/a/1');
    const [file] = recordsIn(root);
    writeFileSync(`${root}/${file}`, '{"version":2,"key":"id"}');
    await rejectsWith(record.claim('id', '.staging/b/1'), 'record-newer');
    await rejectsWith(list(record), 'record-newer');
    for (const name of readdirSync(`${root}/pending`)) unlinkSync(`${root}/pending/${name}`);
    await rejectsWith(record.confirmed().next(), 'record-newer');
    assert.equal((await record.claim('other', '.staging/a/2')).outcome, 'mine');
  });

  it('may hold what was never finished', async (t) => {
    const { root, record } = await started(t);
    await record.claim('id', '.staging/a/1');
    writeFileSync(`${root}/pending/half`, '{"version":');
    writeFileSync(`${root}/pending/loser`, '{"version":1,"id":"id","stagedPath":".staging/b/1","recordedAt":"2024-01-01T00:00:00Z"}');
    assert.deepEqual(await list(record), ['id']);
    await record.expire(HOUR, new Date(Date.now() + 23 * HOUR));
    assert.equal(readdirSync(`${root}/pending`).length, 3);
    await record.expire(HOUR, new Date(Date.now() + 25 * HOUR));
    assert.equal(readdirSync(`${root}/pending`).length, 1, 'records stay');
    assert.equal((await record.claim('id', '.staging/c/1')).outcome, 'theirs');
  });

  it('is looked at from where the last look was aborted, each once in a round', async (t) => {
    const { record } = await started(t);
    for (let index = 0; index < 100; index += 1) {
      await record.claim(`${index}`, `.staging/a/${index}`);
      await record.confirm(`${index}`);
    }
    const looked: string[] = [];
    let abort = new AbortController();
    const opendir = promises.opendir.bind(promises);
    t.mock.method(promises, 'opendir', async (...args: Parameters<typeof opendir>) => {
      const shard = path.basename(args[0].toString());
      if (/^[0-3][0-9a-f]$/.test(shard)) looked.push(shard);
      if (looked.length === 40) abort.abort();
      return await opendir(...args);
    });
    const later = new Date(Date.now() + HOUR);
    const first = await record.expire(0, later, abort.signal, 0.5);
    assert.deepEqual([looked.length, new Set(looked).size], [40, 40]);
    assert.ok(first > 0 && first < 100);
    abort = new AbortController();
    assert.equal(first + (await record.expire(0, later, abort.signal, 0.5)), 100);
    assert.equal(new Set(looked.slice(0, 64)).size, 64, 'no shard twice before all were looked at');
  });

  it('may be written again by the process that was interrupted', async (t) => {
    const { root, record } = await started(t);
    await record.claim('id', '.staging/a/1');
    const [pending] = readdirSync(`${root}/pending`);
    unlinkSync(`${root}/${recordsIn(root)[0]}`);
    writeFileSync(`${root}/pending/${pending}`, 'half');
    assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
    assert.deepEqual(await list(record), ['id']);
  });

  it('is ours when the answer to its link was lost, and the request that was sent again found it there', async (t) => {
    const root = `${temporaryDirectory(t)}/record`;
    const record = new FileDeliveryRecord({ path: root, calls: threaded(root) });
    await record.start();
    const { link } = files;
    const linking = t.mock.method(files, 'link', async (from: string, to: string) => {
      await link(from, to);
      await link(from, to);
    });
    assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
    linking.mock.restore();
    // A crash comes here: the element is not stored yet.
    assert.deepEqual(await list(new FileDeliveryRecord({ path: root })), ['id']);
    assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
    assert.deepEqual(await list(record), ['id']);
    assert.equal(await record.settle('id'), true);
    assert.deepEqual(await record.claim('id', '.staging/a/1'), { outcome: 'mine' });
    assert.deepEqual(await list(record), [], 'confirmed');
    assert.deepEqual(readdirSync(`${root}/pending`), []);
  });

  it('may be a copy that lost its hard links', async (t) => {
    const { root, record } = await started(t);
    await record.claim('a', '.staging/x/1');
    await record.claim('b', '.staging/x/2');
    await record.confirm('b');
    cpSync(root, `${root}-copy`, { recursive: true });
    const copy = new FileDeliveryRecord({ path: `${root}-copy` });
    assert.deepEqual(await list(copy), ['a']);
    for (const id of ['a', 'b']) assert.equal((await copy.claim(id, '.staging/y/1')).outcome, 'theirs');
  });

  it('is taken back when the worker was stopped for a day on the way', async (t) => {
    const clock = new Clock(0x66000000 * 1000);
    const root = `${temporaryDirectory(t)}/record`;
    const record = new FileDeliveryRecord({ path: root, now: clock.now }, (point) => {
      if (point === 'pending') clock.advance(23.5 * HOUR);
    });
    await record.start();
    await rejectsWith(record.claim('id', '.staging/a/66000000000000'), 'stage-too-slow');
    assert.deepEqual(recordsIn(root), []);
    assert.deepEqual(readdirSync(`${root}/pending`), []);
  });

  it('says that a file system has no hard links', async (t) => {
    const root = `${temporaryDirectory(t)}/record`;
    t.mock.method(files, 'link', failing('EPERM'));
    await rejectsWith(new FileDeliveryRecord({ path: root }).start(), 'permission-denied');
    assert.deepEqual(filesBelow(root), []);
  });

  it('is looked at everywhere: a directory of another user is found without a message', async (t) => {
    const { root, record } = await started(t);
    const access = promises.access.bind(promises);
    for (const name of ['pending', '2a']) {
      const mocked = t.mock.method(promises, 'access', async (...args: Parameters<typeof access>) => {
        if (args[0] === `${root}/${name}`) throw Object.assign(new Error('refused'), { code: 'EACCES', path: args[0] });
        await access(...args);
      });
      const looks = [() => record.start(), () => record.probe(), () => new FileDeliveryRecord({ path: root }).start()];
      for (const look of looks) assert.equal((await rejectsWith(look(), 'permission-denied')).path, `${root}/${name}`);
      mocked.mock.restore();
    }
  });

  it('forgets the probes of a start that was killed', async (t) => {
    const { root, record } = await started(t);
    writeFileSync(`${root}/probe-x`, '');
    linkSync(`${root}/probe-x`, `${root}/probe-x-linked`);
    await record.start();
    assert.equal(existsSync(`${root}/probe-x`), true, 'another process may just be starting');
    lookOlder(t, /probe-/, 61_000);
    await record.start();
    assert.deepEqual(filesBelow(root), []);
  });

  it('is never begun anew below the mount point of a volume that went away', async (t) => {
    const { root, record } = await started(t);
    await record.claim('id', '.staging/a/1');
    renameSync(root, `${root}-unmounted`);
    await rejectsWith(record.claim('other', '.staging/a/2'), 'path-missing');
    await rejectsWith(record.start(), 'path-missing');
    assert.equal(existsSync(root), false);
    // The mount point; then one where a record was begun before the volume was first mounted.
    mkdirSync(root);
    await rejectsWith(record.start(), 'path-missing');
    await rejectsWith(record.claim('other', '.staging/a/2'), 'path-missing');
    assert.deepEqual(readdirSync(root), []);
    await new FileDeliveryRecord({ path: root }).start();
    await rejectsWith(record.claim('id', '.staging/b/1'), 'path-missing');
    assert.deepEqual(recordsIn(root), []);
    rmSync(root, { recursive: true });
    renameSync(`${root}-unmounted`, root);
    await record.start();
    assert.equal((await record.claim('id', '.staging/b/1')).outcome, 'theirs');
  });

  it('has the configured modes', async (t) => {
    const root = `${temporaryDirectory(t)}/record`;
    const record = new FileDeliveryRecord({ path: root, modes: { directoryMode: 0o2770, fileMode: 0o660 } });
    await record.start();
    await record.claim('id', '.staging/a/1');
    const [file] = recordsIn(root);
    for (const directory of ['', 'pending', path.dirname(file!)]) assert.equal(statSync(`${root}/${directory}`).mode & 0o7777, 0o2770);
    assert.equal(statSync(`${root}/${file}`).mode & 0o7777, 0o660);
  });

  it('confirms what it does not remember', async (t) => {
    const { root, record } = await started(t);
    for (let index = 0; index < 20; index += 1) await record.claim(`${index}`, `.staging/a/${index}`);
    const other = new FileDeliveryRecord({ path: root });
    for (let index = 0; index < 20; index += 1) await other.confirm(`${index}`);
    assert.deepEqual(await list(record), []);
  });
});
