import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addElement, eventually, type Scope, temporaryDirectory } from '@ssm/test-support';
import { type Hints, watchVolume } from '../src/hints.js';
import { putFile } from './support/writer.js';

async function watched(scope: Scope, layout: 'dirq' | 'directory'): Promise<{ root: string; hints: Hints; count: () => number }> {
  const root = path.join(temporaryDirectory(scope), 'outgoing');
  mkdirSync(root);
  let count = 0;
  const hints = watchVolume(root, layout, () => {
    count += 1;
  });
  scope.after(() => hints.close());
  await hints.renew();
  return { root, hints, count: () => count };
}

describe('watchVolume', () => {
  it('tells of an element in a new directory, and of the next one in it', async (t) => {
    const { root, count } = await watched(t, 'dirq');
    const at = new Date();
    addElement(root, 'x', at);
    await eventually(() => assert.ok(count() > 0));
    await sleep(50);
    const before = count();
    addElement(root, 'x', at);
    await eventually(() => assert.ok(count() > before));
  });

  it('tells of an element in a directory that was there before', async (t) => {
    const { root, hints, count } = await watched(t, 'dirq');
    const at = new Date();
    addElement(root, 'x', at);
    await hints.renew();
    await sleep(50);
    const before = count();
    addElement(root, 'x', at);
    await eventually(() => assert.ok(count() > before));
  });

  it('tells of a plain file, and not of locks and unfinished files', async (t) => {
    const { root, count } = await watched(t, 'directory');
    for (const name of ['.hidden', 'x.lck', 'x.tmp', 'x.part', 'x~']) writeFileSync(path.join(root, name), 'x');
    await sleep(100);
    assert.equal(count(), 0);
    putFile(root, 'records', 'x');
    await eventually(() => assert.ok(count() > 0));
  });

  for (const layout of ['dirq', 'directory'] as const) {
    it(`tells again, once renewed, of what comes into another directory of the same name (${layout})`, async (t) => {
      const { root, hints, count } = await watched(t, layout);
      const at = new Date();
      const put = (): void => void (layout === 'dirq' ? addElement(root, 'x', at) : putFile(root, 'records', 'x'));
      put();
      await hints.renew();
      renameSync(root, `${root}.old`);
      mkdirSync(root);
      put();
      await hints.renew();
      await sleep(50);
      const before = count();
      put();
      await eventually(() => assert.ok(count() > before));
    });
  }

  it('watches nothing any more once it is closed', async (t) => {
    const { root, hints, count } = await watched(t, 'directory');
    hints.close();
    await hints.renew();
    putFile(root, 'records', 'x');
    await sleep(50);
    assert.equal(count(), 0);
  });

  it('is no more than a hint: a volume that is not there, goes, and comes back is no error', async (t) => {
    const { root, hints, count } = await watched(t, 'directory');
    rmSync(root, { recursive: true });
    await hints.renew();
    mkdirSync(root);
    await eventually(async () => {
      await hints.renew();
      const before = count();
      putFile(root, 'records', 'x');
      await sleep(20);
      assert.ok(count() > before);
    });
    const missing = watchVolume(path.join(root, 'none'), 'dirq', () => assert.fail('nothing is there'));
    await missing.renew();
    missing.close();
  });
});
