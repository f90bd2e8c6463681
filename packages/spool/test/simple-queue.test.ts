import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import { files } from '../src/files.js';
import { NormalReader } from '../src/normal-reader.js';
import type { OutgoingOptions } from '../src/options.js';
import { SimpleQueue } from '../src/simple-queue.js';
import { SimpleScan } from '../src/simple-scan.js';
import type { ScanStatistics } from '../src/spool.js';
import { lookOlder } from './aged.js';
import { type OutgoingFixture, outgoingConformance } from './conformance-suite.js';
import { arrangeEntries } from './listing.js';
import { Clock, claimed, filesBelow, MINUTE, namesOf, rejectsWith, threaded } from './support.js';
import { failing } from './sync-log.js';

let count = 0;

const fixture: OutgoingFixture = {
  make: (options) => new SimpleQueue({ layout: 'dirq', ...options }),
  quarantine: (root) => new NormalReader({ path: `${root}/.quarantine` }),
  put: (root, body, index = 0) => {
    count += 1;
    const directory = `660000${index.toString(16).padStart(2, '0')}`;
    const name = `${directory}/66000000${count.toString(16).padStart(6, '0')}`;
    mkdirSync(`${root}/${directory}`, { recursive: true });
    writeFileSync(`${root}/${name}`, body);
    return name;
  },
  fileOf: (root, name) => `${root}/${name}`,
};

outgoingConformance('dirq', fixture);
outgoingConformance('dirq', { ...fixture, make: (options) => fixture.make({ ...options, calls: threaded(options.path) }) }, ', by threads');

const NAME = '66000000/66000000000001';

async function started(t: TestContext, options: Partial<OutgoingOptions> = {}): Promise<{ root: string; queue: SimpleQueue }> {
  const root = options.path ?? temporaryDirectory(t);
  const queue = new SimpleQueue({ layout: 'dirq', instance: 'sender', calls: threaded(root), ...options, path: root });
  await queue.start();
  t.after(() => queue.close());
  return { root, queue };
}

/** What a sender has in work, or has left there. */
function leftIn(root: string): string[] {
  return readdirSync(`${root}/.claimed`).filter((name) => !/^(?:owner|spare)~/.test(name));
}

function put(root: string, name: string, body = 'body'): string {
  mkdirSync(path.dirname(`${root}/${name}`), { recursive: true });
  writeFileSync(`${root}/${name}`, body);
  return `${root}/${name}`;
}

describe('scan of a dirq Simple queue', () => {
  it('ignores and counts what is no element', async (t) => {
    const { root, queue } = await started(t);
    put(root, NAME);
    for (const other of [
      '66000000/66000000000002.tmp',
      '66000000/x',
      '66000000/66000000000003/x',
      '.hidden',
      'readme',
      '6600000/66000000000004',
    ])
      put(root, other);
    symlinkSync(temporaryDirectory(t), `${root}/66000999`);
    // The lock of an element that is not there is none.
    put(root, '66000000/66000000000009.lck');
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), [NAME]);
    assert.deepEqual(scan.statistics, { available: 1, locked: 0, ignored: 7, oldest: new Date(0x66000000 * 1000) });
    assert.equal(await queue.claim('66000000/66000000000003'), undefined);
  });

  it('tells the age by the name, or by the file when the name is no time', async (t) => {
    const { root, queue } = await started(t);
    const file = put(root, '12345678/12345678901234');
    utimesSync(file, 1_600_000_000, 1_600_000_000);
    put(root, NAME);
    const scan = queue.scan();
    await namesOf(scan);
    assert.deepEqual(scan.statistics.oldest, new Date(1_600_000_000_000));
    await claimed(queue, '12345678/12345678901234');
    unlinkSync(file);
    const later = queue.scan();
    await namesOf(later);
    assert.deepEqual(later.statistics.oldest, new Date(0x66000000 * 1000));
  });

  it('moves on where it finds no name', async (t) => {
    const { root, queue } = await started(t);
    for (let index = 0; index < 50; index += 1) {
      const name = `66000000/660000000000${index.toString(16).padStart(2, '0')}`;
      put(root, name);
      linkSync(`${root}/${name}`, `${root}/${name}.lck`);
    }
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), []);
    assert.ok(scan.answers > 50);
  });

  it('says what there is when it has read the last directory, long before its last name', async (t) => {
    const { root, queue } = await started(t);
    put(root, NAME);
    const names = Array.from({ length: 20 }, (_, index) => `66000060/660000600000${index.toString(16).padStart(2, '0')}`);
    for (const name of names) put(root, name);
    put(root, '66000060/x');
    linkSync(`${root}/${names[7]}`, `${root}/${names[7]}.lck`);
    const told: ScanStatistics[] = [];
    const scan = queue.scan(undefined, (all) => told.push(all));
    const given: string[] = [];
    for await (const some of scan.names) {
      given.push(...some);
      assert.equal(told.length, given.length === 1 ? 0 : 1);
    }
    assert.deepEqual(given, [NAME, ...names.filter((_, index) => index !== 7)]);
    assert.deepEqual(told, [{ ...scan.statistics }]);
    assert.deepEqual(told, [{ available: 20, locked: 1, ignored: 1, oldest: new Date(0x66000000 * 1000) }]);
  });

  it('gives names of a huge directory before it has seen all of it, and counts its locks', async (t) => {
    const { root } = await started(t);
    const [total, batch] = [2600, 300];
    for (let index = 0; index < total; index += 1) put(root, `66000000/66000000${index.toString(16).padStart(6, '0')}`);
    for (let index = 0; index < total; index += 25) {
      const file = `${root}/66000000/66000000${index.toString(16).padStart(6, '0')}`;
      linkSync(file, `${file}.lck`);
    }
    const locked = Math.ceil(total / 25);
    const start = (): SimpleScan => new SimpleScan({ root, now: new Date(), prepare: () => Promise.resolve(), signal: undefined, batch });
    const scan = start();
    const names = await namesOf(scan);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual({ ...scan.statistics, oldest: 0 }, { available: total - locked, locked, ignored: 0, oldest: 0 });
    const listing = arrangeEntries(t);
    for await (const some of start().names) {
      assert.ok(some.length > 0 && listing.given < total / 2, `${listing.given} entries were read before the first name`);
      break;
    }
  });

  it('never gives a name whose lock it saw first, however far apart they are', async (t) => {
    const { root } = await started(t);
    const names = Array.from({ length: 40 }, (_, index) => `66000000/66000000${index.toString(16).padStart(6, '0')}`);
    for (const [index, name] of names.entries())
      linkSync(put(root, name), `${root}/${index % 2 === 0 ? `${name}.lck` : name.replace('/', '/.')}`);
    arrangeEntries(t, (entries) =>
      entries.toSorted((one, other) => Number(other.name.endsWith('.lck')) - Number(one.name.endsWith('.lck'))),
    );
    const scan = new SimpleScan({ root, now: new Date(), prepare: () => Promise.resolve(), signal: undefined, batch: 10 });
    assert.deepEqual(
      (await namesOf(scan)).toSorted(),
      names.filter((_, index) => index % 2 === 1),
    );
    assert.deepEqual({ ...scan.statistics, oldest: 0 }, { available: 20, locked: 20, ignored: 20, oldest: 0 });
  });

  it('survives directories that are removed while it looks', async (t) => {
    const { root, queue } = await started(t);
    for (const directory of ['66000000', '66000060', '66000120']) put(root, `${directory}/66000000000001`);
    const names: string[] = [];
    for await (const some of queue.scan().names) {
      names.push(...some);
      rmSync(`${root}/66000060`, { recursive: true, force: true });
    }
    assert.deepEqual(names, ['66000000/66000000000001', '66000120/66000000000001']);
  });
});

/** As a file system keeps it that knows no less. */
const inSeconds = (time: Date): Date => new Date(time.getTime() - (time.getTime() % 1000));

describe('a claim of a dirq Simple queue', () => {
  it('is a lock that others respect, and is kept young', async (t) => {
    const clock = new Clock();
    const { root, queue } = await started(t, { now: clock.now });
    const file = put(root, NAME);
    const claim = await claimed(queue, NAME);
    assert.equal(statSync(`${file}.lck`).ino, statSync(file).ino);
    clock.advance(MINUTE);
    await claim.touch();
    assert.equal(Math.round(statSync(`${file}.lck`).mtimeMs), clock.now().getTime());
    await claim.release();
    assert.equal(existsSync(`${file}.lck`), false);
    put(root, `${NAME}.lck`);
    assert.equal(await queue.claim(NAME), undefined);
  });

  it('is free again soon when it was given back while the clock was ahead', async (t) => {
    const clock = new Clock();
    const ticking = (): Date => {
      clock.advance(1);
      return clock.now();
    };
    const { root, queue } = await started(t, { now: ticking });
    const names = [1, 2, 3, 4].map((index) => `66000000/6600000000000${index}`);
    for (const name of names) put(root, name);
    const [first, second, third, fourth] = await Promise.all(names.map((name) => claimed(queue, name)));
    clock.advance(40 * 24 * 60 * MINUTE);
    await rejectsWith(first!.read(100), 'claim-lost');
    for (const claim of [fourth, first, second, third]) await claim!.release();
    assert.deepEqual(await namesOf(queue.scan()), [], 'perhaps they are old, and others have them');
    // One is another's now, who touched it at its time; one is gone; one cannot be removed, which holds up no other.
    const other = new Date(clock.now().getTime() - 30 * 24 * 60 * MINUTE);
    utimesSync(`${root}/${names[1]}`, other, other);
    for (const file of [names[2]!, `${names[2]}.lck`]) unlinkSync(`${root}/${file}`);
    const lstat = files.lstatExact;
    t.mock.method(files, 'lstatExact', async (file: string) => {
      if (file === `${root}/${names[3]}.lck`) throw Object.assign(new Error('io'), { code: 'EIO' });
      return await lstat(file);
    });
    clock.advance(-40 * 24 * 60 * MINUTE);
    assert.deepEqual(await namesOf(queue.scan()), [names[0]]);
    assert.equal(existsSync(`${root}/${names[1]}.lck`), true);
    const again = await claimed(queue, names[0]!);
    assert.equal(Buffer.from((await again.read(100)).body).toString(), 'body');
    assert.equal(await again.remove(), 'removed');
  });

  it('is removed, and freed for a successor, where a file system keeps whole seconds only', async (t) => {
    const { lutimes } = files;
    t.mock.method(files, 'lutimes', (file: string, accessed: Date, modified: Date) =>
      lutimes(file, inSeconds(accessed), inSeconds(modified)),
    );
    const clock = new Clock(inSeconds(new Date()).getTime() + 123);
    const { root, queue } = await started(t, { now: clock.now });
    put(root, NAME);
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    clock.advance(MINUTE);
    await claim.touch();
    assert.equal(await claim.remove(), 'removed');
    utimesSync(put(root, NAME), 1_600_000_000, 1_600_000_000);
    await claimed(queue, NAME);
    await queue.close();
    const next = new SimpleQueue({ path: root, layout: 'dirq', instance: 'sender' });
    t.after(() => next.close());
    assert.deepEqual(await next.start(), { freed: 1 });
  });

  it('is given up when the element was sent by another between lock and touch', async (t) => {
    const { root, queue } = await started(t);
    const file = put(root, NAME);
    const link = files.link;
    t.mock.method(files, 'link', async (from: string, to: string) => {
      await link(from, to);
      if (to.endsWith('.lck')) unlinkSync(from);
    });
    assert.equal(await queue.claim(NAME), undefined);
    assert.equal(existsSync(`${file}.lck`), false);
  });

  it('lives without setting times, which only the owner of a file may', async (t) => {
    const clock = new Clock();
    const { root, queue } = await started(t, { now: clock.now });
    const file = put(root, NAME);
    utimesSync(file, 1_600_000_000, 1_600_000_000);
    t.mock.method(files, 'lutimes', failing('EPERM'));
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    const before = statSync(`${file}.lck`).ctimeMs;
    clock.advance(MINUTE);
    await eventually(async () => {
      await claim.touch();
      return statSync(`${file}.lck`).ctimeMs > before;
    });
    assert.equal((await queue.purge()).locks, 0, 'our purge goes by the change of the inode too');
    assert.equal(await claim.remove(), 'removed');
  });

  it('is read as it is now when a writer wrote after the claim, and never half', async (t) => {
    for (const [now, limit] of [
      ['longer than before', 100],
      ['x', 100],
      ['four', 100],
      ['too long', 4],
    ] as const) {
      const { queue, root } = await started(t);
      const file = put(root, NAME, 'body');
      const claim = await claimed(queue, NAME);
      writeFileSync(file, now);
      if (now.length > limit) await rejectsWith(claim.read(limit), 'too-large');
      else assert.equal(Buffer.from((await claim.read(limit)).body).toString(), now);
      await claim.release();
    }
  });

  it('is not read while a writer writes', async (t) => {
    const { queue, root } = await started(t);
    const file = put(root, NAME, 'body');
    const claim = await claimed(queue, NAME);
    const { read } = files;
    t.mock.method(files, 'read', async (...args: Parameters<typeof read>) => {
      const length = await read(...args);
      appendFileSync(file, 'more');
      return length;
    });
    await rejectsWith(claim.read(100), 'changed-while-reading');
  });

  it('of the same name is another when a writer has put another file there', async (t) => {
    const { root, queue } = await started(t);
    const file = put(root, NAME, 'old');
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    unlinkSync(file);
    put(root, NAME, 'new');
    const as = await claim.quarantine({ code: 'x', message: 'y', at: new Date() });
    assert.equal(readFileSync(`${root}/.quarantine/${as}/body`, 'utf8'), 'old');
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.deepEqual(await namesOf(queue.scan()), [NAME]);
  });

  it('puts a file that a writer put there back under another name when that is taken too', async (t) => {
    const { root } = await started(t);
    const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'x' }, (point) => {
      if (point === 'moved') put(root, NAME, 'third');
    });
    await queue.start();
    t.after(() => queue.close());
    const file = put(root, NAME, 'first');
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    unlinkSync(file);
    put(root, NAME, 'second');
    assert.equal(await claim.remove(), 'replaced');
    const bodies = (await namesOf(queue.scan())).map((name) => readFileSync(`${root}/${name}`, 'utf8'));
    assert.deepEqual(bodies.toSorted(), ['second', 'third']);
  });

  it('keeps every file that a writer put there while none could be put back', async (t) => {
    for (const errno of ['EIO', 'ENOSPC', 'ESTALE']) {
      const { root, queue } = await started(t);
      const file = put(root, NAME, 'first');
      const claim = await claimed(queue, NAME);
      await claim.read(10);
      unlinkSync(file);
      put(root, NAME, 'second');
      const link = t.mock.method(files, 'link', failing(errno));
      await rejectsWith(claim.remove(), errno === 'ENOSPC' ? 'disk-full' : 'io-error');
      put(root, NAME, 'third');
      await rejectsWith(claim.remove(), errno === 'ENOSPC' ? 'disk-full' : 'io-error');
      link.mock.restore();
      assert.equal(await claim.remove(), 'replaced');
      const bodies = (await namesOf(queue.scan())).map((name) => readFileSync(`${root}/${name}`, 'utf8'));
      assert.deepEqual(bodies.toSorted(), ['second', 'third'], errno);
      assert.deepEqual(leftIn(root), []);
    }
  });

  it('removes what was sent, and nothing else, when that could not be unlinked at first', async (t) => {
    const { root, queue } = await started(t);
    put(root, NAME, 'first');
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    const unlink = t.mock.method(files, 'unlink', failing('EIO'));
    await rejectsWith(claim.remove(), 'io-error');
    unlink.mock.restore();
    await claim.touch();
    put(root, NAME, 'second');
    assert.equal(await claim.remove(), 'removed');
    assert.deepEqual(await namesOf(queue.scan()), [NAME]);
    assert.equal(readFileSync(`${root}/${NAME}`, 'utf8'), 'second');
    assert.deepEqual(leftIn(root), []);
  });

  it('says what it removed when only the lock could not be removed at first', async (t) => {
    const { root, queue } = await started(t);
    put(root, NAME, 'first');
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    const { unlink } = files;
    const failed = t.mock.method(files, 'unlink', async (file: Parameters<typeof unlink>[0]) => {
      if (String(file).endsWith('.lck')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      await unlink(file);
    });
    await rejectsWith(claim.remove(), 'io-error');
    failed.mock.restore();
    await claim.touch();
    put(root, NAME, 'second');
    assert.equal(await claim.remove(), 'removed');
    assert.equal(readFileSync(`${root}/${NAME}`, 'utf8'), 'second');
    assert.deepEqual(await namesOf(queue.scan()), [NAME]);
  });

  it('leaves to a purge what could not be put back before the end, whoever purges first', async (t) => {
    const { root, queue } = await started(t);
    const file = put(root, NAME, 'first');
    const claim = await claimed(queue, NAME);
    await claim.read(10);
    unlinkSync(file);
    put(root, NAME, 'second');
    const link = t.mock.method(files, 'link', failing('EIO'));
    for (let attempt = 1; attempt <= 3; attempt += 1) await rejectsWith(claim.remove(), 'io-error');
    link.mock.restore();
    await claim.release();
    put(root, NAME, 'third');
    const { queue: other } = await started(t, { path: root, instance: 'other' });
    // What a purge renames is as young as it is.
    const [left = ''] = readdirSync(`${root}/.claimed`).filter((name) => name.startsWith('gone~'));
    lookOlder(t, new RegExp(`${left}$`), 1.1 * MINUTE);
    await Promise.all([queue.purge(), other.purge()]);
    const bodies = (await namesOf(queue.scan())).map((name) => readFileSync(`${root}/${name}`, 'utf8'));
    assert.deepEqual(bodies.toSorted(), ['second', 'third']);
  });
});

describe('the journal', () => {
  it('frees only locks that are still those of the dead owner', async (t) => {
    const { root, queue } = await started(t);
    for (const number of [1, 2, 3]) put(root, `66000000/6600000000000${number}`);
    for (const number of [1, 2]) await claimed(queue, `66000000/6600000000000${number}`);
    await queue.close();
    // Somebody found the first lock too old, and has the element now.
    utimesSync(`${root}/66000000/66000000000001.lck`, 1_600_000_000, 1_600_000_000);
    linkSync(`${root}/66000000/66000000000003`, `${root}/66000000/66000000000003.lck`);
    const next = new SimpleQueue({ path: root, layout: 'dirq', instance: 'sender' });
    t.after(() => next.close());
    assert.deepEqual(await next.start(), { freed: 1 });
    assert.deepEqual(await namesOf(next.scan()), ['66000000/66000000000002']);
  });

  it('does not stop the sending when it cannot be written', async (t) => {
    const { root, queue } = await started(t);
    put(root, NAME);
    t.mock.method(files, 'open', failing('ENOSPC'));
    const claim = await claimed(queue, NAME);
    t.mock.restoreAll();
    assert.equal(await claim.remove(), 'removed');
  });
});

describe('purge of a dirq Simple queue', () => {
  it('removes old temporary files, old locks and empty directories but the newest', async (t) => {
    const { root, queue } = await started(t);
    const file = put(root, NAME);
    linkSync(file, `${file}.lck`);
    put(root, '66000000/66000000000002.tmp');
    for (const directory of ['65000000', '66000060']) mkdirSync(`${root}/${directory}`);
    assert.deepEqual(await queue.purge(), { temporary: 0, locks: 0, directories: 1 });
    lookOlder(t, /\.tmp$|\.lck$/, 5.1 * MINUTE);
    assert.deepEqual(await queue.purge(), { temporary: 1, locks: 0, directories: 0 });
    lookOlder(t, /\.lck$/, 5.1 * MINUTE);
    assert.deepEqual(await queue.purge(), { temporary: 0, locks: 1, directories: 0 });
    assert.deepEqual(
      readdirSync(root).filter((name) => !name.startsWith('.')),
      ['66000000', '66000060'],
    );
  });

  it('frees an old lock whose time a writer set to the future', async (t) => {
    const { root, queue } = await started(t, { lockAgeMs: 50 });
    const file = put(root, NAME);
    utimesSync(file, 4_000_000_000, 4_000_000_000);
    linkSync(file, `${file}.lck`);
    await eventually(async () => (await queue.purge()).locks === 1);
  });

  it('ends what a killed removal began: what was sent goes, what a writer put there comes back', async (t) => {
    const { root, queue } = await started(t);
    const sent = put(root, NAME);
    const { ino, size, mtimeNs } = statSync(sent, { bigint: true });
    renameSync(sent, `${root}/.claimed/gone~66000000~66000000000001~${ino}~${size}~${mtimeNs}`);
    const other = put(root, '66000000/66000000000002', 'written meanwhile');
    renameSync(other, `${root}/.claimed/gone~66000000~66000000000002~1~2~3`);
    await queue.purge();
    assert.deepEqual(await namesOf(queue.scan()), [], 'a live process may be about to');
    lookOlder(t, /gone~/, 1.1 * MINUTE);
    await queue.purge();
    assert.deepEqual(await namesOf(queue.scan()), ['66000000/66000000000002']);
    assert.equal(readFileSync(other, 'utf8'), 'written meanwhile');
  });
});

describe('start of a dirq Simple queue', () => {
  it('leaves a probe nowhere, and times of elements alone', async (t) => {
    const root = temporaryDirectory(t);
    const file = put(root, NAME);
    utimesSync(file, 1_600_000_000, 1_600_000_000);
    await started(t, { path: root });
    assert.equal(statSync(file).mtimeMs, 1_600_000_000_000);
    assert.deepEqual(
      filesBelow(root).filter((one) => !one.includes('owner~')),
      [NAME],
    );
  });

  it('says what is wrong when files of the writer cannot be linked', async (t) => {
    const root = temporaryDirectory(t);
    const file = put(root, NAME);
    const link = files.link;
    t.mock.method(files, 'link', async (from: string, to: string) => {
      if (from === file) throw Object.assign(new Error('not permitted'), { code: 'EPERM', path: from });
      await link(from, to);
    });
    const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'x', calls: threaded(root) });
    t.after(() => queue.close());
    const error = await rejectsWith(queue.start(), 'permission-denied');
    for (const part of [file, 'protected_hardlinks', 'uid', 'mode 0']) assert.ok(error.message.includes(part), error.message);
    assert.equal(error.path, file);
    await rejectsWith(queue.claim(NAME), 'permission-denied');
  });

  it('goes on when it may lock one of the first files', async (t) => {
    const root = temporaryDirectory(t);
    // Also of another directory: each begins a portion of names of its own.
    const [foreign, ours] = [NAME, '66000001/66000000000002'];
    put(root, foreign);
    put(root, ours);
    const link = files.link;
    t.mock.method(files, 'link', async (from: string, to: string) => {
      if (from.endsWith(foreign)) throw Object.assign(new Error('not permitted'), { code: 'EPERM', path: from });
      await link(from, to);
    });
    const { queue } = await started(t, { path: root });
    await rejectsWith(queue.claim(foreign), 'permission-denied');
    assert.equal(await (await claimed(queue, ours)).remove(), 'removed');
  });

  it('works on a disk without a free block', async (t) => {
    const { root } = await started(t);
    put(root, NAME);
    const write = promises.writeFile.bind(promises);
    t.mock.method(promises, 'writeFile', async (file: string, data: string, options: object) => {
      if (data.length > 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      await write(file, data, options);
    });
    t.mock.method(promises, 'mkdir', failing('EEXIST'));
    const open = promises.open.bind(promises);
    t.mock.method(promises, 'open', async (...args: Parameters<typeof open>) => {
      const handle = await open(...args);
      t.mock.method(handle, 'writeFile', failing('ENOSPC'));
      return handle;
    });
    const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'second' });
    t.after(() => queue.close());
    await queue.start();
    assert.equal(await (await claimed(queue, NAME)).remove(), 'removed');
  });
});
