import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { files } from '../src/files.js';
import { NormalQueue } from '../src/normal-queue.js';
import { NormalReader } from '../src/normal-reader.js';
import type { StagingOptions } from '../src/options.js';
import type { VolumeCalls } from '../src/volume-calls.js';
import { addTo, Clock, direct, filesBelow, HOUR, MINUTE, rejectsWith, text, threaded } from './support.js';
import { failing, logSyncs } from './sync-log.js';

const RECORD = { body: 'text', signer: '/C=UK/CN=host', empaid: '00000000/0123456789abcd' };

async function started(
  t: TestContext,
  options: Partial<StagingOptions> = {},
): Promise<{ root: string; queue: NormalQueue; reader: NormalReader }> {
  const root = options.path ?? `${temporaryDirectory(t)}/incoming`;
  const queue = new NormalQueue({ instance: 'one', ...options, path: root });
  await queue.start();
  return { root, queue, reader: new NormalReader({ path: root }) };
}

/** What a source of names draws: its digit, its microsecond, and a digit each time a name was taken. */
function alternating(...values: readonly number[]): () => number {
  let turn = 0;
  return () => values[turn++ % values.length]!;
}

async function elements(reader: NormalReader): Promise<string[]> {
  const names: string[] = [];
  for await (const name of reader.names()) names.push(name);
  return names;
}

describe('staging', () => {
  it('shows nobody an element before it is committed', async (t) => {
    const { root, queue, reader } = await started(t);
    const staged = await queue.stage({ ...RECORD, body: Buffer.from([0, 255]) });
    assert.match(staged.path, /^\.staging\/one\/[0-9a-f]{14}$/);
    assert.deepEqual(await elements(reader), []);
    assert.deepEqual(readFileSync(`${root}/${staged.path}/body`), Buffer.from([0, 255]));
    const { outcome, name } = await queue.commit(staged.path);
    assert.equal(outcome, 'stored');
    assert.deepEqual(await elements(reader), [name]);
    assert.match(name!, /^00000000\/[0-9a-f]{14}$/);
    assert.equal(existsSync(`${root}/${staged.path}`), false);
    assert.deepEqual(filesBelow(`${root}/${name}`), ['body', 'empaid', 'signer']);
  });

  it('commits once, whoever asks and however often', async (t) => {
    const { root, queue, reader } = await started(t);
    const { queue: helper } = await started(t, { path: root, instance: 'two' });
    for (let round = 0; round < 20; round += 1) {
      const staged = await queue.stage(RECORD);
      const outcomes = await Promise.all([queue.commit(staged.path), helper.commit(staged.path), helper.commit(staged.path)]);
      assert.deepEqual(outcomes.map(({ outcome }) => outcome).toSorted(), ['done', 'done', 'stored']);
      assert.equal((await elements(reader)).length, round + 1);
    }
  });

  it('discards what is not wanted, and nothing else', async (t) => {
    const { root, queue, reader } = await started(t);
    const [unwanted, wanted] = [await queue.stage(RECORD), await queue.stage(RECORD)];
    await unwanted.discard();
    await unwanted.discard();
    await queue.commit(wanted.path);
    await wanted.discard();
    assert.equal((await elements(reader)).length, 1);
    assert.equal(filesBelow(path.join(root, '00000000')).length, 3);
    assert.deepEqual(await queue.staged(), new Set());
    assert.deepEqual(await queue.commit(unwanted.path), { outcome: 'done', name: undefined });
  });

  it('takes another name when the first is taken', async (t) => {
    const clock = new Clock();
    const { root, reader } = await started(t);
    const options = { path: root, now: clock.now, random: () => 0 };
    const names = await Promise.all(
      ['a', 'b', 'c'].map(async (instance) => {
        const queue = new NormalQueue({ ...options, instance });
        await queue.start();
        return await addTo(queue, RECORD);
      }),
    );
    assert.equal(new Set(names).size, 3);
    assert.deepEqual(await elements(reader), names.toSorted());
  });

  it('passes over any number of names in a row that another process with the same digit has', async (t) => {
    const clock = new Clock();
    const { root, queue } = await started(t, { now: clock.now, random: alternating(0, 0.5) });
    const second = Math.floor(clock.now().getTime() / 1000).toString(16);
    const microseconds = (clock.now().getTime() % 1000) * 1000;
    for (let at = 0; at < 200; at += 1)
      mkdirSync(`${root}/00000000/${second}${(microseconds + 500 + at).toString(16).padStart(5, '0')}0/body`, { recursive: true });
    assert.match(await addTo(queue, RECORD), /8$/);
  });

  it('makes its directories again when a purge or a clean-up removed them', async (t) => {
    const { root, queue, reader } = await started(t);
    const first = await addTo(queue, RECORD);
    await reader.lock(first);
    await reader.remove(first);
    rmdirSync(`${root}/00000000`);
    rmdirSync(`${root}/.staging/one`);
    await addTo(queue, RECORD);
    await queue.start();
    assert.equal((await elements(reader)).length, 1);
  });

  it('survives a directory that vanishes at every attempt but the last', async (t) => {
    const directory = temporaryDirectory(t);
    const { root, queue } = await started(t, { path: directory, calls: threaded(directory) });
    const staged = await queue.stage(RECORD);
    let left = 10;
    const rename = files.rename.bind(files);
    t.mock.method(files, 'rename', async (from: string, to: string) => {
      left -= 1;
      if (left > 0 && existsSync(`${root}/00000000`)) rmdirSync(`${root}/00000000`);
      await rename(from, to);
    });
    assert.equal((await queue.commit(staged.path)).outcome, 'stored');
    const again = await queue.stage(RECORD);
    t.mock.method(files, 'rename', failing('ENOENT'));
    await rejectsWith(queue.commit(again.path), 'io-error');
  });

  it('does not take a volume that is not there any more for a queue in which everything is done', async (t) => {
    const { root, queue } = await started(t);
    const staged = await queue.stage(RECORD);
    renameSync(root, `${root}-unmounted`);
    await rejectsWith(queue.commit(staged.path), 'path-missing');
    mkdirSync(root);
    await rejectsWith(queue.commit(staged.path), 'path-missing');
    await rejectsWith(queue.stage(RECORD), 'path-missing');
    await rejectsWith(queue.start(), 'path-missing');
    assert.deepEqual(readdirSync(root), []);
    rmdirSync(root);
    renameSync(`${root}-unmounted`, root);
    assert.equal((await queue.commit(staged.path)).outcome, 'stored');
  });

  it('does not take a file system that was made anew on the same device for it', async (t) => {
    const { root, queue } = await started(t);
    const staged = await queue.stage(RECORD);
    mkdirSync(`${root}-before`);
    // The root stays what it was, device and inode.
    for (const name of readdirSync(root)) renameSync(`${root}/${name}`, `${root}-before/${name}`);
    for (const action of [
      () => queue.commit(staged.path),
      () => queue.isStaged(staged.path),
      () => queue.stage(RECORD),
      () => queue.probe(),
      () => queue.start(),
    ])
      await rejectsWith(action(), 'path-missing');
    assert.equal(existsSync(`${root}/.staging`), false);
    for (const name of readdirSync(`${root}-before`)) {
      rmSync(`${root}/${name}`, { recursive: true, force: true });
      renameSync(`${root}-before/${name}`, `${root}/${name}`);
    }
    assert.equal((await queue.commit(staged.path)).outcome, 'stored');
  });

  it('finds what comes back between two looks', async (t) => {
    const directory = temporaryDirectory(t);
    const { root, queue } = await started(t, { path: directory, calls: threaded(directory) });
    const staged = await queue.stage(RECORD);
    renameSync(`${root}/${staged.path}`, `${root}/away`);
    const look = files.lstatExact.bind(files);
    t.mock.method(files, 'lstatExact', async (file: string) => {
      const looked = await look(file).catch((error: unknown) => error);
      if (existsSync(`${root}/away`)) renameSync(`${root}/away`, `${root}/${staged.path}`);
      if (looked instanceof Error) throw looked;
      return looked;
    });
    assert.equal((await queue.commit(staged.path)).outcome, 'stored');
  });

  it('begins a new directory when one is full, whoever filled it', async (t) => {
    const { root, queue, reader } = await started(t, { directorySize: 3 });
    const other = new NormalQueue({ path: root, instance: 'two', directorySize: 3 });
    await other.start();
    for (let index = 0; index < 3; index += 1) await addTo(queue, RECORD);
    await addTo(other, RECORD);
    await addTo(queue, RECORD);
    assert.deepEqual([...new Set((await elements(reader)).map((name) => path.dirname(name)))], ['00000000', '00000001']);
  });

  it('begins a new directory when the file system allows no more entries', async (t) => {
    const directory = temporaryDirectory(t);
    const { queue } = await started(t, { path: directory, calls: threaded(directory) });
    const rename = files.rename.bind(files);
    t.mock.method(files, 'rename', async (from: string, to: string) => {
      if (to.includes('/00000000/')) throw Object.assign(new Error('full'), { code: 'EMLINK' });
      await rename(from, to);
    });
    assert.match(await addTo(queue, RECORD), /^00000001\//);
  });

  it('lists what is staged, whoever did it', async (t) => {
    const { root, queue } = await started(t);
    assert.deepEqual(await queue.staged(), new Set());
    const ours = await queue.stage(RECORD);
    const { queue: other } = await started(t, { path: root, instance: 'two' });
    const theirs = await other.stage(RECORD);
    assert.deepEqual(await queue.staged(), new Set([ours.path, theirs.path]));
    await queue.commit(ours.path);
    assert.deepEqual(await queue.staged(), new Set([theirs.path]));
  });

  it('refuses keys that dirq readers refuse, and paths that are not staged elements', async (t) => {
    const { root, queue } = await started(t);
    for (const key of ['', 'a-b', '../x', 'locked', '.x', 'a/b', 'é']) await rejectsWith(queue.stage({ [key]: 'x' }), 'name-invalid');
    for (const staged of [
      '',
      'x',
      '.staging/../0123456789abcd',
      '.staging/./0123456789abcd',
      '.staging/a/b/0123456789abcd',
      '/etc',
      '.staging/a/x',
    ])
      await rejectsWith(queue.commit(staged), 'name-invalid');
    assert.deepEqual(filesBelow(root), ['.staging/volume']);
    assert.throws(() => new NormalQueue({ path: root, instance: '' }));
  });

  it('keeps any instance name inside the staging directory', async (t) => {
    for (const instance of ['../../x', 'a/b', '.', '..', 'ü~%']) {
      const { root, queue, reader } = await started(t, { instance });
      await addTo(queue, RECORD);
      assert.equal((await elements(reader)).length, 1);
      assert.equal(readdirSync(`${root}/.staging`).length, 2);
      assert.deepEqual(readdirSync(path.dirname(root)), ['incoming']);
    }
  });

  for (const how of ['directly', 'by threads'])
    it(`resolves only after files, element, staging and target directory were synced, ${how}`, async (t) => {
      const root = temporaryDirectory(t);
      const calls = how === 'directly' ? direct(root) : threaded(root);
      let order: string[] = [];
      const watched: VolumeCalls = {
        ...calls,
        rename: (from, to) => {
          order.push('rename');
          return calls.rename(from, to);
        },
      };
      const { queue } = await started(t, { path: root, calls: watched });
      order = logSyncs(t, (file) => path.relative(root, file));
      const staged = await queue.stage(RECORD);
      const keys = Object.keys(RECORD).map((key) => `${staged.path}/${key}`);
      assert.deepEqual(order.splice(0).toSorted(), ['.staging/one', staged.path, ...keys].toSorted());
      await queue.commit(staged.path);
      // The first rename finds no directory yet; a new directory's name is in the root.
      assert.deepEqual(order.splice(0, 2), ['rename', 'rename']);
      assert.deepEqual(order.splice(0).toSorted(), ['', '.staging/one', '00000000']);
      await queue.commit(staged.path);
      assert.deepEqual(order.splice(0).toSorted(), ['', '.staging/one', '00000000', 'rename'], 'also when it was done before');
    });
});

describe('what is on disk', () => {
  it('has the configured modes, whatever the umask', async (t) => {
    const umask = process.umask(0o077);
    t.after(() => void process.umask(umask));
    const { root, queue } = await started(t, { modes: { directoryMode: 0o2770, fileMode: 0o660 } });
    const name = await addTo(queue, RECORD);
    for (const directory of ['', 'temporary', 'obsolete', '.staging', '.staging/one', path.dirname(name), name])
      assert.equal(statSync(`${root}/${directory}`).mode & 0o7777, 0o2770, directory);
    assert.equal(statSync(`${root}/${name}/body`).mode & 0o7777, 0o660);
  });

  it('is counted by name, within the time', async (t) => {
    const clock = new Clock(0x66000000 * 1000);
    // Names begin somewhere within the millisecond, and each moves on by a microsecond: from its start none leaves it.
    const { root, queue } = await started(t, { now: clock.now, random: () => 0 });
    assert.deepEqual(await queue.depth(1000), { elements: 0, complete: true, oldest: undefined });
    await addTo(queue, RECORD);
    clock.advance(HOUR);
    await addTo(queue, RECORD);
    await queue.stage(RECORD);
    const depth = await queue.depth(1000);
    assert.deepEqual({ ...depth, oldest: depth.oldest?.getTime() }, { elements: 2, complete: true, oldest: 0x66000000 * 1000 });
    for (let index = 0; index < 300; index += 1) mkdirSync(`${root}/00000000/${index.toString(16).padStart(14, '0')}`);
    assert.equal((await queue.depth(-1)).complete, false);
    assert.equal((await queue.depth(10_000)).elements, 302);
  });

  it('is measured: elements and the bytes of their files, and nothing else', async (t) => {
    const { root, queue } = await started(t);
    const { signal } = new AbortController();
    for (const name of ['00000000/65a0b1c2d3e4f5', '00000001/65a0b1c2d3e4f6']) {
      mkdirSync(`${root}/${name}/locked`, { recursive: true });
      writeFileSync(`${root}/${name}/body`, 'x'.repeat(100));
      writeFileSync(`${root}/${name}/error`, 'xx');
    }
    for (const name of ['temporary/65a0b1c2d3e4f7', '.staging/a/65a0b1c2d3e4f8', '00000000/short']) {
      mkdirSync(`${root}/${name}`, { recursive: true });
      writeFileSync(`${root}/${name}/body`, 'x');
    }
    assert.deepEqual(await queue.usage(signal), { elements: 2, bytes: 204 });
    await assert.rejects(queue.usage(AbortSignal.abort()), { name: 'AbortError' });
    const missing = new NormalQueue({ path: `${root}/none`, instance: 'one' });
    assert.deepEqual(await missing.usage(signal), { elements: 0, bytes: 0 });
  });

  it('knows the free space', async (t) => {
    const { queue } = await started(t);
    assert.ok((await queue.freeBytes()) > 0);
    assert.ok((await queue.freeFiles()) > 0);
  });
});

const later = (hours: number): Date => new Date(Date.now() + hours * HOUR);
const never = (): Promise<boolean> => Promise.resolve(false);

describe('cleanStaging', () => {
  it('removes only what is a day old and not recorded, whoever staged it', async (t) => {
    const { root, queue } = await started(t);
    const { queue: other } = await started(t, { path: root, instance: 'two' });
    const [abandoned, recorded] = [await queue.stage(RECORD), await other.stage(RECORD)];
    assert.equal(await queue.cleanStaging(never, later(23)), 0);
    assert.equal(await queue.cleanStaging((staged) => Promise.resolve(staged === recorded.path), later(25)), 1);
    assert.equal(existsSync(`${root}/${abandoned.path}`), false);
    assert.equal((await queue.commit(recorded.path)).outcome, 'stored');
    assert.equal(existsSync(`${root}/.staging/two`), true);
    await queue.cleanStaging(never, later(25));
    assert.equal(existsSync(`${root}/.staging/two`), false);
    assert.equal(existsSync(`${root}/.staging/one`), true);
    assert.deepEqual(readdirSync(`${root}/obsolete`), []);
  });

  it('takes nothing for old that is young by the clock of the volume, however far ours is ahead', async (t) => {
    const { root, queue } = await started(t);
    const { queue: ahead } = await started(t, { path: root, instance: 'two', now: () => later(25) });
    const staged = await queue.stage(RECORD);
    assert.equal(await ahead.cleanStaging(never, later(25)), 0);
    assert.equal((await queue.commit(staged.path)).outcome, 'stored');
    await queue.stage(RECORD);
    assert.equal(await ahead.cleanStaging(never, later(50)), 1, 'a day later it is');
  });

  it('does not ask about what is young, nor trip over strangers', async (t) => {
    const { root, queue } = await started(t);
    await queue.stage(RECORD);
    writeFileSync(`${root}/.staging/stray`, '');
    writeFileSync(`${root}/.staging/one/stray`, '');
    mkdirSync(`${root}-other`);
    writeFileSync(`${root}-other/precious`, '');
    symlinkSync(`${root}-other`, `${root}/.staging/one/0123456789abcd`);
    assert.equal(await queue.cleanStaging(() => Promise.reject(new Error('asked')), later(1)), 0);
    await assert.rejects(queue.cleanStaging(() => Promise.reject(new Error('asked')), later(25)));
    assert.equal(await queue.cleanStaging(never, later(25)), 3);
    assert.deepEqual(filesBelow(`${root}-other`), ['precious'], 'a link is removed, never what it leads to');
  });
});

describe('NormalReader', () => {
  it('locks, reads, unlocks and removes as dirq does', async (t) => {
    const { root, queue, reader } = await started(t);
    const name = await addTo(queue, { ...RECORD, body: 'Zürich' });
    await rejectsWith(reader.get(name), 'claim-lost');
    assert.equal(await reader.lock(name), true);
    assert.equal(await reader.lock(name), false);
    assert.equal(text((await reader.get(name)).get('body')), Buffer.from('Zürich').toString('latin1'));
    await rejectsWith(reader.get(name, 10), 'too-large');
    assert.equal(await reader.unlock(name), true);
    assert.equal(await reader.unlock(name), false);
    await reader.lock(name);
    await reader.remove(name);
    await reader.remove(name);
    assert.equal(await reader.lock(name), false);
    await rejectsWith(reader.get(name), 'claim-lost');
    assert.deepEqual(filesBelow(root), ['.staging/volume']);
    assert.deepEqual(readdirSync(`${root}/obsolete`), []);
    for (const bad of ['..', '../x', '']) await rejectsWith(reader.lock(bad), 'name-invalid');
  });

  it('refuses an element that is none', async (t) => {
    const { root, queue, reader } = await started(t);
    const name = await addTo(queue, RECORD);
    await reader.lock(name);
    for (const file of ['body', 'signer', 'empaid']) fs.unlinkSync(`${root}/${name}/${file}`);
    await rejectsWith(reader.get(name), 'element-corrupt');
    symlinkSync('/etc/passwd', `${root}/${name}/body`);
    await rejectsWith(reader.get(name), 'not-regular');
    writeFileSync(`${root}/00000000/0123456789abcd`, 'a file');
    await rejectsWith(reader.get('00000000/0123456789abcd'), 'element-corrupt');
    symlinkSync('/etc', `${root}/00000000/abcdef01234567`);
    await rejectsWith(reader.get('00000000/abcdef01234567'), 'element-corrupt');
  });

  it('purges what is old and empty, and nothing else', async (t) => {
    const clock = new Clock();
    const { root, queue } = await started(t);
    const reader = new NormalReader({ path: root, now: clock.now });
    const name = await addTo(queue, RECORD);
    mkdirSync(`${root}/00000005`);
    mkdirSync(`${root}/00000003`);
    mkdirSync(`${root}/temporary/0123456789abcd`);
    mkdirSync(`${root}/obsolete/0123456789abcd`);
    writeFileSync(`${root}/obsolete/0123456789abcd/body`, '');
    await reader.lock(name);
    assert.deepEqual(await reader.purge(), { temporary: 0, locks: 0, directories: 1 });
    clock.advance(6 * MINUTE);
    assert.deepEqual(await reader.purge(), { temporary: 2, locks: 0, directories: 0 });
    clock.advance(6 * MINUTE);
    assert.deepEqual(await reader.purge(), { temporary: 0, locks: 1, directories: 0 });
    assert.equal(await reader.lock(name), true);
    assert.equal(existsSync(`${root}/00000005`), true);
  });

  it('takes everything while it is added', async (t) => {
    const { queue, reader } = await started(t, { directorySize: 7 });
    const total = 100;
    const taken: string[] = [];
    const adding = (async () => {
      for (let index = 0; index < total; index += 1) await addTo(queue, { body: `${index}` });
    })();
    while (taken.length < total) {
      for (const name of await elements(reader)) {
        if (!(await reader.lock(name))) continue;
        taken.push(text((await reader.get(name)).get('body')));
        await reader.remove(name);
      }
      await reader.purge({ temporaryMs: 0, lockMs: HOUR });
    }
    await adding;
    assert.deepEqual(
      taken.map(Number).toSorted((one, other) => one - other),
      Array.from({ length: total }, (_, index) => index),
    );
  });
});

describe('starting', () => {
  it('never makes a root again that went away', async (t) => {
    const { root, queue } = await started(t);
    renameSync(root, `${root}-unmounted`);
    for (const action of [() => queue.start(), () => queue.prepare(), () => queue.stage(RECORD)]) {
      assert.ok((await rejectsWith(action(), 'path-missing')).message.includes(root));
      assert.equal(existsSync(root), false);
    }
    renameSync(`${root}-unmounted`, root);
    await queue.start();
    await addTo(queue, RECORD);
  });

  it('does not go on in another directory at the same path', async (t) => {
    const { root, queue } = await started(t);
    renameSync(root, `${root}-unmounted`);
    await started(t, { path: root });
    const before = readdirSync(root, { recursive: true });
    for (const action of [() => queue.start(), () => queue.prepare(), () => queue.stage(RECORD)])
      assert.equal((await rejectsWith(action(), 'path-missing')).path, root);
    assert.deepEqual(readdirSync(root, { recursive: true }), before);
  });

  it('takes the root for its own only when it has written there', async (t) => {
    const root = `${temporaryDirectory(t)}/incoming`;
    const queue = new NormalQueue({ path: root, instance: 'x' });
    const full = t.mock.method(fs, 'write', (...args: unknown[]) => {
      (args.at(-1) as (error: Error) => void)(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    });
    await rejectsWith(queue.start(), 'disk-full');
    full.mock.restore();
    renameSync(root, `${root}-before`);
    await queue.start();
    await addTo(queue, RECORD);
  });

  it('says what is missing or in the way', async (t) => {
    const directory = temporaryDirectory(t);
    await rejectsWith(new NormalQueue({ path: `${directory}/absent/deep`, instance: 'x' }).start(), 'path-missing');
    writeFileSync(`${directory}/file`, '');
    await rejectsWith(new NormalQueue({ path: `${directory}/file`, instance: 'x' }).start(), 'io-error');
    chmodSync(directory, 0o700);
  });
});
