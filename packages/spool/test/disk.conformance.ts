/** A disk that is full, and one that is read-only: small file systems of our own, which need root to be mounted. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { eventually, requireTools, temporaryDirectory } from '@ssm/test-support';
import { FileDeliveryRecord } from '../src/delivery-record.js';
import { NormalQueue } from '../src/normal-queue.js';
import { NormalReader } from '../src/normal-reader.js';
import { PlainDirectory } from '../src/plain-directory.js';
import { SimpleQueue } from '../src/simple-queue.js';
import { SimpleWriter } from '../src/simple-writer.js';
import { addTo, claimed, filesBelow, namesOf, rejectsWith } from './support.js';

const skip = requireTools('root');

function command(name: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** A file system of 1 MiB, read and written by this test alone. */
function mounted(t: TestContext, options = 'size=1m'): string {
  let directory = '';
  // What is registered first is done first.
  t.after(() => void spawnSync('umount', ['-l', directory]));
  directory = temporaryDirectory(t);
  command('mount', '-t', 'tmpfs', '-o', options, 'ssm-test', directory);
  return directory;
}

/** Takes all space that there is; call the result to give it back. */
function fillUp(root: string): () => void {
  const file = `${root}/.filler`;
  const descriptor = openSync(file, 'w');
  try {
    for (let size = 65_536; size >= 1; )
      try {
        writeSync(descriptor, Buffer.alloc(size));
      } catch {
        size = Math.floor(size / 2);
      }
  } finally {
    closeSync(descriptor);
  }
  return () => rmSync(file);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

async function elements(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of new NormalReader({ path: root }).names()) names.push(name);
  return names;
}

describe('a full disk', { skip }, () => {
  it('is a code for the receiver, and nothing is half visible', async (t) => {
    const root = mounted(t);
    const queue = new NormalQueue({ path: `${root}/incoming`, instance: 'x' });
    const record = new FileDeliveryRecord({ path: `${root}/record` });
    await queue.start();
    await record.start();
    const staged = await queue.stage({ body: 'x'.repeat(10_000) });
    const before = filesBelow(root);
    const giveBack = fillUp(root);
    await rejectsWith(queue.stage({ body: 'x'.repeat(100_000), signer: 'y' }), 'disk-full');
    await rejectsWith(addTo(queue, { body: 'x' }), 'disk-full');
    await rejectsWith(queue.start(), 'disk-full');
    await rejectsWith(record.claim('id', staged.path), 'disk-full');
    assert.deepEqual(filesBelow(root), [...before, '.filler'].toSorted());
    assert.deepEqual(readdirSync(`${root}/incoming/.staging/x`).length, 1, 'no empty element is left');
    assert.equal(await queue.freeBytes(), 0);
    giveBack();
    await queue.start();
    assert.deepEqual(await record.claim('id', staged.path), { outcome: 'mine' });
    await queue.commit(staged.path);
    await addTo(queue, { body: 'x' });
    assert.equal((await elements(`${root}/incoming`)).length, 2);
  });

  it('fails at any point of an element without a trace', async (t) => {
    const root = mounted(t, 'size=200k');
    const queue = new NormalQueue({ path: `${root}/incoming`, instance: 'x' });
    await queue.start();
    let [stored, failed] = [0, 0];
    for (let size = 1; size < 40_000; size += 1500) {
      const [added] = await Promise.allSettled([addTo(queue, { a: 'x'.repeat(size), body: 'y'.repeat(size), z: 'z'.repeat(size) })]);
      if (added.status === 'fulfilled') stored += 1;
      else await rejectsWith(Promise.reject(toError(added.reason)), 'disk-full');
      failed += added.status === 'fulfilled' ? 0 : 1;
      assert.equal((await elements(`${root}/incoming`)).length, stored);
      assert.deepEqual(readdirSync(`${root}/incoming/.staging/x`), []);
    }
    assert.ok(stored > 0 && failed > 0);
    for (const name of await elements(`${root}/incoming`))
      assert.deepEqual(readdirSync(`${root}/incoming/${name}`).toSorted(), ['a', 'body', 'z']);
  });

  it('does not stop a sender: sending is what frees it', async (t) => {
    for (const layout of ['dirq', 'directory'] as const) {
      const root = mounted(t);
      const make = (instance: string): SimpleQueue | PlainDirectory =>
        layout === 'dirq'
          ? new SimpleQueue({ path: root, layout, instance })
          : new PlainDirectory({ path: root, layout, instance, stabilityMs: 0 });
      const first = make('first');
      await first.start();
      await first.close();
      if (layout === 'dirq') await new SimpleWriter({ path: root }).add(Buffer.alloc(100_000));
      else writeFileSync(`${root}/file`, Buffer.alloc(100_000));
      fillUp(root);
      await rejectsWith(new SimpleWriter({ path: root }).add(Buffer.alloc(10)), 'disk-full');
      const queue = make('second');
      await queue.start();
      t.after(() => queue.close());
      const [name] = (await namesOf(queue.scan())).filter((one) => one !== '.filler');
      const claim = await claimed(queue, name!);
      await claim.read(100_000);
      await rejectsWith(claim.quarantine({ code: 'x', message: 'y', at: new Date() }), 'disk-full');
      assert.equal(await claim.remove(), 'removed');
      assert.deepEqual(await namesOf(queue.scan()), []);
    }
  });
});

/** ext4, in a file: unlike a tmpfs it takes no inode for a second name. */
function withInodes(t: TestContext, inodes: number): string {
  let directory = '';
  t.after(() => void spawnSync('umount', ['-l', directory]));
  const image = `${temporaryDirectory(t)}/image`;
  writeFileSync(image, '');
  truncateSync(image, 4 * 1024 * 1024);
  command('mkfs.ext4', '-q', '-F', '-m', '0', '-N', `${inodes}`, image);
  directory = temporaryDirectory(t);
  command('mount', '-o', 'loop', image, directory);
  return directory;
}

/** As a writer does who is never told to wait. */
function takeInodes(write: (name: string) => void): number {
  for (let number = 0; ; number += 1) {
    try {
      write(`file-${number}`);
    } catch (error) {
      assert.equal(Reflect.get(toError(error), 'code'), 'ENOSPC');
      return number;
    }
  }
}

describe('a volume without a free inode', { skip: requireTools('root', 'mkfs.ext4') }, () => {
  it('is emptied by a sender that starts there, as often as it has to', async (t) => {
    for (const layout of ['dirq', 'directory'] as const) {
      const root = withInodes(t, 64);
      const make = (): SimpleQueue | PlainDirectory =>
        layout === 'dirq'
          ? new SimpleQueue({ path: root, layout, instance: 'x' })
          : new PlainDirectory({ path: root, layout, instance: 'x', stabilityMs: 0 });
      const first = make();
      await first.start();
      await first.close();
      if (layout === 'dirq') mkdirSync(`${root}/66000000`);
      for (let start = 0; start < 3; start += 1) {
        const written = takeInodes((name) => {
          const element = `66000000/660000000000${name.replace('file-', '').padStart(2, '0')}`;
          writeFileSync(`${root}/${layout === 'dirq' ? element : name}`, '', { flag: 'wx' });
        });
        assert.ok(written > 20, `${written}`);
        const queue = make();
        await queue.start();
        const names = (await namesOf(queue.scan())).filter((name) => name !== 'lost+found');
        assert.equal(names.length, written);
        for (const name of names) assert.equal(await (await claimed(queue, name)).remove(), 'removed');
        await queue.purge();
        await queue.close();
      }
    }
  });
});

describe('a staging area on another file system', { skip }, () => {
  it('is refused before anything is staged there', async (t) => {
    let root = '';
    t.after(() => void spawnSync('umount', ['-l', `${root}/.staging`]));
    root = temporaryDirectory(t);
    const queue = new NormalQueue({ path: root, instance: 'x' });
    await queue.start();
    command('mount', '-t', 'tmpfs', '-o', 'size=1m', 'ssm-test', `${root}/.staging`);
    await rejectsWith(queue.start(), 'path-missing');
    await rejectsWith(new NormalQueue({ path: root, instance: 'y' }).start(), 'io-error');
    command('umount', `${root}/.staging`);
    await queue.start();
    await addTo(queue, { body: 'x' });
  });
});

describe('a read-only file system', { skip }, () => {
  it('is a code of its own', async (t) => {
    const root = mounted(t);
    for (const name of ['incoming', 'outgoing', 'plain']) mkdirSync(`${root}/${name}`);
    const queue = new NormalQueue({ path: `${root}/incoming`, instance: 'x' });
    const record = new FileDeliveryRecord({ path: `${root}/record` });
    const simple = new SimpleQueue({ path: `${root}/outgoing`, layout: 'dirq', instance: 'x' });
    const plain = new PlainDirectory({ path: `${root}/plain`, layout: 'directory', instance: 'x', stabilityMs: 0 });
    await Promise.all([queue.start(), record.start(), simple.start(), plain.start()]);
    t.after(() => Promise.all([simple.close(), plain.close()]).then(() => undefined));
    const writer = new SimpleWriter({ path: `${root}/outgoing` });
    const name = await writer.add(Buffer.from('x'));
    writeFileSync(`${root}/plain/file`, 'x');
    const staged = await queue.stage({ body: 'x' });
    const claim = await claimed(simple, name);
    // The journal of the claim stays open for a moment.
    await eventually(() => command('mount', '-o', 'remount,ro', root));
    const attempts: (() => Promise<unknown>)[] = [
      () => queue.stage({ body: 'x' }),
      () => queue.commit(staged.path),
      () => queue.start(),
      () => record.claim('id', staged.path),
      () => claim.touch(),
      () => claim.remove(),
      () => plain.claim('file'),
      () => writer.add(Buffer.from('x')),
      () => new SimpleQueue({ path: `${root}/outgoing`, layout: 'dirq', instance: 'y' }).start(),
    ];
    for (const attempt of attempts) await rejectsWith(attempt(), 'read-only');
    assert.deepEqual(await elements(`${root}/incoming`), []);
    command('mount', '-o', 'remount,rw', root);
    assert.equal((await queue.commit(staged.path)).outcome, 'stored');
    assert.equal(await claim.remove(), 'removed');
  });
});

describe('devices', { skip: skip === false ? requireTools('root') : skip }, () => {
  it('are never opened: a FIFO would wait for ever, a device might do anything', async (t) => {
    const root = temporaryDirectory(t);
    const queue = new PlainDirectory({ path: root, layout: 'directory', instance: 'x', stabilityMs: 0 });
    await queue.start();
    t.after(() => queue.close());
    command('mkfifo', `${root}/fifo`);
    command('mknod', `${root}/tape`, 'c', '9', '0');
    symlinkSync('/dev/zero', `${root}/link`);
    for (const name of await namesOf(queue.scan())) {
      const claim = await claimed(queue, name);
      await rejectsWith(claim.read(100), 'not-regular');
      const as = await claim.quarantine({ code: 'not-regular', message: name, at: new Date() });
      assert.equal(statSync(`${root}/.quarantine/${as}/name`).size, name.length);
    }
    assert.equal(await queue.quarantineDepth(), 3);
  });
});
