import assert from 'node:assert/strict';
import { linkSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createOutgoingQueue, type OutgoingQueue } from '@ssm/spool';
import { addElement, type Scope, temporaryDirectory } from '@ssm/test-support';
import { QueueDepth } from '../src/depth.js';

const never = new AbortController().signal;
const MINUTE = 60_000;

async function createBench(scope: Scope): Promise<{ root: string; queue: OutgoingQueue; depth: QueueDepth; clock: { now: number } }> {
  const root = path.join(temporaryDirectory(scope), 'outgoing');
  mkdirSync(root);
  const queue = createOutgoingQueue({ path: root, layout: 'dirq', instance: 'bench' });
  await queue.start();
  const clock = { now: 0 };
  return { root, queue, clock, depth: new QueueDepth(queue, () => clock.now) };
}

describe('QueueDepth', () => {
  it('knows what the last pass saw, less what left since', async (t) => {
    const { depth } = await createBench(t);
    const oldest = new Date(1000);
    depth.passed({ available: 5, locked: 2, ignored: 9, oldest }, 0);
    assert.deepEqual([depth.depth, depth.locked, depth.oldest], [7, 2, oldest]);
    depth.left();
    assert.equal(depth.depth, 6);
    depth.passed({ available: 5, locked: 0, ignored: 0, oldest }, 5);
    assert.deepEqual([depth.depth, depth.oldest], [0, undefined], 'the oldest may be among those that left');
    depth.left();
    assert.equal(depth.depth, 0);
  });

  it('counts by itself when no pass came for a minute', async (t) => {
    const { root, depth, clock } = await createBench(t);
    const at = new Date(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);
    const file = path.join(root, addElement(root, 'x', at));
    addElement(root, 'x');
    linkSync(file, `${file}.lck`);
    assert.notEqual(await depth.refresh(never), undefined);
    assert.deepEqual([depth.depth, depth.locked], [2, 1]);
    assert.equal(depth.oldest?.getTime(), at.getTime());
    addElement(root, 'x');
    clock.now += MINUTE - 1;
    assert.equal(await depth.refresh(never), undefined);
    depth.left();
    clock.now += 1;
    assert.notEqual(await depth.refresh(never), undefined);
    assert.equal(depth.depth, 3, 'what left before the count is not taken off again');
    clock.now += MINUTE;
    depth.passed({ available: 0, locked: 0, ignored: 0, oldest: undefined }, 0);
    clock.now += MINUTE - 1;
    assert.equal(await depth.refresh(never), undefined);
  });

  it('gives up when the count is not wanted any more, and counts when it is again', async (t) => {
    const { root, depth } = await createBench(t);
    for (let count = 0; count < 5; count += 1) addElement(root, 'x', new Date(Date.now() - count * MINUTE));
    let looked = 0;
    const wanted = (): boolean => {
      looked += 1;
      return looked < 3;
    };
    assert.equal(await depth.refresh(never, wanted), undefined);
    assert.deepEqual([looked, depth.depth], [3, 0]);
    assert.notEqual(await depth.refresh(never), undefined);
    assert.equal(depth.depth, 5);
  });

  it('counts for no more than a hundredth of the time', async (t) => {
    const { root, queue, clock } = await createBench(t);
    const slow: OutgoingQueue = {
      ...queue,
      scan: (signal) => {
        clock.now += 2000;
        return queue.scan(signal);
      },
    };
    const depth = new QueueDepth(slow, () => clock.now);
    addElement(root, 'x');
    assert.notEqual(await depth.refresh(never), undefined);
    clock.now += 199_999;
    assert.equal(await depth.refresh(never), undefined);
    clock.now += 1;
    assert.notEqual(await depth.refresh(never), undefined);
  });

  it('reads a directory and does not go through its names', async (t) => {
    const { root, queue } = await createBench(t);
    for (let count = 0; count < 500; count += 1) addElement(root, 'x');
    let given = 0;
    const watched: OutgoingQueue = {
      ...queue,
      scan: (signal, read) => {
        const scan = queue.scan(signal, read);
        const names = async function* (): AsyncGenerator<readonly string[]> {
          for await (const some of scan.names) {
            given += 1;
            yield some;
          }
        };
        return { ...scan, names: names() };
      },
    };
    const depth = new QueueDepth(watched, () => 0);
    assert.notEqual(await depth.refresh(never), undefined);
    assert.equal(depth.depth, 500);
    assert.notEqual(depth.oldest, undefined);
    assert.ok(given < 3, `${given} times some names`);
  });

  it('gives way to a pass that ends meanwhile, and to the end of the service', async (t) => {
    const { root, queue, clock } = await createBench(t);
    addElement(root, 'x');
    const during: (() => void)[] = [];
    const slow: OutgoingQueue = {
      ...queue,
      scan: (signal) => {
        const scan = queue.scan(signal);
        for (const event of during) event();
        return scan;
      },
    };
    const depth = new QueueDepth(slow, () => clock.now);
    during.push(() => {
      clock.now += 1;
      depth.passed({ available: 40, locked: 0, ignored: 0, oldest: undefined }, 0);
    });
    await depth.refresh(never);
    assert.equal(depth.depth, 40);
    assert.equal(await new QueueDepth(queue, () => 0).refresh(AbortSignal.abort()), undefined);
  });
});
