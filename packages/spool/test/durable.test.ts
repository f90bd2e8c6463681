import assert from 'node:assert/strict';
import fs, { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import { createFile, createFiles, makeDirectory, syncDirectory, syncRemaining } from '../src/durable.js';
import { type FileCalls, files } from '../src/files.js';
import { direct } from './support.js';
import { logSyncs } from './sync-log.js';

type ShortWrite = [
  descriptor: number,
  data: Buffer,
  offset: number,
  length: number,
  position: null,
  done: (error: Error | null, written: number) => void,
];

/** Holds every fsync back until it is let go, and tells what was synced by then. */
function holdSyncs(t: TestContext): { readonly waiting: (() => void)[]; readonly count: () => number } {
  const waiting: (() => void)[] = [];
  let count = 0;
  const real = fs.fsync.bind(fs);
  t.mock.method(fs, 'fsync', (descriptor: number, done: fs.NoParamCallback) => {
    count += 1;
    waiting.push(() => real(descriptor, done));
  });
  return { waiting, count: () => count };
}

describe('syncDirectory', () => {
  it('lets all who came during one sync share the next, never the running one', async (t) => {
    const directory = temporaryDirectory(t);
    const syncs = holdSyncs(t);
    const ended: string[] = [];
    const first = syncDirectory(directory).then(() => ended.push('first'));
    await eventually(() => assert.equal(syncs.waiting.length, 1));
    const later = Array.from({ length: 20 }, async (_, index) => {
      await syncDirectory(directory);
      ended.push(`later ${index}`);
    });
    syncs.waiting.pop()?.();
    await first;
    assert.deepEqual(ended, ['first']);
    await eventually(() => assert.equal(syncs.waiting.length, 1));
    const last = syncDirectory(directory);
    syncs.waiting.pop()?.();
    await Promise.all(later);
    await eventually(() => assert.equal(syncs.waiting.length, 1));
    syncs.waiting.pop()?.();
    await last;
    assert.equal(syncs.count(), 3);
  });

  it('syncs different directories at once', async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(`${directory}/other`);
    const syncs = holdSyncs(t);
    const both = Promise.all([syncDirectory(directory), syncDirectory(`${directory}/other`)]);
    await eventually(() => assert.equal(syncs.waiting.length, 2));
    for (const go of syncs.waiting) go();
    await both;
  });

  it('fails for each who waited, and begins anew afterwards', async (t) => {
    const directory = `${temporaryDirectory(t)}/late`;
    const failures = await Promise.allSettled([syncDirectory(directory), syncDirectory(directory), syncDirectory(directory)]);
    assert.deepEqual(
      failures.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    mkdirSync(directory);
    await syncDirectory(directory);
  });

  it('syncs what is left when the directory was removed', async (t) => {
    const directory = temporaryDirectory(t);
    await syncRemaining(`${directory}/gone`);
    await assert.rejects(syncRemaining(`${directory}/gone/deeper`));
  });

  it('accepts a file system that cannot sync directories, but no other failure', async (t) => {
    const directory = temporaryDirectory(t);
    let errno = 'EINVAL';
    t.mock.method(fs, 'fsync', (_descriptor: number, done: fs.NoParamCallback) => {
      done(Object.assign(new Error(errno), { code: errno }));
    });
    await syncDirectory(directory);
    errno = 'EIO';
    await assert.rejects(syncDirectory(directory), { code: 'EIO' });
  });
});

describe('createFiles', () => {
  it('syncs each file, the directory and what else is asked for, before it resolves', async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(`${directory}/element`);
    const syncs = holdSyncs(t);
    let ended = false;
    const contents = [
      ['body', Buffer.from('one')],
      ['signer', Buffer.alloc(0)],
    ] as const;
    const created = (async () => {
      await createFiles(`${directory}/element`, contents, {}, { alsoSync: [directory] });
      ended = true;
    })();
    await eventually(() => assert.equal(syncs.waiting.length, 4));
    assert.deepEqual(readdirSync(`${directory}/element`).toSorted(), ['body', 'signer']);
    for (const go of syncs.waiting.splice(0, 3)) go();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ended, false);
    syncs.waiting.pop()?.();
    await created;
    assert.equal(readFileSync(`${directory}/element/body`, 'utf8'), 'one');
  });

  it('closes what it opened: the files before it resolves', async (t) => {
    const directory = temporaryDirectory(t);
    const closed: number[] = [];
    const close = fs.close.bind(fs);
    t.mock.method(fs, 'close', (descriptor: number, done: fs.NoParamCallback) => {
      close(descriptor, (error) => {
        closed.push(descriptor);
        done(error);
      });
    });
    const sync = fs.fsync.bind(fs);
    const synced: number[] = [];
    t.mock.method(fs, 'fsync', (descriptor: number, done: fs.NoParamCallback) => {
      if (fs.fstatSync(descriptor).isFile()) synced.push(descriptor);
      sync(descriptor, done);
    });
    await createFile(`${directory}/x`, Buffer.from('x'), {});
    assert.equal(synced.length, 1);
    assert.ok(closed.includes(synced[0] ?? -1));
    await eventually(() => closed.length === 2);
  });

  it('sets modes whatever the umask', async (t) => {
    const directory = temporaryDirectory(t);
    const umask = process.umask(0o077);
    t.after(() => void process.umask(umask));
    await createFile(`${directory}/open`, Buffer.from('x'), { fileMode: 0o664 });
    await createFile(`${directory}/plain`, Buffer.from('x'), {});
    await makeDirectory(`${directory}/shared`, { directoryMode: 0o2775 });
    assert.equal(statSync(`${directory}/open`).mode & 0o7777, 0o664);
    assert.equal(statSync(`${directory}/plain`).mode & 0o7777, 0o600);
    assert.equal(statSync(`${directory}/shared`).mode & 0o7777, 0o2775);
    assert.equal(await makeDirectory(`${directory}/shared`, { directoryMode: 0o700 }), false);
    assert.equal(statSync(`${directory}/shared`).mode & 0o7777, 0o2775, 'what is there is left as it is');
  });

  it('leaves nothing behind when one file cannot be made, and never touches what was there', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(`${directory}/taken`, 'precious');
    const contents = [
      ['free', Buffer.from('x')],
      ['taken', Buffer.from('y')],
    ] as const;
    await assert.rejects(createFiles(directory, contents, {}), { code: 'EEXIST' });
    assert.deepEqual(readdirSync(directory), ['taken']);
    assert.equal(readFileSync(`${directory}/taken`, 'utf8'), 'precious');
    await assert.rejects(createFile(`${directory}/absent/x`, Buffer.from('x'), {}), { code: 'ENOENT' });
  });

  it('removes the files when they cannot be synced', async (t) => {
    const directory = temporaryDirectory(t);
    t.mock.method(fs, 'fsync', (_descriptor: number, done: fs.NoParamCallback) => {
      done(Object.assign(new Error('broken'), { code: 'EIO' }));
    });
    await assert.rejects(createFile(`${directory}/x`, Buffer.from('x'), {}), { code: 'EIO' });
    assert.deepEqual(readdirSync(directory), []);
  });

  it('makes writes that are syncs where the file system keeps that promise; of nothing there is no write', async (t) => {
    const directory = temporaryDirectory(t);
    const calls = direct(directory);
    const order = logSyncs(t, (file) => path.basename(file));
    const write = fs.write.bind(fs);
    t.mock.method(fs, 'write', (...[descriptor, data, offset, length, position, done]: ShortWrite) => {
      write(descriptor, data, offset, Math.min(length, 2), position, done);
    });
    const sync = fs.fsync.bind(fs);
    const fsyncs: boolean[] = [];
    t.mock.method(fs, 'fsync', (descriptor: number, done: fs.NoParamCallback) => {
      fsyncs.push(fs.fstatSync(descriptor).isFile());
      sync(descriptor, done);
    });
    const contents = [
      ['body', Buffer.from('one')],
      ['empty', Buffer.alloc(0)],
    ] as const;
    await createFiles(directory, contents, {}, { calls });
    assert.deepEqual(order.toSorted(), [path.basename(directory), 'body', 'body', 'empty'].toSorted());
    assert.deepEqual([fsyncs.length, fsyncs.filter(Boolean).length], [2, 1], 'the directory, and the empty file');
    assert.equal(readFileSync(`${directory}/body`, 'utf8'), 'one');
  });

  it('removes the files when such a write fails', async (t) => {
    const directory = temporaryDirectory(t);
    const calls = direct(directory);
    t.mock.method(fs, 'write', (...args: ShortWrite) => {
      args[5](Object.assign(new Error('broken'), { code: 'EIO' }), 0);
    });
    await assert.rejects(createFile(`${directory}/x`, Buffer.from('x'), {}, calls), { code: 'EIO' });
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(calls.syncsWrites, true);
  });

  it('removes no file that it did not make', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(`${directory}/taken`, 'precious');
    const calls: FileCalls = {
      ...files,
      open: (file, flags, mode) => {
        if (file === `${directory}/taken`) throw Object.assign(new Error('too many'), { code: 'EMFILE' });
        return files.open(file, flags, mode);
      },
    };
    const contents = ['taken', 'free'].map((name) => [name, Buffer.from('x')] as const);
    await assert.rejects(createFiles(directory, contents, {}, { calls }), { code: 'EMFILE' });
    t.mock.method(fs, 'fchmod', (_descriptor: number, _mode: number, done: fs.NoParamCallback) => {
      done(Object.assign(new Error('not ours'), { code: 'EPERM' }));
    });
    await assert.rejects(createFile(`${directory}/free`, Buffer.from('x'), { fileMode: 0o600 }), { code: 'EPERM' });
    assert.deepEqual(readdirSync(directory), ['taken']);
    assert.equal(readFileSync(`${directory}/taken`, 'utf8'), 'precious');
  });

  it('goes on after a short write', async (t) => {
    const directory = temporaryDirectory(t);
    const write = fs.write.bind(fs);
    t.mock.method(fs, 'write', (...[descriptor, data, offset, length, position, done]: ShortWrite) => {
      write(descriptor, data, offset, Math.min(length, 3), position, done);
    });
    await createFile(`${directory}/x`, Buffer.from('0123456789'), {});
    assert.equal(readFileSync(`${directory}/x`, 'utf8'), '0123456789');
  });
});
