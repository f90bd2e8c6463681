/** Beside python-dirq on one queue: it adds and we take, we add and it takes, both at once, while it purges. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Child, requireTools, type Scope, startCommand, temporaryDirectory } from '@ssm/test-support';
import { NormalQueue } from '../src/normal-queue.js';
import { NormalReader } from '../src/normal-reader.js';
import { SimpleQueue } from '../src/simple-queue.js';
import { SimpleWriter } from '../src/simple-writer.js';
import { runWorker, startWorker } from './processes.js';
import { addTo, claimed, filesBelow, namesOf, rejectsWith, text } from './support.js';

// Compiled, this file is two directories further down than its source.
const PYTHON_SIDE = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'test', 'peer.py');
const skip = requireTools('python3-dirq');

async function python(scope: Scope, work: string, root: string, count = 0): Promise<Child> {
  return await startCommand(scope, '/usr/bin/python3', [PYTHON_SIDE, work, root, String(count)]);
}

async function linesOf(child: Child): Promise<string[]> {
  await child.exited;
  assert.equal(child.exit?.code, 0, child.output());
  return child.output('stdout').split('\n').filter(Boolean);
}

function what(lines: readonly string[], did: 'added' | 'taken' | 'sent'): string[] {
  return lines.flatMap((line) => (line.startsWith(`${did} `) ? [line.slice(did.length + 1)] : []));
}

function bodies(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

describe('a Simple queue shared with python-dirq', { skip }, () => {
  it('gives us what it adds, in its order', async (t) => {
    const root = temporaryDirectory(t);
    const added = what(await linesOf(await python(t, 'simple_add', root, 20)), 'added');
    const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'x' });
    await queue.start();
    t.after(() => queue.close());
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), added.toSorted());
    assert.ok(Math.abs(Date.now() - Number(scan.statistics.oldest)) < 60_000);
    const lines = await runWorker(t, { work: 'send', root });
    assert.deepEqual(what(lines, 'sent').toSorted(), bodies('python', 20).toSorted());
  });

  it('gives it what we add', async (t) => {
    const root = temporaryDirectory(t);
    const writer = new SimpleWriter({ path: root });
    for (const body of bodies('ours', 20)) await writer.add(Buffer.from(body));
    assert.deepEqual(what(await linesOf(await python(t, 'simple_take', root, 20)), 'taken'), bodies('ours', 20));
    assert.deepEqual(filesBelow(root), []);
  });

  it('shows each side the locks of the other', async (t) => {
    const root = temporaryDirectory(t);
    const name = await new SimpleWriter({ path: root }).add(Buffer.from('x'));
    const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'x' });
    await queue.start();
    t.after(() => queue.close());
    const claim = await claimed(queue, name);
    assert.deepEqual(await linesOf(await python(t, 'simple_lock', root)), ['locked False']);
    await claim.release();
    assert.deepEqual(await linesOf(await python(t, 'simple_lock', root)), ['locked True']);
    assert.equal(await queue.claim(name), undefined);
    const scan = queue.scan();
    assert.deepEqual(await namesOf(scan), []);
    assert.equal(scan.statistics.locked, 1);
  });

  it('carries everything exactly once when both add, both take and it purges, all at once', async (t) => {
    const root = temporaryDirectory(t);
    const purge = await python(t, 'simple_purge', root);
    await purge.waitForLine(/started/);
    const [total, half] = [120, 60];
    const adding = [await python(t, 'simple_add', root, half), await startWorker(t, { work: 'add', root, instance: 'ours', count: half })];
    await Promise.all(adding.map((child) => child.waitForLine(/added/)));
    const takers = [
      await startWorker(t, { work: 'send', root, instance: 'a' }),
      await startWorker(t, { work: 'send', root, instance: 'b' }),
    ];
    await Promise.all(adding.map(linesOf));
    await Promise.all(takers.map(linesOf));
    const rest = await runWorker(t, { work: 'send', root, instance: 'c' });
    const sent = [...takers.flatMap((child) => what(child.output('stdout').split('\n'), 'sent')), ...what(rest, 'sent')];
    assert.equal(purge.exit, undefined, purge.output());
    assert.equal(sent.length, total);
    assert.deepEqual(sent.toSorted(), [...bodies('python', half), ...bodies('ours', half)].toSorted());
  });

  it('has one taker for each element when it takes beside us', async (t) => {
    const root = temporaryDirectory(t);
    const total = 60;
    await runWorker(t, { work: 'add', root, instance: 'ours', count: total });
    const theirs = await python(t, 'simple_take', root, total);
    const ours = what(await runWorker(t, { work: 'send', root }), 'sent');
    // It takes until it has all; those that we took will never come.
    theirs.signal('SIGKILL');
    await theirs.exited;
    const taken = [...ours, ...what(theirs.output('stdout').split('\n'), 'taken')];
    assert.ok(taken.length === total || taken.length === total - 1, 'one may have been in its hands');
    assert.equal(new Set(taken).size, taken.length);
  });
});

describe('a Normal queue shared with python-dirq', { skip }, () => {
  it('gives it what we add, and us what it adds', async (t) => {
    const root = temporaryDirectory(t);
    const queue = new NormalQueue({ path: root, instance: 'x', directorySize: 5 });
    await queue.start();
    for (const body of bodies('ours', 12)) await addTo(queue, { body, signer: '/C=UK/CN=Zürich', empaid: 'y' });
    assert.deepEqual(what(await linesOf(await python(t, 'normal_take', root, 12)), 'taken'), bodies('ours', 12));
    const added = what(await linesOf(await python(t, 'normal_add', root, 12)), 'added');
    const reader = new NormalReader({ path: root });
    const names: string[] = [];
    for await (const name of reader.names()) {
      assert.ok(await reader.lock(name));
      assert.equal(text((await reader.get(name)).get('signer')), '/C=UK');
      await reader.remove(name);
      names.push(name);
    }
    assert.deepEqual(names, added);
    await reader.purge();
    assert.equal(readdirSync(root).filter((one) => /^[0-9a-f]{8}$/.test(one)).length, 1);
  });

  it('survives its purge at any time, which removes empty directories, staging or not', async (t) => {
    const root = temporaryDirectory(t);
    const purges = [await python(t, 'normal_purge', root), await python(t, 'normal_purge', root)];
    for (const purge of purges) await purge.waitForLine(/started/);
    const total = 60;
    const adders = ['a', 'b'].map(async (instance) => await runWorker(t, { work: 'addNormal', root, instance, count: total }));
    // Not taken by python-dirq: its purge removes the lock of an element that another process is just removing, which that does not expect.
    const taken = what(await runWorker(t, { work: 'takeNormal', root, count: 2 * total }), 'taken');
    await Promise.all(adders);
    assert.deepEqual(taken.toSorted(), [...bodies('a', total), ...bodies('b', total)].toSorted());
    for (const purge of purges) assert.equal(purge.exit, undefined, purge.output());
    assert.ok(existsSync(`${root}/.staging`));
  });

  it('carries everything exactly once when both add and both take', async (t) => {
    const root = temporaryDirectory(t);
    const half = 40;
    const adders = [
      await python(t, 'normal_add', root, half),
      await startWorker(t, { work: 'addNormal', root, instance: 'ours', count: half }),
    ];
    const takers = [await python(t, 'normal_take', root, 2 * half), await startWorker(t, { work: 'takeNormal', root, count: 2 * half })];
    await Promise.all(adders.map(linesOf));
    const reader = new NormalReader({ path: root });
    const taken = (): string[] => takers.flatMap((child) => what(child.output('stdout').split('\n'), 'taken'));
    const [first, last] = takers;
    await first!.waitForLine(/taken/);
    for (let previous = -1; previous !== taken().length; ) {
      previous = taken().length;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    last!.signal('SIGKILL');
    first!.signal('SIGKILL');
    const names: string[] = [];
    for await (const name of reader.names()) names.push(name);
    assert.deepEqual(names, []);
    assert.deepEqual(taken().toSorted(), [...bodies('python', half), ...bodies('ours', half)].toSorted());
  });

  it('does not let us read what it has not locked for us', async (t) => {
    const root = temporaryDirectory(t);
    const [name] = what(await linesOf(await python(t, 'normal_add', root, 1)), 'added');
    await rejectsWith(new NormalReader({ path: root }).get(name!), 'claim-lost');
  });
});
