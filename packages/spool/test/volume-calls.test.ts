import assert from 'node:assert/strict';
import { constants, existsSync, promises, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { failedWith } from '../src/faults.js';
import { type FileCalls, files } from '../src/files.js';
import { Pace, volumeCalls } from '../src/volume-calls.js';

const [TMPFS, OVERLAYFS, NFS, FUSE] = [0x0102_1994, 0x794c_7630, 0x6969, 0x6573_5546];

const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};

/** Names of the calls that threads make. */
function watchThreads(t: TestContext): string[] {
  const made: string[] = [];
  for (const name of Object.keys(files) as (keyof FileCalls)[]) {
    const real = files[name] as (...args: unknown[]) => Promise<unknown>;
    t.mock.method(files, name, (...args: unknown[]) => {
      made.push(name);
      return real(...args);
    });
  }
  return made;
}

/** Calls on a local file system, each of which takes so long (ms) as `took` says. */
function paced(t: TestContext) {
  const clock = { time: 0, took: 0 };
  const root = temporaryDirectory(t);
  const pace = new Pace(() => {
    clock.time += clock.took;
    return clock.time;
  });
  pace.found(TMPFS);
  return { root, clock, calls: volumeCalls(root, pace), made: watchThreads(t) };
}

describe('calls of a volume', () => {
  it('do the same directly as by threads', async (t) => {
    const made = watchThreads(t);
    for (const direct of [true, false]) {
      const root = temporaryDirectory(t);
      const pace = new Pace(() => 0);
      const calls = volumeCalls(root, pace);
      pace.found(direct ? TMPFS : NFS);
      made.length = 0;
      const at = new Date(1_700_000_000_000);
      await calls.mkdir(`${root}/d`, 0o700);
      writeFileSync(`${root}/d/a`, 'body');
      await calls.link(`${root}/d/a`, `${root}/d/b`);
      await calls.rename(`${root}/d/b`, `${root}/d/c`);
      await calls.lutimes(`${root}/d/c`, at, at);
      const descriptor = await calls.open(`${root}/d/c`, constants.O_RDWR | constants.O_APPEND);
      const into = Buffer.alloc(10);
      assert.equal(await calls.read(descriptor, into, 2), 4);
      assert.equal(into.toString('latin1', 2, 6), 'body');
      assert.equal(await calls.write(descriptor, Buffer.from('-more'), 1), 4);
      const stats = await calls.fstatExact(descriptor);
      await calls.close(descriptor);
      assert.equal(stats.size, 8n);
      assert.equal((await calls.lstatExact(`${root}/d/c`)).ino, stats.ino);
      assert.equal((await calls.statExact(`${root}/d/c`)).ino, stats.ino);
      assert.equal((await calls.lstat(`${root}/d/a`)).nlink, 2);
      await calls.unlink(`${root}/d/c`);
      assert.equal(existsSync(`${root}/d/c`), false);
      await assert.rejects(
        async () => await calls.unlink(`${root}/d/c`),
        (error) => failedWith(error, 'ENOENT'),
      );
      assert.equal(made.length, direct ? 0 : 14);
    }
  });

  it('are made by threads where the answer comes from elsewhere, and until that is known', async (t) => {
    const root = temporaryDirectory(t);
    const made = watchThreads(t);
    const pace = new Pace(() => 0);
    const calls = volumeCalls(root, pace);
    for (const [type, expected] of [
      [undefined, 1],
      [NFS, 1],
      [FUSE, 1],
      [TMPFS, 0],
      [NFS, 1],
    ] as const) {
      pace.found(type);
      made.length = 0;
      await calls.lstat(root);
      assert.equal(made.length, expected, String(type));
    }
    const unknown = volumeCalls(root);
    made.length = 0;
    await unknown.lstat(root);
    assert.deepEqual(made, ['lstat']);
    t.mock.method(promises, 'statfs', async () => ({ type: NFS }));
    await unknown.look();
    await unknown.lstat(root);
    assert.deepEqual(made, ['lstat', 'lstat']);
    t.mock.method(promises, 'statfs', async () => ({ type: TMPFS }));
    await unknown.look();
    await unknown.lstat(root);
    assert.deepEqual(made, process.platform === 'linux' ? ['lstat', 'lstat'] : ['lstat', 'lstat', 'lstat']);
  });

  it('say whether O_SYNC can be relied upon: not below an overlay, where anything may be, nor where nothing is known', () => {
    const pace = new Pace();
    const calls = volumeCalls('/', pace);
    assert.equal(calls.syncsWrites, false);
    for (const [type, expected] of [
      [TMPFS, true],
      [OVERLAYFS, false],
      [0xef53, true],
      [NFS, false],
      [FUSE, false],
      [undefined, false],
    ] as const) {
      pace.found(type);
      assert.equal(calls.syncsWrites, expected, String(type));
    }
  });

  it('leave the waiting to threads for fifty times as long as one took', async (t) => {
    const { root, clock, calls, made } = paced(t);
    clock.took = 3000;
    await calls.lstat(root);
    clock.took = 0;
    await turn();
    clock.time += 149_000;
    await calls.lstat(root);
    assert.deepEqual(made, ['lstat']);
    clock.time += 1000;
    await calls.lstat(root);
    assert.deepEqual(made, ['lstat']);
  });

  it('leave the waiting to threads for a second when one took long', async (t) => {
    const { root, clock, calls, made } = paced(t);
    await calls.lstat(root);
    await turn();
    clock.took = 21;
    await calls.lstat(root);
    clock.took = 0;
    await turn();
    assert.deepEqual(made, []);
    await calls.lstat(root);
    clock.time += 990;
    await calls.lstat(root);
    assert.deepEqual(made, ['lstat', 'lstat']);
    clock.time += 60;
    await turn();
    await calls.lstat(root);
    await calls.lstat(root);
    assert.deepEqual(made, ['lstat', 'lstat']);
  });

  it('leave changes of directories to threads for a second when they take long as a rule', async (t) => {
    const { root, clock, calls, made } = paced(t);
    const createOne = async (): Promise<void> => {
      const descriptor = await calls.open(`${root}/x`, constants.O_CREAT | constants.O_WRONLY, 0o600);
      clock.took = 0;
      await calls.close(descriptor);
      await calls.unlink(`${root}/x`);
      await turn();
    };
    clock.took = 9;
    await createOne();
    await createOne();
    for (let count = 0; count < 200; count += 1) {
      clock.took = 0.1;
      await createOne();
    }
    assert.deepEqual(made, [], 'one that was slow, and many that take a moment');
    for (let count = 0; made.length === 0 && count < 100; count += 1) {
      clock.took = 1;
      await createOne();
    }
    assert.deepEqual(made, ['unlink'], 'what changes a directory, and nothing else');
    await assert.rejects(async () => await calls.rename(`${root}/x`, `${root}/y`));
    await calls.lstat(root);
    await createOne();
    assert.deepEqual(made, ['unlink', 'rename', 'open', 'unlink']);
    clock.time += 1000;
    await createOne();
    assert.equal(made.length, 4);
  });

  it('give the event loop its turn, however many there are', async (t) => {
    const root = temporaryDirectory(t);
    const made = watchThreads(t);
    let time = 0;
    const pace = new Pace(() => time);
    const calls = volumeCalls(root, pace);
    pace.found(TMPFS);
    let turns = 0;
    const end = setInterval(() => (turns += 1), 0);
    for (let call = 0; call < 100; call += 1) {
      await calls.lstat(root);
      time += 1;
    }
    clearInterval(end);
    assert.ok(made.length >= 5 && made.length <= 20, String(made.length));
    assert.ok(turns > 0);
  });

  it('read what is large by a thread', async (t) => {
    const root = temporaryDirectory(t);
    writeFileSync(`${root}/large`, Buffer.alloc(200_000));
    const made = watchThreads(t);
    const pace = new Pace(() => 0);
    const calls = volumeCalls(root, pace);
    pace.found(TMPFS);
    const descriptor = await calls.open(`${root}/large`, constants.O_RDONLY);
    assert.equal(await calls.read(descriptor, Buffer.alloc(200_000), 0), 200_000);
    await calls.close(descriptor);
    assert.deepEqual(made, ['read']);
  });
});
