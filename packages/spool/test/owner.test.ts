import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import process from 'node:process';
import { describe, it } from 'node:test';
import { eventually, startCommand, temporaryDirectory } from '@ssm/test-support';
import { ClaimsDirectory } from '../src/claims-directory.js';
import { foreignOwner, identify, liveness, Owner, readJournal, readOwner } from '../src/owner.js';
import { lookOlder } from './aged.js';

const linux = process.platform === 'linux';

describe('liveness', () => {
  it('knows itself', async () => {
    const us = await identify();
    assert.equal(us !== undefined, linux);
    assert.equal(await liveness(us), linux ? 'alive' : 'unknown');
  });

  it('is sure of a death only on the same boot, in the same PID namespace', async (t) => {
    const us = await identify();
    if (us === undefined) return;
    const child = await startCommand(t, process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
    const them = { ...us, pid: child.pid, started };
    assert.equal(await liveness(them), 'alive');
    assert.equal(await liveness({ ...them, started: '1' }), 'dead', 'another process has the number now');
    assert.equal(await liveness({ ...them, boot: 'another' }), 'unknown');
    assert.equal(await liveness({ ...them, namespace: 'pid:[1]' }), 'unknown', 'a container, where 1 is alive for ever');
    child.signal('SIGKILL');
    await child.exited;
    assert.equal(await liveness(them), 'dead');
    assert.equal(await liveness({ ...them, namespace: 'pid:[1]' }), 'unknown');
    assert.equal(await liveness(undefined), 'unknown');
  });
});

describe('Owner', () => {
  it('writes down who it is and what it holds', async (t) => {
    const directory = temporaryDirectory(t);
    const owner = await Owner.open(directory, 'site~a/b', () => []);
    const [name] = readdirSync(directory);
    assert.equal(foreignOwner(directory, name!, 'site~a/b')?.sameInstance, true);
    assert.equal(foreignOwner(directory, name!, 'site')?.sameInstance, false);
    assert.equal(foreignOwner(directory, name!, 'site~a/b')?.token, owner.token);
    await Promise.all(['one', 'two', 'three'].map((line) => owner.note(line)));
    await owner.note('four');
    const file = `${directory}/${name}`;
    assert.deepEqual(await readOwner(file), { identity: await identify(), closed: false });
    assert.deepEqual(await readJournal(file), ['one', 'two', 'three', 'four']);
    writeFileSync(file, 'cut', { flag: 'a' });
    assert.deepEqual(await readJournal(file), ['one', 'two', 'three', 'four']);
    await owner.close(true);
    assert.equal((await readOwner(file)).closed, true);
    await owner.close(false);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('keeps long and hostile instance names apart', async (t) => {
    const directory = temporaryDirectory(t);
    const names = ['', '.', '..', '/', `${'x'.repeat(500)}1`, `${'x'.repeat(500)}2`, 'ü'.repeat(100), '\ud800'];
    await Promise.all(names.map((instance) => Owner.open(directory, instance, () => [])));
    for (const instance of names)
      assert.equal(readdirSync(directory).filter((file) => foreignOwner(directory, file, instance)?.sameInstance).length, 1, instance);
  });

  it('writes a long journal anew with what it still holds', async (t) => {
    const directory = temporaryDirectory(t);
    const owner = await Owner.open(directory, 'x', () => ['held']);
    await owner.note('a'.repeat(2_000_000));
    const file = `${directory}/${readdirSync(directory)[0]}`;
    assert.deepEqual(await readJournal(file), ['held']);
    await owner.note('more');
    assert.deepEqual(await readJournal(file), ['held', 'more']);
  });

  it('writes what nobody waits for with the next line, or soon', async (t) => {
    const directory = temporaryDirectory(t);
    const owner = await Owner.open(directory, 'x', () => []);
    const file = `${directory}/${readdirSync(directory)[0]}`;
    owner.noteLater('one');
    await owner.note('two');
    assert.deepEqual(await readJournal(file), ['one', 'two']);
    owner.noteLater('three');
    await eventually(async () => assert.deepEqual(await readJournal(file), ['one', 'two', 'three']));
    owner.noteLater('four');
    await owner.close(true);
    assert.deepEqual(await readJournal(file), []);
  });

  it('keeps its journal open for many lines, and not for long', async (t) => {
    const directory = temporaryDirectory(t);
    const owner = await Owner.open(directory, 'x', () => ['held']);
    const file = `${directory}/${readdirSync(directory)[0]}`;
    const openNow = (): number =>
      (linux ? readdirSync('/proc/self/fd') : []).filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(file);
        } catch {
          return false;
        }
      }).length;
    await Promise.all([owner.note('one'), owner.beat(new Date()), owner.note('two')]);
    await owner.note('three');
    assert.ok(openNow() <= 1);
    await eventually(() => assert.equal(openNow(), 0));
    await owner.note('four');
    assert.deepEqual(await readJournal(file), ['held', 'one', 'two', 'three', 'four']);
    await owner.close(false);
    assert.equal(openNow(), 0);
  });

  it('comes back after somebody took it for dead', async (t) => {
    const directory = temporaryDirectory(t);
    const owner = await Owner.open(directory, 'x', () => ['held']);
    unlinkSync(`${directory}/${readdirSync(directory)[0]}`);
    await owner.note('lost');
    assert.deepEqual(readdirSync(directory), []);
    await owner.beat(new Date());
    assert.deepEqual(await readJournal(`${directory}/${readdirSync(directory)[0]}`), ['held']);
  });

  it('has a file that other users may read, or the configured mode, whatever the umask', async (t) => {
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    for (const [modes, expected] of [
      [{}, 0o644],
      [{ fileMode: 0o660 }, 0o660],
    ] as const) {
      const directory = temporaryDirectory(t);
      const owner = await Owner.open(directory, 'x', () => [], { modes });
      const mode = (): number => statSync(`${directory}/${readdirSync(directory)[0]}`).mode & 0o777;
      assert.equal(mode(), expected);
      await owner.note('a'.repeat(2_000_000));
      assert.equal(mode(), expected, 'written anew');
    }
  });

  it('is written and touched itself, whatever links somebody puts there', async (t) => {
    const directory = temporaryDirectory(t);
    const owner = await Owner.open(directory, 'x', () => []);
    const victim = `${temporaryDirectory(t)}/victim`;
    writeFileSync(victim, 'precious', { mode: 0o600 });
    const before = statSync(victim);
    unlinkSync(owner.file);
    symlinkSync(victim, `${owner.file}~draft`);
    await owner.beat(new Date());
    assert.deepEqual(await readOwner(owner.file), { identity: await identify(), closed: false });
    unlinkSync(owner.file);
    symlinkSync(victim, owner.file);
    await owner.beat(new Date(0));
    await owner.note('a'.repeat(2_000_000));
    const { mode, mtimeMs } = statSync(victim);
    assert.deepEqual([readFileSync(victim, 'utf8'), mode, mtimeMs], ['precious', before.mode, before.mtimeMs]);
  });

  it('is unknown when its file is a link or a directory', async (t) => {
    const file = `${temporaryDirectory(t)}/owner`;
    symlinkSync('/proc/self/stat', file);
    assert.deepEqual(await readOwner(file), { identity: undefined, closed: false });
    assert.deepEqual(await readJournal(file), []);
    unlinkSync(file);
    mkdirSync(file);
    assert.deepEqual(await readOwner(file), { identity: undefined, closed: false });
    assert.deepEqual(await readJournal(file), []);
    rmdirSync(file);
    await assert.rejects(readOwner(file), { code: 'ENOENT' });
  });

  it('is unknown, not dead, when its file says nothing sensible', async (t) => {
    const file = `${temporaryDirectory(t)}/owner`;
    for (const content of [
      '',
      '\n',
      'null\n',
      '[]\n',
      '{"boot":1}\n',
      '{"boot":"b","namespace":"n","started":"1","pid":-1}\n',
      '{'.repeat(9000),
    ]) {
      writeFileSync(file, content);
      assert.deepEqual(await readOwner(file), { identity: undefined, closed: false });
    }
  });
});

async function open(path: string, instance: string, lockAgeMs = 600_000): Promise<ClaimsDirectory> {
  const claims = new ClaimsDirectory({ path, layout: 'dirq', instance, lockAgeMs });
  await claims.open(() => []);
  return claims;
}

/** The file of an owner that nobody can look at. */
function stranger(path: string, instance: string): string {
  const file = `${path}/.claimed/owner~${instance}~0123456789abcdef`;
  writeFileSync(file, '{"boot":"elsewhere","namespace":"pid:[1]","pid":1,"started":"5"}\n+ x\n');
  return file;
}

const freesOne = (): Promise<number> => Promise.resolve(1);

describe('ClaimsDirectory', () => {
  it('frees a silent stranger of the same name only after it was watched, and of another name after the lock age', async (t) => {
    t.mock.method(performance, 'now', () => watched);
    let watched = 1000;
    const path = temporaryDirectory(t);
    const claims = await open(path, 'same');
    t.after(() => claims.close(false));
    const freed: (readonly string[])[] = [];
    const free = async (_token: string, lines: readonly string[]): Promise<number> => {
      freed.push(lines);
      return await Promise.resolve(lines.length);
    };
    const [same, other] = [stranger(path, 'same'), stranger(path, 'other')];
    assert.equal(await claims.freeOthers(free), 0);
    watched += 29_000;
    assert.equal(await claims.freeOthers(free), 0);
    utimesSync(same, 1, 1);
    watched += 2000;
    assert.equal(await claims.freeOthers(free), 0, 'it gave a sign of life');
    watched += 29_000;
    assert.equal(await claims.freeOthers(free), 0);
    watched += 2000;
    assert.equal(await claims.freeOthers(free), 1);
    assert.deepEqual(freed, [['+ x']]);
    assert.deepEqual(await claims.freeOthers(free), 0);
    const hasty = await open(path, 'third', 50);
    t.after(() => hasty.close(false));
    await eventually(async () => (await hasty.freeOthers(free)) > 0);
    assert.equal(readdirSync(`${path}/.claimed`).includes(other.split('/').at(-1)!), false);
  });

  it('watches a stranger of another name who died while the clock was ahead', async (t) => {
    t.mock.method(performance, 'now', () => watched);
    let watched = 1000;
    const path = temporaryDirectory(t);
    const claims = await open(path, 'same');
    t.after(() => claims.close(false));
    const file = stranger(path, 'other');
    lookOlder(t, /owner~other~/, -86_400_000);
    assert.equal(await claims.freeOthers(freesOne), 0);
    watched += 601_000;
    utimesSync(file, 1, 1);
    assert.equal(await claims.freeOthers(freesOne), 0, 'it gave a sign of life');
    watched += 599_000;
    assert.equal(await claims.freeOthers(freesOne), 0);
    watched += 2000;
    assert.equal(await claims.freeOthers(freesOne), 1);
  });

  it('frees what it can beside owners that it can neither read nor remove', async (t) => {
    const path = temporaryDirectory(t);
    const claims = await open(path, 'same', 50);
    t.after(() => claims.close(false));
    symlinkSync('nowhere', `${path}/.claimed/owner~same~00000000000000aa`);
    mkdirSync(`${path}/.claimed/owner~same~00000000000000bb`);
    writeFileSync(`${path}/.claimed/owner~forbidden~00000000000000cc`, '{}\n+ y\n');
    stranger(path, 'zuletzt');
    const freed = new Set<string>();
    const free = async (_token: string, lines: readonly string[]): Promise<number> => {
      if (lines.includes('+ y')) throw Object.assign(new Error('not ours'), { code: 'EACCES' });
      for (const line of lines) freed.add(line);
      return await Promise.resolve(lines.length);
    };
    await claims.freeOthers(free);
    await eventually(async () => (await claims.freeOthers(free)) > 0);
    assert.deepEqual([...freed], ['+ x']);
    await assert.rejects(
      claims.freeOthers(() => Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' }))),
      { code: 'EIO' },
    );
  });

  it('lets only one process at a time free locks', async (t) => {
    const path = temporaryDirectory(t);
    const [one, other] = [await open(path, 'one'), await open(path, 'other')];
    t.after(() => Promise.all([one.close(false), other.close(false)]).then(() => undefined));
    assert.equal(await one.exclusively(() => other.exclusively(() => Promise.resolve('in'))), undefined);
    assert.equal(await other.exclusively(() => Promise.resolve('in')), 'in');
    await assert.rejects(one.exclusively(() => Promise.reject(new Error('failed'))));
    assert.equal(await one.exclusively(() => Promise.resolve('in')), 'in');
  });

  it('does not wait for a process that died while it freed locks', { skip: linux ? false : 'Linux only' }, async (t) => {
    const path = temporaryDirectory(t);
    const [one, other] = [await open(path, 'one'), await open(path, 'other')];
    t.after(() => Promise.all([one.close(false), other.close(false)]).then(() => undefined));
    const mutex = `${path}/.claimed/freeing`;
    await one.exclusively(async () => {
      assert.deepEqual((await readOwner(mutex)).identity, await identify(), 'it says who holds it');
    });
    // No process has begun with the machine.
    writeFileSync(mutex, `${JSON.stringify({ ...(await identify()), started: '1' })}\n`);
    assert.equal(await other.exclusively(() => Promise.resolve('in')), 'in');
    writeFileSync(mutex, `${JSON.stringify({ ...(await identify()), boot: 'another' })}\n`);
    assert.equal(await other.exclusively(() => Promise.resolve('in')), undefined, 'perhaps it lives');
    utimesSync(mutex, 1, 1);
    assert.equal(await other.exclusively(() => Promise.resolve('in')), undefined, 'its inode is new');
    unlinkSync(mutex);
    assert.deepEqual(
      readdirSync(`${path}/.claimed`).filter((name) => !name.startsWith('owner~')),
      [],
    );
  });

  it('leaves nothing behind', async (t) => {
    const path = temporaryDirectory(t);
    const claims = await open(path, 'one');
    await claims.tidy();
    await claims.close(false);
    assert.deepEqual(readdirSync(`${path}/.claimed`), []);
  });
});
