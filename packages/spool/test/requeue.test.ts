import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { createOutgoingQueue, NormalReader, type OutgoingOptions, PlainWriter, requeue, SimpleWriter, scanOutgoing } from '../src/index.js';
import { claimed, filesBelow, namesOf, rejectsWith } from './support.js';

const REASON = { code: 'too-large', message: 'a reason', at: new Date() };

async function add(root: string, layout: OutgoingOptions['layout'], body: string): Promise<string> {
  if (layout === 'dirq') return await new SimpleWriter({ path: root }).add(Buffer.from(body));
  await new PlainWriter({ path: root }).add('record', Buffer.from(body));
  return 'record';
}

/** A queue with one quarantined file; its name, and that of the element. */
async function quarantined(t: TestContext, layout: OutgoingOptions['layout']): Promise<{ root: string; name: string; element: string }> {
  const root = temporaryDirectory(t);
  const queue = createOutgoingQueue({ path: root, layout, instance: 'a', stabilityMs: 0 });
  await queue.start();
  t.after(() => queue.close?.());
  const name = await add(root, layout, 'body');
  const element = await (await claimed(queue, name)).quarantine(REASON);
  return { root, name, element };
}

for (const layout of ['dirq', 'directory'] as const)
  describe(`requeue in a queue of layout ${layout}`, () => {
    it('puts the file back under its name', async (t) => {
      const { root, name, element } = await quarantined(t, layout);
      assert.equal(await requeue({ path: root, layout }, element), name);
      assert.equal(readFileSync(`${root}/${name}`, 'utf8'), 'body');
      assert.deepEqual(filesBelow(`${root}/.quarantine`), []);
      await rejectsWith(requeue({ path: root, layout }, element), 'claim-lost');
    });

    it('never replaces a file that came meanwhile', async (t) => {
      const { root, name, element } = await quarantined(t, layout);
      writeFileSync(`${root}/${name}`, 'new');
      await rejectsWith(requeue({ path: root, layout }, element), 'name-taken');
      assert.equal(readFileSync(`${root}/${name}`, 'utf8'), 'new');
      unlinkSync(`${root}/${name}`);
      assert.equal(await requeue({ path: root, layout }, element), name, 'it was unlocked again');
    });

    it('finishes what a crash left half-way', async (t) => {
      const { root, name, element } = await quarantined(t, layout);
      linkSync(`${root}/.quarantine/${element}/body`, `${root}/${name}`);
      assert.equal(await requeue({ path: root, layout }, element), name);
      assert.equal(readFileSync(`${root}/${name}`, 'utf8'), 'body');
      assert.deepEqual(filesBelow(`${root}/.quarantine`), []);
    });

    it('takes over the lock of a call that was killed, once it is old', async (t) => {
      const { root, name, element } = await quarantined(t, layout);
      const at = `${root}/.quarantine/${element}`;
      mkdirSync(`${at}/locked`);
      await rejectsWith(requeue({ path: root, layout }, element), 'claim-lost');
      utimesSync(at, 1_600_000_000, 1_600_000_000);
      assert.equal(await requeue({ path: root, layout }, element), name);
    });

    it('leaves what is no file, what does not say its name, and what would lie elsewhere', async (t) => {
      const { root, element } = await quarantined(t, layout);
      const at = (file: string): string => `${root}/.quarantine/${element}/${file}`;
      unlinkSync(at('body'));
      symlinkSync('/etc/passwd', at('body'));
      await rejectsWith(requeue({ path: root, layout }, element), 'not-regular');
      for (const name of ['../out', '/etc/x', '', 'a/../../b']) {
        writeFileSync(at('name'), name);
        await rejectsWith(requeue({ path: root, layout }, element), 'name-invalid');
      }
      unlinkSync(at('name'));
      await rejectsWith(requeue({ path: root, layout }, element), 'element-corrupt');
    });
  });

function refuseLinks(t: TestContext): void {
  t.mock.method(promises, 'link', async () => {
    throw Object.assign(new Error('refused'), { code: 'EPERM' });
  });
}

describe('requeue of a file that may not be linked', () => {
  it('leaves it to the sender where files are plain: he need not own them', async (t) => {
    const { root, name, element } = await quarantined(t, 'directory');
    writeFileSync(`${root}/${name}`, 'new');
    refuseLinks(t);
    assert.equal(await requeue({ path: root, layout: 'directory' }, element), name);
    assert.deepEqual(filesBelow(`${root}/.quarantine`), []);
    const queue = createOutgoingQueue({ path: root, layout: 'directory', instance: 'b', stabilityMs: 0 });
    await queue.start();
    t.after(() => queue.close?.());
    const claims = await Promise.all((await namesOf(queue.scan())).map((one) => claimed(queue, one)));
    const bodies = await Promise.all(claims.map(async (claim) => Buffer.from((await claim.read(10)).body).toString()));
    assert.deepEqual(bodies, ['body', 'new']);
    assert.deepEqual(
      claims.map((claim) => claim.name),
      [name, name],
    );
  });

  it('follows no link that somebody put in the place of the claims', async (t) => {
    const { root, element } = await quarantined(t, 'directory');
    const elsewhere = temporaryDirectory(t);
    renameSync(`${root}/.claimed`, `${root}/.moved`);
    symlinkSync(elsewhere, `${root}/.claimed`);
    refuseLinks(t);
    await rejectsWith(requeue({ path: root, layout: 'directory' }, element), 'path-missing');
    assert.deepEqual(readdirSync(elsewhere), []);
    assert.equal(filesBelow(`${root}/.quarantine`).length, 3);
  });

  it('says that nothing is left of one that a killed call gave back', async (t) => {
    const { root, element } = await quarantined(t, 'directory');
    renameSync(`${root}/.quarantine/${element}/body`, `${root}/.claimed/free~${'0'.repeat(32)}~record`);
    const { message } = await rejectsWith(requeue({ path: root, layout: 'directory' }, element), 'element-corrupt');
    assert.match(message, /given back before/);
  });

  it('is refused where he could not lock it either', async (t) => {
    const { root, element } = await quarantined(t, 'dirq');
    refuseLinks(t);
    await rejectsWith(requeue({ path: root, layout: 'dirq' }, element), 'permission-denied');
    assert.deepEqual(filesBelow(`${root}/.quarantine`).length, 3);
  });
});

describe('PlainWriter', () => {
  it('adds whole files, and never in place of another', async (t) => {
    const root = temporaryDirectory(t);
    const writer = new PlainWriter({ path: root, modes: { fileMode: 0o640 } });
    await writer.add('a', Buffer.from('1'));
    await rejectsWith(writer.add('a', Buffer.from('2')), 'name-taken');
    assert.equal(readFileSync(`${root}/a`, 'utf8'), '1');
    assert.deepEqual(filesBelow(root), ['a']);
  });

  it('refuses names that no sender would take, or that lie elsewhere', async (t) => {
    const writer = new PlainWriter({ path: temporaryDirectory(t) });
    for (const name of ['.x', 'x.tmp', 'x.part', 'x~', '', '..', 'a/b', 'x'.repeat(250)])
      await rejectsWith(writer.add(name, Buffer.from('1')), 'name-invalid');
  });

  it('does not make the directory', async (t) => {
    await rejectsWith(new PlainWriter({ path: `${temporaryDirectory(t)}/none` }).add('a', Buffer.from('1')), 'path-missing');
  });
});

describe('looking at an element of a Normal queue', () => {
  it('shows its files and one of them, locked or not', async (t) => {
    const { root, element } = await quarantined(t, 'dirq');
    const reader = new NormalReader({ path: `${root}/.quarantine` });
    const { files, locked } = await reader.look(element);
    assert.deepEqual([...files.keys()].toSorted(), ['body', 'error', 'name']);
    assert.equal(files.get('body'), 4);
    assert.equal(locked, false);
    await reader.lock(element);
    assert.equal((await reader.look(element)).locked, true);
    assert.match(Buffer.from((await reader.peek(element, 'error')) ?? []).toString(), /^too-large: a reason\n/);
    assert.equal(await reader.peek(element, 'signer'), undefined);
    await rejectsWith(reader.peek(element, 'error', 3), 'too-large');
    await rejectsWith(reader.peek(element, '../x'), 'name-invalid');
    await rejectsWith(reader.look('00000000/00000000000000'), 'claim-lost');
    mkdirSync(`${root}/.quarantine/00000009`);
    writeFileSync(`${root}/.quarantine/00000009/00000000000000`, '');
    await rejectsWith(reader.look('00000009/00000000000000'), 'element-corrupt');
  });
});

describe('scanOutgoing', () => {
  for (const layout of ['dirq', 'directory'] as const)
    it(`counts what waits and what is claimed, and changes nothing (${layout})`, async (t) => {
      const root = temporaryDirectory(t);
      assert.deepEqual(await namesOf(scanOutgoing({ path: root, layout })), []);
      const name = await add(root, layout, 'body');
      const first = scanOutgoing({ path: root, layout });
      assert.deepEqual(await namesOf(first), [name]);
      assert.equal(readdirSync(root).length, 1);
      const queue = createOutgoingQueue({ path: root, layout, instance: 'a', stabilityMs: 0 });
      await queue.start();
      t.after(() => queue.close?.());
      await claimed(queue, name);
      const second = scanOutgoing({ path: root, layout });
      assert.deepEqual(await namesOf(second), []);
      assert.equal(second.statistics.locked, 1);
      await rejectsWith(namesOf(scanOutgoing({ path: `${root}/none`, layout })), 'path-missing');
    });
});
