import assert from 'node:assert/strict';
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type Scope, temporaryDirectory } from '@ssm/test-support';
import { QuietFiles } from '../src/quiet-files.js';

const HOUR = 3_600_000;
const STABILITY = 200;

function scene(scope: Scope, clockMs = 0, stabilityMs = STABILITY): { file: string; files: QuietFiles; read: () => Promise<string> } {
  const file = path.join(temporaryDirectory(scope), 'dns');
  writeFileSync(file, 'one');
  const files = new QuietFiles({ stabilityMs, now: () => new Date(Date.now() + clockMs) });
  return { file, files, read: async () => Buffer.from(await files.read(file)).toString() };
}

describe('QuietFiles', () => {
  it('reads at once what is old at the first look', async (t) => {
    const { read } = scene(t, HOUR);
    assert.equal(await read(), 'one');
  });

  it('reads at once, where nothing is to be waited for', async (t) => {
    const { file, read } = scene(t, 0, 0);
    assert.equal(await read(), 'one');
    writeFileSync(file, 'two');
    assert.equal(await read(), 'two');
  });

  for (const [what, clockMs] of [
    ['right', 0],
    ['an hour behind', -HOUR],
    ['an hour ahead', HOUR],
  ] as const)
    it(`waits until a file that is written has been quiet, with a clock that is ${what}`, async (t) => {
      const { file, read } = scene(t, clockMs);
      assert.equal(await eventually(read), 'one');
      truncateSync(file);
      const begun = performance.now();
      await assert.rejects(read(), { code: 'list-unstable', message: /dns is being changed/ });
      await sleep(STABILITY / 2);
      appendFileSync(file, 'two');
      await assert.rejects(read(), { code: 'list-unstable' });
      assert.equal(await eventually(read), 'two');
      assert.ok(performance.now() - begun >= STABILITY * 1.5);
      // Known and unchanged: at once.
      assert.equal(await read(), 'two');
    });

  it('takes what was renamed into place as soon', async (t) => {
    const { file, read } = scene(t, HOUR);
    assert.equal(await read(), 'one');
    writeFileSync(`${file}.new`, 'two');
    renameSync(`${file}.new`, file);
    await assert.rejects(read(), { code: 'list-unstable' });
    assert.equal(await eventually(read), 'two');
  });

  it('does not take what changes while it is read', async (t) => {
    const { file, files } = scene(t, 0, 0);
    truncateSync(file, 16 * 1024 * 1024);
    const writer = setInterval(() => appendFileSync(file, 'x'), 0);
    t.after(() => clearInterval(writer));
    await assert.rejects(files.read(file), { code: 'list-unstable' });
  });

  it('says what the file system says', async (t) => {
    const { file, files } = scene(t);
    await assert.rejects(files.read(`${file}.none`), { code: 'ENOENT' });
  });
});
