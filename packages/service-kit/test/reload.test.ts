import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import { type Reloadable, type ReloadOptions, watchFiles } from '../src/reload.js';
import { Turns } from '../src/turns.js';

interface Scene {
  readonly file: string;
  readonly watched: Reloadable<string>;
  readonly loads: () => number;
  readonly failures: string[];
  readonly changes: string[];
}

const NEVER = 1e9;

/** Lets a test decide when a load ends. */
class Gate {
  #open: (() => void)[] = [];
  wait(): Promise<void> {
    return new Promise((resolve) => this.#open.push(resolve));
  }
  release(): void {
    for (const open of this.#open.splice(0)) open();
  }
}

/** A value that is the text of a file; an empty file cannot be loaded. */
async function scene(t: TestContext, options: Partial<ReloadOptions<string>> = {}): Promise<Scene> {
  const file = path.join(temporaryDirectory(t), 'list');
  writeFileSync(file, 'one');
  let count = 0;
  const failures: string[] = [];
  const changes: string[] = [];
  const watched = await watchFiles({
    watch: () => [file],
    load: async () => {
      count += 1;
      const text = readFileSync(file, 'utf8');
      if (text === '') throw new Error('empty');
      return text;
    },
    intervalMs: NEVER,
    maximumAgeMs: NEVER,
    onChange: (value) => changes.push(value),
    onFailure: (error) => failures.push(error.message),
    ...options,
  });
  t.after(() => watched.close());
  return { file, watched, loads: () => count, failures, changes };
}

test('the first load must succeed', async (t) => {
  await assert.rejects(scene(t, { load: () => Promise.reject(new Error('unreadable')) }), /unreadable/);
});

test('loads when something changed and only then', async (t) => {
  const { file, watched, loads, changes } = await scene(t);
  assert.equal(watched.current, 'one');
  await watched.check();
  assert.equal(loads(), 1);
  writeFileSync(file, 'second');
  await watched.check();
  assert.equal(watched.current, 'second');
  assert.equal(loads(), 2);
  assert.deepEqual(changes, ['second']);
});

test('keeps the last good one, says why, tries again each time, tells a repeated failure once', async (t) => {
  const { file, watched, loads, failures, changes } = await scene(t);
  writeFileSync(file, '');
  await watched.check();
  await watched.check();
  assert.equal(loads(), 3);
  assert.equal(watched.current, 'one');
  assert.equal(watched.failure?.message, 'empty');
  rmSync(file);
  await watched.check();
  assert.equal(failures.length, 2);
  assert.equal(failures[0], 'empty');
  writeFileSync(file, 'good');
  await watched.check();
  assert.equal(watched.current, 'good');
  assert.equal(watched.failure, undefined);
  assert.deepEqual(changes, ['good']);
});

test('loads again when the value is too old', async (t) => {
  let now = 1_000;
  const { watched, loads } = await scene(t, { maximumAgeMs: 500, now: () => now });
  now = 1_499;
  await watched.check();
  assert.equal(loads(), 1);
  now = 1_500;
  await watched.check();
  assert.equal(loads(), 2);
  now = 1_999;
  await watched.check();
  assert.equal(loads(), 2);
});

test('looks by itself', async (t) => {
  const { file, watched } = await scene(t, { intervalMs: 5 });
  writeFileSync(file, 'by itself');
  await eventually(() => watched.current === 'by itself');
});

test('tries a failed load again by itself though nothing changed', async (t) => {
  let fail = false;
  const { file, watched } = await scene(t, {
    intervalMs: 5,
    load: () => (fail ? Promise.reject(new Error('later')) : Promise.resolve('good')),
  });
  fail = true;
  writeFileSync(file, 'changed');
  await eventually(() => watched.failure !== undefined);
  fail = false;
  await eventually(() => watched.failure === undefined);
});

test('a change is loaded by itself only when it has been quiet for the stability time', async (t) => {
  let now = 1_000;
  const { file, watched, loads } = await scene(t, { intervalMs: 5, stabilityMs: 1_000, now: () => now });
  writeFileSync(file, 'half');
  let looks = 0;
  const look = async (): Promise<void> => {
    const until = looks + 5;
    await eventually(() => {
      looks += 1;
      return looks > until;
    });
  };
  await look();
  now = 1_900;
  writeFileSync(file, 'whole, later');
  await look();
  now = 2_500;
  await look();
  assert.equal(loads(), 1);
  // Step by step: when it looks for the first time after the change is for it to choose.
  await eventually(() => {
    now += 1_000;
    return watched.current === 'whole, later';
  });
});

test('a clock that is set back delays nothing', async (t) => {
  let behind = 0;
  t.mock.method(Date, 'now', () => performance.timeOrigin + performance.now() - behind);
  const { file, watched } = await scene(t, { intervalMs: 5, stabilityMs: 300 });
  writeFileSync(file, 'newer');
  const start = performance.now();
  await eventually(() => performance.now() - start > 50);
  behind = 86_400_000;
  await eventually(() => watched.current === 'newer');
});

test('check does not wait for stability', async (t) => {
  const { file, watched } = await scene(t, { stabilityMs: NEVER });
  writeFileSync(file, 'now');
  await watched.check();
  assert.equal(watched.current, 'now');
});

test('never two loads at once; a check during a load looks again after it', async (t) => {
  let active = 0;
  let most = 0;
  let started = 0;
  const gate = new Gate();
  const file = path.join(temporaryDirectory(t), 'list');
  writeFileSync(file, 'one');
  const { watched } = await scene(t, {
    watch: () => [file],
    load: async () => {
      active += 1;
      started += 1;
      most = Math.max(most, active);
      const text = readFileSync(file, 'utf8');
      if (started > 1) await gate.wait();
      active -= 1;
      return text;
    },
  });
  writeFileSync(file, 'second');
  const first = watched.check();
  await eventually(() => started === 2);
  writeFileSync(file, 'the third');
  const checks = [watched.check(), watched.check()];
  await setImmediate();
  gate.release();
  await first;
  await eventually(() => started === 3);
  gate.release();
  await Promise.all(checks);
  assert.equal(watched.current, 'the third');
  assert.equal(started, 3);
  assert.equal(most, 1);
});

test('a load that is under way at the close is not taken over', async (t) => {
  const gate = new Gate();
  let started = 0;
  const { file, watched, changes } = await scene(t, {
    load: async () => {
      started += 1;
      if (started > 1) await gate.wait();
      return `${started}`;
    },
  });
  writeFileSync(file, 'other');
  const check = watched.check();
  await eventually(() => started === 2);
  watched.close();
  gate.release();
  await check;
  assert.equal(watched.current, '1');
  assert.deepEqual(changes, []);
});

test('a list of files that cannot be made counts as a failure', async (t) => {
  let broken = false;
  const { watched } = await scene(t, {
    watch: () => {
      if (broken) throw new Error('no list');
      return [];
    },
  });
  broken = true;
  await watched.check();
  assert.equal(watched.failure?.message, 'no list');
  broken = false;
  await watched.check();
  assert.equal(watched.failure, undefined);
});

/** A watch whose loads after the first hang until the gate is opened. */
async function hangingScene(t: TestContext, turns: Turns): Promise<Scene & { readonly gate: Gate }> {
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  const gate = new Gate();
  let started = 0;
  const load = async (): Promise<string> => {
    started += 1;
    const text = `${started}`;
    if (started === 2) await gate.wait();
    return text;
  };
  return { ...(await scene(t, { turns, load })), gate };
}

test('what gives no answer counts as failed until there is one; the others are looked at meanwhile', async (t) => {
  const turns = new Turns(60);
  const hanging = await hangingScene(t, turns);
  const other = await scene(t, { turns });
  for (const { file } of [hanging, other]) writeFileSync(file, 'second');
  const check = hanging.watched.check();
  await other.watched.check();
  assert.deepEqual(other.changes, ['second']);
  assert.deepEqual(hanging.failures, [`${hanging.file}: no answer for 0.06 s`]);
  assert.equal(other.watched.failure, undefined);
  hanging.gate.release();
  await check;
  assert.equal(hanging.watched.failure, undefined);
  assert.deepEqual(hanging.changes, ['2']);
});

test('behind two that give no answer all others count as failed, until one of the two does', async (t) => {
  const turns = new Turns(60);
  const [first, second] = [await hangingScene(t, turns), await hangingScene(t, turns)];
  const waiting = await scene(t, { turns });
  for (const { file } of [first, second, waiting]) writeFileSync(file, 'second');
  const checks = [first.watched.check(), second.watched.check(), waiting.watched.check()];
  await eventually(() => waiting.failures.length > 0);
  assert.deepEqual(waiting.failures, [`${waiting.file}: not looked at, since there is no answer for 0.06 s from ${second.file}`]);
  assert.equal(waiting.loads(), 1);
  const late = await scene(t, { turns });
  const lateCheck = late.watched.check();
  await eventually(() => late.failures.length > 0);
  first.gate.release();
  await Promise.all([checks[0], checks[2], lateCheck]);
  for (const { watched } of [first, waiting, late]) assert.equal(watched.failure, undefined);
  assert.notEqual(second.watched.failure, undefined);
  assert.deepEqual(waiting.changes, ['second']);
  assert.equal(late.loads(), 2, 'what had failed is loaded, changed or not');
  await late.watched.check();
  second.gate.release();
  await checks[1];
  assert.equal(second.watched.failure, undefined);
});

test('the looks of all watches go one after the other, and one that fails holds none up', async (t) => {
  let active = 0;
  let most = 0;
  let fails = false;
  const load = async (): Promise<string> => {
    active += 1;
    most = Math.max(most, active);
    await setImmediate();
    active -= 1;
    if (fails) throw new Error('unreadable');
    return 'x';
  };
  const scenes = await Promise.all([1, 2, 3, 4].map(() => scene(t, { load })));
  most = 0;
  fails = true;
  for (const { file } of scenes) writeFileSync(file, 'second');
  await Promise.all(scenes.map(({ watched }) => watched.check()));
  assert.deepEqual(
    scenes.map(({ failures }) => failures),
    scenes.map(() => ['unreadable']),
  );
  assert.equal(most, 1);
});
