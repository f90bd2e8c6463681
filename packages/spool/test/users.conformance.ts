/** Writer, service and loader under three users. Root ignores modes, so everything runs in processes of those users. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { requireTools, temporaryDirectory } from '@ssm/test-support';
import { runWorker, startWorker } from './processes.js';
import { filesBelow } from './support.js';
import type { Task } from './worker.js';

const skip = requireTools('root');
const [WRITER, SERVICE, LOADER, GROUP, NOBODY] = [20_001, 20_002, 20_003, 20_010, 20_099];
const SHARED = { directoryMode: 0o2770, fileMode: 0o660, gid: GROUP };

const as = (uid: number, gid = GROUP): { uid: number; gid: number } => ({ uid, gid });

/** A directory of the writer, with these modes. */
function volume(t: TestContext, mode: number, owner = WRITER): string {
  const directory = temporaryDirectory(t);
  chmodSync(directory, 0o755);
  const root = `${directory}/queue`;
  mkdirSync(root);
  chownSync(root, owner, GROUP);
  chmodSync(root, mode);
  return root;
}

function put(root: string, name: string, mode: number): void {
  const file = `${root}/${name}`;
  if (name.includes('/')) {
    mkdirSync(`${root}/66000000`, { recursive: true });
    chownSync(`${root}/66000000`, WRITER, GROUP);
    chmodSync(`${root}/66000000`, 0o2775);
  }
  writeFileSync(file, 'body');
  chownSync(file, WRITER, GROUP);
  chmodSync(file, mode);
}

async function failure(t: TestContext, task: Task, uid: number, gid = GROUP): Promise<string> {
  const child = await startWorker(t, task, as(uid, gid));
  await child.exited;
  assert.equal(child.exit?.code, 1, child.output());
  return /^failed (.*)$/m.exec(child.output('stdout'))?.[1] ?? '';
}

const ELEMENT = '66000000/66000000000001';

describe('a sender that is not the writer', { skip }, () => {
  it('locks, keeps and sends what its group may write, although it may not set times', async (t) => {
    const root = volume(t, 0o2775);
    put(root, ELEMENT, 0o664);
    const before = statSync(`${root}/${ELEMENT}`).mtimeMs;
    assert.deepEqual(await runWorker(t, { work: 'release', root }, as(SERVICE)), ['started, freed 0', 'done']);
    assert.equal(statSync(`${root}/${ELEMENT}`).mtimeMs, before);
    const lines = await runWorker(t, { work: 'send', root }, as(SERVICE));
    assert.ok(lines.includes('sent body'), lines.join('\n'));
    assert.deepEqual(filesBelow(root), []);
  });

  it('says at start which file, user and mode are wrong when it may not link (fs.protected_hardlinks)', async (t) => {
    assert.equal(readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim(), '1', 'this kernel does not protect hard links');
    const root = volume(t, 0o2775);
    put(root, ELEMENT, 0o644);
    const message = await failure(t, { work: 'send', root }, SERVICE);
    for (const part of [
      'permission-denied',
      `${root}/${ELEMENT}`,
      `uid ${SERVICE}`,
      `owned by ${WRITER}:${GROUP} mode 0644`,
      'protected_hardlinks',
    ])
      assert.ok(message.includes(part), message);
    put(root, ELEMENT, 0o600);
    assert.match(await failure(t, { work: 'send', root }, SERVICE), /^permission-denied/);
    assert.ok(statSync(`${root}/${ELEMENT}`).isFile());
  });

  it('says so when it may not write the directory', async (t) => {
    const root = volume(t, 0o755);
    put(root, ELEMENT, 0o664);
    for (const layout of ['dirq', 'directory'] as const) {
      const message = await failure(t, { work: 'send', root, layout }, SERVICE);
      for (const part of ['permission-denied', `uid ${SERVICE}`, root, 'mode 0755']) assert.ok(message.includes(part), message);
    }
    assert.match(await failure(t, { work: 'send', root: volume(t, 0o700) }, SERVICE), /^permission-denied/);
  });

  it('says so when it may write the queue but not the directory of the elements', async (t) => {
    const root = volume(t, 0o2775);
    put(root, ELEMENT, 0o664);
    chmodSync(`${root}/66000000`, 0o755);
    const message = await failure(t, { work: 'send', root }, SERVICE);
    for (const part of ['permission-denied', `${root}/66000000`, 'mode 0755']) assert.ok(message.includes(part), message);
  });

  it('sends files of a plain directory that it may read, and gives them back unlinked', async (t) => {
    const root = volume(t, 0o2775);
    put(root, 'file', 0o644);
    assert.deepEqual(await runWorker(t, { work: 'release', root, layout: 'directory' }, as(SERVICE)), ['started, freed 0', 'done']);
    const [kept] = filesBelow(root).filter((file) => file.endsWith('file'));
    assert.match(kept!, /^\.claimed\/free~[0-9a-f]{32}~file$/);
    const lines = await runWorker(t, { work: 'send', root, layout: 'directory' }, as(SERVICE));
    assert.ok(lines.includes('sent body'), lines.join('\n'));
    assert.deepEqual(filesBelow(root), []);
  });

  it('calls a file of a plain directory that it may not read unreadable, and can quarantine it', async (t) => {
    const root = volume(t, 0o2775);
    put(root, 'file', 0o600);
    assert.match(await failure(t, { work: 'send', root, layout: 'directory' }, SERVICE), /^unreadable.*uid 20002.*mode 0600/);
    const lines = await runWorker(t, { work: 'quarantineUnread', root, layout: 'directory' }, as(SERVICE));
    assert.match(lines.join(), /^started, freed 1,quarantined .*file,done$/);
  });

  it('says so when the directory is sticky', async (t) => {
    const root = volume(t, 0o1777, NOBODY);
    put(root, 'file', 0o666);
    assert.match(await failure(t, { work: 'send', root, layout: 'directory' }, SERVICE), /^permission-denied.*mode 1777/);
    assert.deepEqual(
      filesBelow(root).filter((file) => !file.startsWith('.claimed/owner~')),
      ['file'],
    );
  });

  it('works beside senders of other users whose files it may not read', async (t) => {
    for (const layout of ['dirq', 'directory'] as const) {
      const root = volume(t, 0o2777);
      put(root, layout === 'dirq' ? ELEMENT : 'file', 0o666);
      const other = await startWorker(t, { work: 'stay', root, layout, instance: 'same', umask: 0o077 }, as(NOBODY));
      await other.waitForLine(/staying/);
      chmodSync(`${root}/.claimed`, 0o2777);
      chmodSync(`${root}/.quarantine`, 0o2777);
      for (const name of ['.staging', '.staging/senders', 'temporary', 'obsolete']) chmodSync(`${root}/.quarantine/${name}`, 0o2777);
      assert.deepEqual(await runWorker(t, { work: 'send', root, layout, instance: 'same' }, as(SERVICE)), ['started, freed 0', 'done']);
    }
  });

  it('does not follow a link to what only it may read', async (t) => {
    for (const layout of ['dirq', 'directory'] as const) {
      const root = volume(t, 0o2777);
      writeFileSync(`${root}/../key`, 'secret');
      chownSync(`${root}/../key`, SERVICE, GROUP);
      chmodSync(`${root}/../key`, 0o600);
      const name = layout === 'dirq' ? ELEMENT : 'link';
      if (layout === 'dirq') put(root, '66000000/66000000000009', 0o664);
      await runWorker(t, { work: 'symlink', root, ids: ['../../key', name] }, as(WRITER));
      const lines = await runWorker(t, { work: 'quarantineUnread', root, layout }, as(SERVICE));
      assert.ok(lines.includes(`quarantined ${name}`), lines.join('\n'));
      assert.ok(!lines.join('\n').includes('secret'));
    }
  });
});

describe('a receiver and a loader of another user', { skip }, () => {
  it('need the configured modes and group, whatever the umask', async (t) => {
    const root = volume(t, 0o2770, SERVICE);
    await runWorker(t, { work: 'addNormal', root, instance: 'm', count: 12, modes: SHARED }, as(SERVICE));
    assert.equal(statSync(`${root}/00000000`).gid, GROUP);
    const lines = await runWorker(t, { work: 'takeNormal', root, count: 12 }, as(LOADER));
    assert.equal(lines.filter((line) => line.startsWith('taken')).length, 12);
  });

  it('fail with a clear code without them', async (t) => {
    const root = volume(t, 0o2770, SERVICE);
    await runWorker(
      t,
      { work: 'addNormal', root, instance: 'm', count: 1, modes: { directoryMode: 0o2750, fileMode: 0o640 } },
      as(SERVICE),
    );
    assert.match(await failure(t, { work: 'takeNormal', root, count: 1 }, LOADER), /^permission-denied.*uid 20003.*mode 2750/);
  });

  it('may be two receivers of one group, which finish what the other began', async (t) => {
    const root = volume(t, 0o2770, SERVICE);
    const task = { work: 'receive', root, ids: ['message'], modes: SHARED } as const;
    const first = await startWorker(t, { ...task, instance: 'first', killAt: 'linked' }, as(SERVICE));
    await first.exited;
    assert.equal(first.exit?.signal, 'SIGKILL', first.output());
    const lines = await runWorker(t, { ...task, instance: 'second' }, as(LOADER));
    assert.deepEqual(lines, ['theirs done message', 'done']);
    assert.equal(filesBelow(`${root}/incoming/00000000`).length, 2);
  });

  it('says at start that the receiver may not write, and who and where', async (t) => {
    const root = volume(t, 0o755);
    const message = await failure(t, { work: 'addNormal', root }, SERVICE);
    for (const part of ['permission-denied', root, `uid ${SERVICE}`, `owned by ${WRITER}:${GROUP} mode 0755`])
      assert.ok(message.includes(part), message);
    assert.match(await failure(t, { work: 'receive', root }, SERVICE), /^permission-denied/);
  });

  it('says whose the directory is where the next element goes', async (t) => {
    const root = volume(t, 0o2770, SERVICE);
    await runWorker(t, { work: 'addNormal', root, count: 1 }, as(SERVICE));
    chownSync(`${root}/00000000`, 0, 0);
    chmodSync(`${root}/00000000`, 0o755);
    const message = await failure(t, { work: 'addNormal', root }, SERVICE);
    for (const part of ['permission-denied', `uid ${SERVICE}`, `${root}/00000000 is owned by 0:0 mode 0755`])
      assert.ok(message.includes(part), message);
    assert.match(message, /cannot write to the queue/);
  });

  it('says whose the target of a refused rename is', async (t) => {
    const root = volume(t, 0o2770, SERVICE);
    mkdirSync(`${root}/00000000`);
    chmodSync(`${root}/00000000`, 0o755);
    const message = await failure(t, { work: 'commitNormal', root }, SERVICE);
    assert.match(message, /cannot store an element/);
    assert.match(message, new RegExp(`${root}/00000000 is owned by 0:[0-9]+ mode 0755`));
  });

  it('cannot give files to a group that the service is not in', async (t) => {
    const root = volume(t, 0o2777, SERVICE);
    const task: Task = { work: 'addNormal', root, modes: { gid: NOBODY } };
    assert.match(await failure(t, task, SERVICE), /^permission-denied/);
  });
});
