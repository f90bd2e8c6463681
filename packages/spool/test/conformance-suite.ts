/** The suite that every layout of an outgoing queue passes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import { files } from '../src/files.js';
import { NormalQueue } from '../src/normal-queue.js';
import type { NormalReader } from '../src/normal-reader.js';
import type { OutgoingOptions } from '../src/options.js';
import type { OutgoingQueue } from '../src/spool.js';
import { lookOlder } from './aged.js';
import { Clock, claimed, claimFirst, HOUR, MINUTE, namesOf, rejectsWith, text, threaded } from './support.js';

export interface OutgoingFixture {
  readonly make: (options: Pick<OutgoingOptions, 'path' | 'instance'> & Partial<OutgoingOptions>) => OutgoingQueue;
  readonly quarantine: (root: string) => NormalReader;
  /** Puts a file where a writer does; resolves to the name of the element. `index` orders. */
  readonly put: (root: string, body: string | Uint8Array, index?: number) => string;
  /** Where the writer's file is. */
  readonly fileOf: (root: string, name: string) => string;
}

export function outgoingConformance(layout: 'dirq' | 'directory', fixture: OutgoingFixture, how = ''): void {
  const started = async (t: TestContext, options: Partial<OutgoingOptions> = {}): Promise<{ root: string; queue: OutgoingQueue }> => {
    const root = options.path ?? temporaryDirectory(t);
    const queue = fixture.make({ instance: 'sender', ...options, path: root });
    await queue.start();
    t.after(() => queue.close?.());
    return { root, queue };
  };

  describe(`outgoing queue: ${layout}${how}`, () => {
    it('gives what a writer put there, in order, once to one', async (t) => {
      const { root, queue } = await started(t);
      const put = [1, 2, 3].map((index) => fixture.put(root, `body ${index}`, index));
      const scan = queue.scan();
      assert.deepEqual(await namesOf(scan), put);
      assert.deepEqual({ ...scan.statistics, oldest: undefined }, { available: 3, locked: 0, ignored: 0, oldest: undefined });
      assert.ok(scan.statistics.oldest !== undefined);
      const claim = await claimed(queue, put[0]!);
      assert.equal(claim.name, put[0]);
      assert.equal(claim.size, 6);
      assert.equal(await queue.claim(put[0]!), undefined);
      assert.equal(text((await claim.read(100)).body), 'body 1');
      const later = queue.scan();
      assert.deepEqual(await namesOf(later), put.slice(1));
      assert.equal(later.statistics.locked, 1);
      assert.equal(await claim.remove(), 'removed');
      assert.equal(existsSync(fixture.fileOf(root, put[0]!)), false);
      assert.equal((await namesOf(queue.scan())).length, 2);
    });

    it('gives an element to exactly one of two senders', async (t) => {
      const { root, queue } = await started(t);
      const { queue: other } = await started(t, { path: root, instance: 'other' });
      const names = Array.from({ length: 50 }, (_, index) => fixture.put(root, `${index}`, index));
      const claims = await Promise.all(names.flatMap((name) => [queue.claim(name), other.claim(name)]));
      assert.equal(claims.filter((claim) => claim !== undefined).length, names.length);
      assert.deepEqual(claims.flatMap((claim) => claim?.name ?? []).toSorted(), names.toSorted());
    });

    it('keeps the bytes: empty, binary, large', async (t) => {
      const { root, queue } = await started(t);
      const bodies = [Buffer.alloc(0), Buffer.from([0, 13, 10, 255, 0]), Buffer.alloc(3_000_000, 'x\r')];
      for (const [index, body] of bodies.entries()) {
        const claim = await claimed(queue, fixture.put(root, body, index));
        assert.deepEqual(Buffer.from((await claim.read(3_000_000)).body), body);
      }
    });

    it('gives an element back, unchanged, under the same delivery id', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'body');
      const first = await claimed(queue, name);
      const { deliveryId } = await first.read(100);
      assert.match(deliveryId, /^[0-9a-f]{32,64}$/);
      await first.release();
      await first.release();
      assert.equal(readFileSync(fixture.fileOf(root, name), 'utf8'), 'body');
      const second = await claimed(queue, name);
      assert.equal((await second.read(100)).deliveryId, deliveryId);
      await first.release();
      assert.equal(await queue.claim(name), undefined, 'the end of a claim must not free the next one');
    });

    it('gives another delivery id to other contents under the same name', async (t) => {
      const { root, queue } = await started(t);
      const ids = new Set<string>();
      const name = fixture.put(root, 'one');
      for (const body of ['one', 'two', 'six']) {
        writeFileSync(fixture.fileOf(root, name), body);
        const claim = await claimed(queue, name);
        ids.add((await claim.read(100)).deliveryId);
        assert.equal(await claim.remove(), 'removed');
      }
      assert.equal(ids.size, 3);
    });

    it('refuses to read what is too large, changed, gone or over', async (t) => {
      const { root, queue } = await started(t);
      const claim = await claimed(queue, fixture.put(root, 'four'));
      await rejectsWith(claim.read(3), 'too-large');
      assert.equal(text((await claim.read(4)).body), 'four');
      await claim.remove();
      await rejectsWith(claim.read(4), 'claim-lost');
      await rejectsWith(claim.touch(), 'claim-lost');
      await rejectsWith(claim.remove(), 'claim-lost');
      await rejectsWith(claim.quarantine({ code: 'x', message: 'y', at: new Date() }), 'claim-lost');
      await claim.release();
    });

    it('leaves a file that a writer puts at the name of a claimed one', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'old');
      const claim = await claimed(queue, name);
      assert.equal(text((await claim.read(100)).body), 'old');
      writeFileSync(`${root}/.new`, 'new');
      renameSync(`${root}/.new`, fixture.fileOf(root, name));
      await claim.touch();
      const outcome = await claim.remove();
      // In a plain directory the claimed file is elsewhere, so nothing replaced it.
      assert.ok(outcome === 'replaced' || layout === 'directory');
      const next = await claimed(queue, name);
      assert.equal(text((await next.read(100)).body), 'new');
      assert.equal(await next.remove(), 'removed');
      assert.deepEqual(await namesOf(queue.scan()), []);
    });

    it('gives back both files when a writer put a new one at the name of a claimed one', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'old');
      const claim = await claimed(queue, name);
      const { deliveryId } = await claim.read(100);
      writeFileSync(`${root}/.new`, 'new');
      renameSync(`${root}/.new`, fixture.fileOf(root, name));
      await claim.release();
      const found = new Map<string, string>();
      for (const one of await namesOf(queue.scan())) {
        const next = await claimed(queue, one);
        assert.equal(next.name, name);
        const read = await next.read(100);
        found.set(text(read.body), read.deliveryId);
        assert.equal(await next.remove(), 'removed');
      }
      assert.ok(found.has('new'));
      // A dirq writer that uses one name for ever has replaced its element; two files of a directory are two.
      if (layout === 'directory') assert.equal(found.get('old'), deliveryId);
    });

    it('notices what is written into the file after it was read, even between two touches', async (t) => {
      const clock = new Clock();
      const { root, queue } = await started(t, { now: clock.now });
      for (const touched of [false, true]) {
        const name = fixture.put(root, 'four');
        const descriptor = fixture.fileOf(root, name);
        linkSync(descriptor, `${root}/.same`);
        const claim = await claimed(queue, name);
        await claim.read(100);
        clock.advance(MINUTE);
        await claim.touch();
        writeFileSync(`${root}/.same`, 'FOUR');
        clock.advance(MINUTE);
        if (touched) await claim.touch();
        assert.equal(await claim.remove(), 'replaced');
        renameSync(`${root}/.same`, `${root}/.done`);
        const next = await claimFirst(queue);
        assert.equal(text((await next.read(100)).body), 'FOUR');
        assert.equal(await next.remove(), 'removed');
      }
    });

    it('never opens, sends or follows what is no regular file, and quarantines it', async (t) => {
      const { root, queue } = await started(t);
      writeFileSync(`${root}/.secret`, 'key');
      const before = statSync(`${root}/.secret`).mtimeMs;
      const link = fixture.put(root, 'x', 1);
      symlinkSync(`${root}/.secret`, `${root}/.link`);
      renameSync(`${root}/.link`, fixture.fileOf(root, link));
      const socket = fixture.put(root, 'x', 2);
      const server = net.createServer().listen(`${root}/.socket`);
      await once(server, 'listening');
      renameSync(`${root}/.socket`, fixture.fileOf(root, socket));
      for (const name of [link, socket]) {
        const claim = await claimed(queue, name);
        await rejectsWith(claim.read(100), 'not-regular');
        await claim.quarantine({ code: 'not-regular', message: 'no file', at: new Date() });
      }
      server.close();
      assert.equal(readFileSync(`${root}/.secret`, 'utf8'), 'key');
      assert.equal(statSync(`${root}/.secret`).mtimeMs, before, 'the target of a link is left alone');
      assert.equal(await queue.quarantineDepth(), 2);
      assert.deepEqual(await namesOf(queue.scan()), []);
    });

    it('makes and moves nothing in a directory to which a link leads that should be its own', async (t) => {
      for (const name of ['.claimed', '.quarantine', '.quarantine/.staging', '.quarantine/.staging/senders', '.quarantine/obsolete']) {
        const [root, foreign] = [temporaryDirectory(t), temporaryDirectory(t)];
        mkdirSync(path.dirname(`${root}/${name}`), { recursive: true });
        symlinkSync(foreign, `${root}/${name}`);
        const queue = fixture.make({ path: root, instance: 'sender' });
        t.after(() => queue.close?.());
        const error = await rejectsWith(queue.start(), 'path-missing');
        assert.match(error.message, new RegExp(`${name} is a symbolic link: remove it`));
        assert.deepEqual(readdirSync(foreign), [], name);
        rmSync(`${root}/${name}`);
        await queue.start();
      }
    });

    it('has its quarantine where the configuration says, also by a link', async (t) => {
      const [root, elsewhere] = [temporaryDirectory(t), temporaryDirectory(t)];
      symlinkSync(elsewhere, `${root}/.elsewhere`);
      const { queue } = await started(t, { path: root, quarantinePath: `${root}/.elsewhere` });
      const claim = await claimed(queue, fixture.put(root, 'x'));
      await claim.quarantine({ code: 'x', message: 'y', at: new Date() });
      assert.equal(await queue.quarantineDepth(), 1);
    });

    it('neither finishes nor removes what a link brings into its quarantine', async (t) => {
      const { root } = await started(t);
      const foreign = temporaryDirectory(t);
      const other = new NormalQueue({ path: foreign, instance: 'other' });
      await other.start();
      const [whole, unfinished] = [await other.stage({ body: 'x' }), await other.stage({ error: 'x' })];
      writeFileSync(`${foreign}/.staging/other/file`, 'x');
      symlinkSync(`${foreign}/.staging/other`, `${root}/.quarantine/.staging/other`);
      lookOlder(t, /\.staging\/other\/./, 48 * HOUR);
      const { queue } = await started(t, { path: root, instance: 'later' });
      await queue.purge();
      for (const file of [whole.path, unfinished.path, '.staging/other/file']) assert.ok(existsSync(`${foreign}/${file}`), file);
      assert.equal(await queue.quarantineDepth(), 0);
    });

    it('quarantines the file itself, with name and reason', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'poison');
      const { ino } = statSync(fixture.fileOf(root, name));
      const claim = await claimed(queue, name);
      const as = await claim.quarantine({ code: 'too-large', message: 'by far', at: new Date('2024-01-02T03:04:05Z') });
      const reader = fixture.quarantine(root);
      assert.ok(await reader.lock(as));
      const record = await reader.get(as);
      const contents = Object.fromEntries([...record].map(([key, value]) => [key, text(value)]));
      assert.deepEqual(contents, { body: 'poison', error: 'too-large: by far\n2024-01-02T03:04:05.000Z\n', name });
      assert.equal(statSync(`${reader.path}/${as}/body`).ino, ino, 'renamed, not copied');
      assert.deepEqual(await namesOf(queue.scan()), []);
      assert.equal(await queue.claim(name), undefined);
      assert.equal(await queue.quarantineDepth(), 1);
    });

    it('loses nothing when a network file system answers a rename that came twice', async (t) => {
      const directory = temporaryDirectory(t);
      const { root, queue } = await started(t, { path: directory, calls: threaded(directory) });
      const names = [fixture.put(root, 'first', 1), fixture.put(root, 'second', 2)];
      const { rename } = files;
      let again = 0;
      t.mock.method(files, 'rename', async (from: string, to: string) => {
        await rename(from, to);
        if (existsSync(from) || !/\/body$|\.claimed\/(?:[0-9a-f]{16}|gone)~/.test(to)) return;
        again += 1;
        throw Object.assign(new Error('again'), { code: 'ENOENT' });
      });
      const [sent, poison] = [await claimed(queue, names[0]!), await claimed(queue, names[1]!)];
      await sent.read(100);
      assert.equal(await sent.remove(), 'removed');
      await poison.quarantine({ code: 'x', message: 'y', at: new Date() });
      assert.equal(await queue.quarantineDepth(), 1);
      assert.deepEqual(await namesOf(queue.scan()), []);
      assert.ok(again >= 2);
    });

    it('can be tried again when a claim could not be ended', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'body');
      const claim = await claimed(queue, name);
      renameSync(`${root}/.claimed`, `${root}/.elsewhere`);
      await assert.rejects(claim.remove());
      renameSync(`${root}/.elsewhere`, `${root}/.claimed`);
      assert.equal(await claim.remove(), 'removed');
    });

    it('survives the removal of everything that is claimed', async (t) => {
      const { root, queue } = await started(t);
      const other = fixture.make({ path: root, instance: 'thief' });
      await other.start();
      t.after(() => other.close?.());
      const name = fixture.put(root, 'body');
      const claim = await claimed(queue, name);
      stealAll(root);
      await rejectsWith(claim.touch(), 'claim-lost');
      await rejectsWith(claim.read(100), 'claim-lost');
      await rejectsWith(claim.quarantine({ code: 'x', message: 'y', at: new Date() }), 'claim-lost');
      await claim.release();
      assert.equal(await queue.quarantineDepth(), 0);
    });

    it('says that a missing directory is missing, and makes none', async (t) => {
      const root = `${temporaryDirectory(t)}/absent`;
      const queue = fixture.make({ path: root, instance: 'sender' });
      await rejectsWith(queue.start(), 'path-missing');
      assert.equal(existsSync(root), false);
    });

    it('makes its quarantine again when somebody removed it', async (t) => {
      const { root, queue } = await started(t, { stabilityMs: 0 });
      const quarantine = async (body: string): Promise<void> => {
        const claim = await claimed(queue, fixture.put(root, body));
        const as = await claim.quarantine({ code: 'x', message: 'y', at: new Date() });
        assert.equal(readFileSync(`${root}/.quarantine/${as}/body`, 'utf8'), body);
      };
      await quarantine('1');
      rmSync(`${root}/.quarantine`, { recursive: true });
      await Promise.all([quarantine('2'), quarantine('3'), queue.purge(), queue.quarantineDepth()]);
      assert.equal(await queue.quarantineDepth(), 2);
      rmSync(`${root}/.quarantine`, { recursive: true });
      mkdirSync(`${root}/.quarantine`);
      await queue.purge();
      await quarantine('4');
      rmSync(`${root}/.quarantine/.staging`, { recursive: true });
      await queue.purge();
      await quarantine('5');
      assert.equal(await queue.quarantineDepth(), 2);
    });

    it('makes no quarantine where its volume is no more', async (t) => {
      const { root, queue } = await started(t);
      renameSync(root, `${root}-unmounted`);
      mkdirSync(root);
      await rejectsWith(queue.quarantineDepth(), 'path-missing');
      assert.deepEqual(readdirSync(root), []);
      rmdirSync(root);
      renameSync(`${root}-unmounted`, root);
      assert.equal(await queue.quarantineDepth(), 0);
    });

    it('waits for a quarantine elsewhere that went away', async (t) => {
      const quarantinePath = `${temporaryDirectory(t)}/quarantine`;
      const { root, queue } = await started(t, { quarantinePath, stabilityMs: 0 });
      const claim = await claimed(queue, fixture.put(root, 'body'));
      rmSync(quarantinePath, { recursive: true });
      await rejectsWith(claim.quarantine({ code: 'x', message: 'y', at: new Date() }), 'path-missing');
      await rejectsWith(queue.purge(), 'path-missing');
      assert.equal(existsSync(quarantinePath), false);
      await claim.release();
      assert.equal((await namesOf(queue.scan())).length, 1);
    });

    it('says that the quarantine is on another file system', async (t) => {
      const root = temporaryDirectory(t);
      const rename = promises.rename.bind(promises);
      t.mock.method(promises, 'rename', async (from: string, to: string) => {
        if (to.includes('quarantine')) throw Object.assign(new Error('cross-device'), { code: 'EXDEV' });
        await rename(from, to);
      });
      const queue = fixture.make({ path: root, instance: 'sender' });
      t.after(() => queue.close?.());
      const error = await rejectsWith(queue.start(), 'io-error');
      assert.match(error.message, /\.quarantine is not on the file system/);
    });

    it('refuses names that are none', async (t) => {
      const { queue } = await started(t);
      for (const name of ['', '..', '../x', 'a/b/c', '.claimed/free~x/../../y']) await rejectsWith(queue.claim(name), 'name-invalid');
    });

    it('stops a scan that is aborted', async (t) => {
      const { root, queue } = await started(t);
      for (let index = 0; index < 250; index += 1) fixture.put(root, 'x', index);
      const abort = new AbortController();
      let count = 0;
      for await (const names of queue.scan(abort.signal).names) {
        count += names.length;
        abort.abort();
      }
      assert.ok(count > 0 && count < 250, `${count}`);
    });

    it('leaves the claims of a live process of the same name alone', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'body');
      await claimed(queue, name);
      const twin = fixture.make({ path: root, instance: 'sender' });
      assert.deepEqual(await twin.start(), { freed: 0 });
      t.after(() => twin.close?.());
      assert.equal(await twin.claim(name), undefined);
    });

    it('frees at once what a closed queue left claimed', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'body');
      const claim = await claimed(queue, name);
      const { deliveryId } = await claim.read(100);
      await queue.close?.();
      const next = fixture.make({ path: root, instance: 'sender' });
      t.after(() => next.close?.());
      assert.deepEqual(await next.start(), { freed: 1 });
      assert.equal((await (await claimed(next, name)).read(100)).deliveryId, deliveryId);
    });

    it('frees what others claim when they have been silent for the lock age', async (t) => {
      const { root, queue } = await started(t, { instance: 'gone' });
      const name = fixture.put(root, 'body');
      await claimed(queue, name);
      await queue.close?.();
      const { queue: patient } = await started(t, { path: root, instance: 'patient' });
      assert.deepEqual(await namesOf(patient.scan()), []);
      assert.equal((await patient.purge()).locks, 0);
      const { queue: next } = await started(t, { path: root, instance: 'next', lockAgeMs: 200 });
      await eventually(async () => (await next.purge()).locks === 1 || namesOf(next.scan()).then((names) => names.length === 1));
      assert.deepEqual(await namesOf(next.scan()), [name]);
    });

    it('does not end a claim that was not kept for the lock age', async (t) => {
      const lockAgeMs = 200;
      const { root, queue } = await started(t, { lockAgeMs });
      const name = fixture.put(root, 'body');
      const claim = await claimed(queue, name);
      const { queue: other } = await started(t, { path: root, instance: 'other', lockAgeMs });
      // A plain claim is kept by the heartbeat; a lock of dirq by touches alone.
      if (layout === 'directory') {
        const start = performance.now();
        await eventually(() => performance.now() - start > 3 * lockAgeMs);
        assert.equal((await other.purge()).locks, 0);
        assert.equal(await claim.remove(), 'removed');
        return;
      }
      await eventually(async () => (await other.purge()).locks === 1);
      assert.ok((await other.claim(name)) !== undefined);
      await rejectsWith(claim.read(100), 'claim-lost');
      await rejectsWith(claim.touch(), 'claim-lost');
      await claim.release();
      assert.equal(await queue.claim(name), undefined, 'the other one still has it');
    });

    it('reports a queue that was replaced by a file', async (t) => {
      const { root, queue } = await started(t);
      const name = fixture.put(root, 'x');
      renameSync(root, `${root}-away`);
      t.after(() => renameSync(`${root}-away`, root));
      await rejectsWith(namesOf(queue.scan()), 'path-missing');
      assert.equal(await queue.claim(name), undefined);
    });
  });
}

/** What an operator, or another program, may do at any time. */
function stealAll(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' }))
    if (/\.lck$|^[0-9a-f]{8}\/[0-9a-f]{14}$|^\.claimed\/[0-9a-f]{16}~/.test(entry)) rmSync(`${root}/${entry}`);
}
