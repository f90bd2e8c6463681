import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import { ClaimsDirectory } from '../src/claims-directory.js';
import { files } from '../src/files.js';
import { decodeName, encodeName, fileIn } from '../src/names.js';
import { NormalReader } from '../src/normal-reader.js';
import type { OutgoingOptions } from '../src/options.js';
import { PlainDirectory } from '../src/plain-directory.js';
import { isStable, PlainScan } from '../src/plain-scan.js';
import type { Claim } from '../src/spool.js';
import { lookOlder } from './aged.js';
import { type OutgoingFixture, outgoingConformance } from './conformance-suite.js';
import { claimed, claimFirst, filesBelow, HOUR, MINUTE, namesOf, rejectsWith, text, threaded } from './support.js';
import { failing } from './sync-log.js';

const BASE = 1_700_000_000;
let count = 0;

const fixture: OutgoingFixture = {
  make: (options) => new PlainDirectory({ layout: 'directory', stabilityMs: 0, ...options }),
  quarantine: (root) => new NormalReader({ path: `${root}/.quarantine` }),
  put: (root, body, index = 0) => {
    count += 1;
    const name = `file-${count}.txt`;
    writeFileSync(`${root}/${name}`, body);
    utimesSync(`${root}/${name}`, BASE + index, BASE + index);
    return name;
  },
  fileOf: (root, name) => `${root}/${name}`,
};

outgoingConformance('directory', fixture);
outgoingConformance(
  'directory',
  { ...fixture, make: (options) => fixture.make({ ...options, calls: threaded(options.path) }) },
  ', by threads',
);

async function started(t: TestContext, options: Partial<OutgoingOptions> = {}): Promise<{ root: string; queue: PlainDirectory }> {
  const root = options.path ?? temporaryDirectory(t);
  const queue = new PlainDirectory({
    layout: 'directory',
    instance: 'sender',
    stabilityMs: 0,
    calls: threaded(root),
    ...options,
    path: root,
  });
  await queue.start();
  t.after(() => queue.close());
  return { root, queue };
}

/** Without hard links, or with files that we may not link. */
function refuseLinks(t: TestContext): void {
  t.mock.method(files, 'link', failing('EPERM'));
}

describe('scan of a plain directory', () => {
  it('gives the oldest first and ignores what is not whole', async (t) => {
    const { root, queue } = await started(t);
    for (const [index, name] of ['c', 'a', 'b'].entries()) {
      writeFileSync(`${root}/${name}`, '');
      utimesSync(`${root}/${name}`, BASE - index, BASE - index);
    }
    for (const name of ['.hidden', 'x.tmp', 'x.part', 'x~']) writeFileSync(`${root}/${name}`, '');
    mkdirSync(`${root}/directory`);
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), ['b', 'a', 'c']);
    assert.deepEqual(scan.statistics, { available: 3, locked: 0, ignored: 5, oldest: new Date((BASE - 2) * 1000) });
    for (const name of ['.hidden', 'x.tmp', 'directory', 'absent']) assert.equal(await queue.claim(name), undefined);
  });

  it('counts what lies among the claims and is none as ignored, so that somebody sees it', async (t) => {
    const { root, queue } = await started(t);
    for (const name of ['of-a-newer~version~file', 'by-hand', 'probe~1', 'freeing']) writeFileSync(`${root}/.claimed/${name}`, '');
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), []);
    assert.deepEqual(scan.statistics, { available: 0, locked: 0, ignored: 2, oldest: undefined });
  });

  it('takes a file only when nothing about it has changed for a while', async (t) => {
    const { root, queue } = await started(t, { stabilityMs: 300 });
    const file = `${root}/growing`;
    writeFileSync(file, 'half');
    // A writer may set any time of modification.
    utimesSync(file, BASE, BASE);
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), []);
    assert.equal(scan.statistics.ignored, 1);
    assert.equal(await queue.claim('growing'), undefined);
    await eventually(async () => assert.deepEqual(await namesOf(queue.scan()), ['growing']));
    writeFileSync(file, ' more', { flag: 'a' });
    assert.equal(await queue.claim('growing'), undefined);
    const claim = await eventually(async () => (await queue.claim('growing')) ?? false);
    assert.equal(text((await claim.read(100)).body), 'half more');
  });

  it('is not held up for ever by a clock that was wrong', () => {
    const now = 1_700_000_000_000;
    assert.equal(isStable({ ctimeMs: now - 2000 }, now, 2000), true);
    assert.equal(isStable({ ctimeMs: now - 1999 }, now, 2000), false);
    assert.equal(isStable({ ctimeMs: now + 1000 }, now, 2000), false);
    assert.equal(isStable({ ctimeMs: now + 2 * HOUR }, now, 2000), true);
  });

  it('moves on where it finds no file that is left alone yet', async (t) => {
    const { root, queue } = await started(t, { stabilityMs: HOUR });
    for (let index = 0; index < 100; index += 1) writeFileSync(`${root}/${index}`, 'x');
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), []);
    assert.ok(scan.answers > 3);
  });

  it('reads a large directory in batches', async (t) => {
    const { root } = await started(t);
    const claims = new ClaimsDirectory({ path: root, layout: 'directory', instance: 'x' });
    const [total, batch] = [130, 20];
    for (let index = 0; index < total; index += 1) {
      writeFileSync(`${root}/${index}`, '');
      utimesSync(`${root}/${index}`, BASE - index, BASE - index);
    }
    const scan = new PlainScan({ root, claims, stabilityMs: 0, prepare: () => Promise.resolve(), signal: undefined, batch });
    const names = await namesOf(scan);
    assert.equal(new Set(names).size, total);
    assert.deepEqual(scan.statistics, { available: total, locked: 0, ignored: 0, oldest: new Date((BASE - total + 1) * 1000) });
    const first = names.slice(0, batch).map(Number);
    assert.deepEqual(
      first,
      first.toSorted((one, other) => other - one),
    );
  });
});

describe('a claim of a plain directory', () => {
  it('moves the file, so that a writer that goes on writes into the claimed one, and nothing of it is lost', async (t) => {
    const { root, queue } = await started(t);
    const writer = openSync(`${root}/log`, 'a');
    t.after(() => closeSync(writer));
    writeSync(writer, 'one');
    const first = await claimed(queue, 'log');
    assert.equal(existsSync(`${root}/log`), false);
    writeSync(writer, ' two');
    await rejectsWith(first.read(100), 'changed-while-reading');
    await first.release();
    const second = await claimed(queue, 'log');
    const read = await second.read(100);
    assert.equal(text(read.body), 'one two');
    writeSync(writer, ' three');
    assert.equal(await second.remove(), 'replaced');
    const third = await claimed(queue, 'log');
    const again = await third.read(100);
    assert.equal(text(again.body), 'one two three');
    assert.notEqual(again.deliveryId, read.deliveryId);
  });

  it('carries owner, delivery id and name in the name of the claimed file', async (t) => {
    const { root, queue } = await started(t, { instance: 'site a' });
    writeFileSync(`${root}/ Zürich ~ö.xml`, '');
    const claim = await claimed(queue, ' Zürich ~ö.xml');
    const { deliveryId } = await claim.read(0);
    const entries = readdirSync(`${root}/.claimed`);
    const [file] = entries.filter((name) => !name.startsWith('owner~'));
    const [token, id, ...name] = file!.split('~');
    assert.deepEqual([id, name.join('~')], [deliveryId, ' Zürich ~ö.xml']);
    assert.ok(entries.includes(`owner~site%20a~${token}`));
  });

  it('quarantines names that cannot be sent, byte for byte', async (t) => {
    const { root, queue } = await started(t);
    const names = [decodeName('caf\xe9'), 'n'.repeat(206)];
    for (const name of names) writeFileSync(fileIn(root, name), 'body');
    for (const name of await namesOf(queue.scan())) {
      assert.ok(names.includes(name));
      const claim = await claimed(queue, name);
      await rejectsWith(claim.read(100), 'name-invalid');
      await claim.release();
      assert.equal(readFileSync(fileIn(root, name), 'utf8'), 'body');
      const as = await (await claimed(queue, name)).quarantine({ code: 'name-invalid', message: 'x', at: new Date() });
      assert.deepEqual(readFileSync(`${root}/.quarantine/${as}/name`), encodeName(name));
    }
    assert.equal(await queue.quarantineDepth(), 2);
    writeFileSync(`${root}/${'n'.repeat(205)}`, 'body');
    await (await claimed(queue, 'n'.repeat(205))).read(100);
  });

  it('gives a new delivery id to a copy that is dropped again with its old time', async (t) => {
    const { root, queue } = await started(t);
    const ids = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      writeFileSync(`${root}/again`, 'same');
      utimesSync(`${root}/again`, BASE, BASE);
      const claim = await claimed(queue, 'again');
      ids.add((await claim.read(100)).deliveryId);
      await claim.remove();
    }
    assert.equal(ids.size, 5);
  });
});

describe('a claim of a plain directory that cannot go back', () => {
  it('stays free below .claimed when links are refused, and is sent from there under its name and id', async (t) => {
    const { root, queue } = await started(t);
    writeFileSync(`${root}/file`, 'body');
    const claim = await claimed(queue, 'file');
    const { deliveryId } = await claim.read(100);
    refuseLinks(t);
    await claim.release();
    assert.equal(existsSync(`${root}/file`), false);
    const { queue: other } = await started(t, { path: root, instance: 'other' });
    const scan = other.scan();
    const [name] = await namesOf(scan);
    assert.equal(scan.statistics.available, 1);
    const again = await claimed(other, name!);
    assert.equal(await queue.claim(name!), undefined);
    assert.equal(again.name, 'file');
    const read = await again.read(100);
    assert.deepEqual([text(read.body), read.deliveryId], ['body', deliveryId]);
    assert.equal(await again.remove(), 'removed');
    assert.deepEqual(await namesOf(other.scan()), []);
  });

  it('gets a new id when it was written to', async (t) => {
    const { root, queue } = await started(t);
    writeFileSync(`${root}/file`, 'body');
    linkSync(`${root}/file`, `${root}/.same`);
    const claim = await claimed(queue, 'file');
    const { deliveryId } = await claim.read(100);
    writeFileSync(`${root}/.same`, 'BODY and more');
    refuseLinks(t);
    assert.equal(await claim.remove(), 'replaced');
    const again = await claimFirst(queue);
    const read = await again.read(100);
    assert.equal(text(read.body), 'BODY and more');
    assert.notEqual(read.deliveryId, deliveryId);
  });

  it('keeps its id although a file system gave it another inode meanwhile', async (t) => {
    const { root, queue } = await started(t);
    writeFileSync(`${root}/file`, 'body');
    const claim = await claimed(queue, 'file');
    const { deliveryId } = await claim.read(100);
    await queue.close();
    const [file] = readdirSync(`${root}/.claimed`).filter((name) => name.endsWith('~file'));
    const { atime, mtime } = statSync(`${root}/.claimed/${file}`);
    cpSync(`${root}/.claimed/${file}`, `${root}/.copy`);
    utimesSync(`${root}/.copy`, atime, mtime);
    const copied = statSync(`${root}/.copy`, { bigint: true }).mtimeNs === statSync(`${root}/.claimed/${file}`, { bigint: true }).mtimeNs;
    renameSync(`${root}/.copy`, `${root}/.claimed/${file}`);
    const { queue: next } = await started(t, { path: root });
    const again = await (await claimFirst(next)).read(100);
    assert.equal(text(again.body), 'body');
    // Times are set in microseconds: where the original had finer ones, the copy counts as other contents.
    assert.equal(again.deliveryId === deliveryId, copied);
  });

  it('is freed when the file of its owner is missing, after the lock age', async (t) => {
    const { root, queue } = await started(t);
    writeFileSync(`${root}/file`, 'body');
    await claimed(queue, 'file');
    rmSync(`${root}/.claimed/${readdirSync(`${root}/.claimed`).find((name) => name.startsWith('owner~'))}`);
    const { queue: other } = await started(t, { path: root, instance: 'other' });
    assert.equal((await other.purge()).locks, 0);
    lookOlder(t, /~file$/, 11 * MINUTE);
    assert.equal((await other.purge()).locks, 1);
    assert.deepEqual(await namesOf(other.scan()), ['file']);
  });
});

/** As if the volume were not mounted; resolves to what mounts it again. */
function unmount(root: string): () => void {
  renameSync(root, `${root}.away`);
  mkdirSync(root);
  return () => {
    rmSync(root, { recursive: true });
    renameSync(`${root}.away`, root);
  };
}

async function threeClaimed(t: TestContext): Promise<{ root: string; queue: PlainDirectory; claims: Claim[] }> {
  const { root, queue } = await started(t);
  const names = ['a', 'b', 'c'];
  for (const name of names) writeFileSync(`${root}/${name}`, name);
  return { root, queue, claims: await Promise.all(names.map((name) => claimed(queue, name))) };
}

describe('a plain directory whose volume goes away and comes back', () => {
  it('has its claims still: they are neither lost nor removed nor given back meanwhile', async (t) => {
    const { root, queue, claims } = await threeClaimed(t);
    const mount = unmount(root);
    for (const claim of claims) await rejectsWith(claim.touch(), 'path-missing');
    for (const claim of claims) await rejectsWith(claim.remove(), 'path-missing');
    await rejectsWith(queue.purge(), 'path-missing');
    mount();
    assert.equal((await queue.purge()).locks, 0);
    for (const claim of claims) await claim.touch();
    for (const claim of claims) assert.equal(await claim.remove(), 'removed');
    await queue.close();
    assert.deepEqual(filesBelow(root), []);
  });

  it('gives back at the next purge what could not be given back', async (t) => {
    const { root, queue, claims } = await threeClaimed(t);
    const mount = unmount(root);
    for (const claim of claims.slice(1)) await rejectsWith(claim.release(), 'path-missing');
    mount();
    assert.equal((await queue.purge()).locks, 2);
    assert.deepEqual(await namesOf(queue.scan()), ['b', 'c']);
    assert.equal(await claims[0]?.remove(), 'removed');
    for (const name of ['b', 'c']) assert.equal(await (await claimed(queue, name)).remove(), 'removed');
  });

  it('does so when the volume was read-only meanwhile', async (t) => {
    const { queue, claims } = await threeClaimed(t);
    const refused = ['link', 'rename'].map((call) => t.mock.method(files, call as 'link', failing('EROFS')));
    for (const claim of claims) await rejectsWith(claim.release(), 'read-only');
    for (const { mock } of refused) mock.restore();
    assert.equal((await queue.purge()).locks, 3);
    assert.deepEqual((await namesOf(queue.scan())).toSorted(), ['a', 'b', 'c']);
  });
});

describe('start of a plain directory', () => {
  it('leaves nothing behind', async (t) => {
    const { root, queue } = await started(t);
    await queue.close();
    assert.deepEqual(filesBelow(root), []);
  });

  it('does not need hard links', async (t) => {
    refuseLinks(t);
    const { root, queue } = await started(t);
    writeFileSync(`${root}/file`, 'body');
    assert.equal(await (await claimed(queue, 'file')).remove(), 'removed');
  });

  it('says when files cannot be renamed', async (t) => {
    const { root, queue } = await started(t);
    writeFileSync(`${root}/file`, 'body');
    t.mock.method(files, 'rename', async (from: string) => {
      await Promise.reject(Object.assign(new Error('sticky'), { code: 'EPERM', path: from }));
    });
    for (const attempt of [queue.claim('file'), new PlainDirectory({ path: root, layout: 'directory', instance: 'x' }).start()]) {
      const error = await rejectsWith(attempt, 'permission-denied');
      assert.match(error.message, /we are uid \d+ gid \d+.*mode 0/);
    }
  });
});
