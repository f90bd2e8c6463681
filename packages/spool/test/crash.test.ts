import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { NormalReader } from '../src/normal-reader.js';
import { PlainDirectory } from '../src/plain-directory.js';
import { SimpleQueue } from '../src/simple-queue.js';
import type { OutgoingQueue } from '../src/spool.js';
import { lookOlder } from './aged.js';
import { killWorker } from './processes.js';
import { receive } from './receiving.js';
import { claimed, filesBelow, namesOf, text } from './support.js';

async function incoming(root: string): Promise<string[]> {
  const reader = new NormalReader({ path: `${root}/incoming` });
  const bodies: string[] = [];
  for await (const name of reader.names()) {
    assert.ok(await reader.lock(name));
    const record = await reader.get(name);
    assert.deepEqual([...record.keys()].toSorted(), ['body', 'signer'], 'whole, or not there');
    bodies.push(text(record.get('body')));
  }
  return bodies;
}

describe('a receiver killed at', () => {
  for (const killAt of ['staging', 'staged', 'pending', 'linked', 'renamed', 'stored', 'before confirm'])
    it(`"${killAt}" stores the message once, by recovery or by the next delivery`, async (t) => {
      const root = temporaryDirectory(t);
      await killWorker(t, { work: 'receive', root, ids: ['message'], killAt });
      const recorded = !['staging', 'staged', 'pending'].includes(killAt);
      const lines: string[] = [];
      const receiveAgain = (instance: string, ids: string[]): Promise<void> =>
        receive({ root, instance, ids, say: (line) => lines.push(line) });
      await receiveAgain('second', []);
      assert.deepEqual(readdirSync(`${root}/incoming`).includes('00000000'), recorded, 'a start finishes what is recorded');
      await receiveAgain('third', ['message']);
      assert.deepEqual(lines, [recorded ? 'theirs done message' : 'mine stored message']);
      assert.deepEqual(await incoming(root), ['message']);
    });
});

const LAYOUTS = {
  dirq: (root: string, body: string): string => {
    mkdirSync(`${root}/66000000`, { recursive: true });
    writeFileSync(`${root}/66000000/66000000000000`, body);
    return '66000000/66000000000000';
  },
  directory: (root: string, body: string): string => {
    writeFileSync(`${root}/name`, body);
    return 'name';
  },
};

type Layout = keyof typeof LAYOUTS;

async function restart(t: TestContext, layout: Layout, root: string): Promise<{ queue: OutgoingQueue; freed: number }> {
  const options = { path: root, layout, instance: 'worker', stabilityMs: 0 };
  const queue = layout === 'dirq' ? new SimpleQueue(options) : new PlainDirectory(options);
  const { freed } = await queue.start();
  t.after(() => queue.close());
  return { queue, freed };
}

describe('a sender killed', () => {
  for (const layout of ['dirq', 'directory'] as const) {
    it(`after its claim (${layout}): the next of its name has the element at once`, async (t) => {
      const root = temporaryDirectory(t);
      const name = LAYOUTS[layout](root, 'body');
      await killWorker(t, { work: 'send', root, layout, killAt: 'claimed' });
      const { queue, freed } = await restart(t, layout, root);
      assert.equal(freed, 1);
      assert.deepEqual(await namesOf(queue.scan()), [name]);
      assert.equal(text((await (await claimed(queue, name)).read(10)).body), 'body');
    });

    it(`while it quarantined (${layout}): the next purge finishes it, without a start`, async (t) => {
      const root = temporaryDirectory(t);
      LAYOUTS[layout](root, 'body');
      await killWorker(t, { work: 'quarantine', root, layout, killAt: 'moved' });
      const { queue } = await restart(t, layout, root);
      await queue.purge();
      assert.equal(await queue.quarantineDepth(), 0, 'its maker might still live');
      lookOlder(t, /\.staging\/[^/]+\/[0-9a-f]{14}$/, 61_000);
      await queue.purge();
      assert.equal(await queue.quarantineDepth(), 1);
    });

    it(`while it quarantined (${layout}): the next start finishes it`, async (t) => {
      const root = temporaryDirectory(t);
      const name = LAYOUTS[layout](root, 'body');
      const { ino } = statSync(`${root}/${name}`);
      await killWorker(t, { work: 'quarantine', root, layout, killAt: 'moved' });
      const { queue: young } = await restart(t, layout, root);
      assert.equal(await young.quarantineDepth(), 0, 'its maker might still live');
      lookOlder(t, /\.staging\/[^/]+\/[0-9a-f]{14}$/, 61_000);
      const { queue } = await restart(t, layout, root);
      assert.equal(await queue.quarantineDepth(), 1);
      const [body] = filesBelow(`${root}/.quarantine/00000000`).filter((file) => file.endsWith('/body'));
      assert.equal(statSync(`${root}/.quarantine/00000000/${body}`).ino, ino);
      assert.deepEqual(await namesOf(queue.scan()), []);
    });
  }

  it('before it moved the file into the quarantine: nothing but the file counts', async (t) => {
    const root = temporaryDirectory(t);
    const name = LAYOUTS.dirq(root, 'body');
    const staged = `${root}/.quarantine/.staging/senders/66000000000000`;
    mkdirSync(staged, { recursive: true });
    writeFileSync(`${staged}/error`, 'x');
    lookOlder(t, /\.staging\/[^/]+\/[0-9a-f]{14}$/, 61_000);
    const { queue } = await restart(t, 'dirq', root);
    await queue.purge();
    assert.equal(await queue.quarantineDepth(), 0);
    assert.deepEqual(await namesOf(queue.scan()), [name]);
    lookOlder(t, /\.staging\/[^/]+\/[0-9a-f]{14}$/, 86_400_000);
    await queue.purge();
    assert.equal(existsSync(staged), false);
  });

  it('between lock and touch (dirq): the lock is known', async (t) => {
    const root = temporaryDirectory(t);
    const name = LAYOUTS.dirq(root, 'body');
    await killWorker(t, { work: 'send', root, layout: 'dirq', killAt: 'locked' });
    assert.ok(filesBelow(root).includes(`${name}.lck`));
    const { queue, freed } = await restart(t, 'dirq', root);
    assert.equal(freed, 1);
    await claimed(queue, name);
  });

  it('before a lock that somebody else has (dirq): that one stays', async (t) => {
    const root = temporaryDirectory(t);
    const name = LAYOUTS.dirq(root, 'body');
    await killWorker(t, { work: 'send', root, layout: 'dirq', killAt: 'locked' });
    // As if the dead one had come too late: the lock is touched when it is made.
    const now = new Date(Date.now() + 5);
    utimesSync(`${root}/${name}.lck`, now, now);
    const { queue, freed } = await restart(t, 'dirq', root);
    assert.equal(freed, 0);
    assert.equal(await queue.claim(name), undefined);
    assert.ok(filesBelow(root).includes(`${name}.lck`));
    lookOlder(t, /\.lck$/, 601_000);
    assert.equal((await queue.purge()).locks, 1);
  });

  it('between rename and answer (directory): nothing is lost', async (t) => {
    const root = temporaryDirectory(t);
    const name = LAYOUTS.directory(root, 'body');
    await killWorker(t, { work: 'send', root, layout: 'directory', killAt: 'renamed' });
    const { queue, freed } = await restart(t, 'directory', root);
    assert.equal(freed, 1);
    await claimed(queue, name);
  });

  for (const killAt of ['moved', 'removed'])
    it(`while it removed what was sent (dirq, ${killAt}): it stays removed, and nothing is left over`, async (t) => {
      const root = temporaryDirectory(t);
      const name = LAYOUTS.dirq(root, 'body');
      await killWorker(t, { work: 'send', root, layout: 'dirq', killAt });
      const { queue } = await restart(t, 'dirq', root);
      assert.deepEqual(await namesOf(queue.scan()), []);
      lookOlder(t, /gone~/, 61_000);
      await queue.purge();
      assert.deepEqual(
        filesBelow(root).filter((file) => !file.includes('owner~')),
        [],
      );
      assert.equal(existsSync(`${root}/${name}.lck`), false);
    });
});

describe('a writer killed', () => {
  for (const [killAt, elements] of [
    ['written', 0],
    ['linked', 1],
  ] as const)
    it(`when it had ${killAt}: the element is whole or not there`, async (t) => {
      const root = temporaryDirectory(t);
      await killWorker(t, { work: 'add', root, instance: 'a', killAt });
      const files = filesBelow(root);
      assert.equal(files.filter((file) => /^[0-9a-f]{8}\/[0-9a-f]{14}$/.test(file)).length, elements);
      assert.equal(files.filter((file) => file.endsWith('.tmp')).length, 1);
      const queue = new SimpleQueue({ path: root, layout: 'dirq', instance: 'x' });
      await queue.start();
      t.after(() => queue.close());
      const names = await namesOf(queue.scan());
      assert.equal(names.length, elements);
      for (const name of names) assert.equal(text((await (await claimed(queue, name)).read(10)).body), 'a0');
      lookOlder(t, /\.tmp$/, 301_000);
      assert.equal((await queue.purge()).temporary, 1);
    });
});
