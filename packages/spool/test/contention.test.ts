import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { eventually, temporaryDirectory } from '@ssm/test-support';
import { FileDeliveryRecord } from '../src/delivery-record.js';
import { NormalReader } from '../src/normal-reader.js';
import { runWorker, startWorker } from './processes.js';
import { filesBelow, text } from './support.js';

const SENDERS = ['one', 'two', 'three'];
const ELEMENTS = 60;

function fill(root: string, layout: 'dirq' | 'directory'): string[] {
  const bodies = Array.from({ length: ELEMENTS }, (_, index) => `body ${index}`);
  for (const [index, body] of bodies.entries()) {
    const directory = layout === 'dirq' ? `${root}/660000${(index % 5).toString(16).padStart(2, '0')}` : root;
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/66000000${index.toString(16).padStart(6, '0')}`, body);
  }
  return bodies.toSorted();
}

for (const layout of ['dirq', 'directory'] as const)
  describe(`senders on one volume: ${layout}`, () => {
    it('send each element exactly once while all live', async (t) => {
      const root = temporaryDirectory(t);
      const bodies = fill(root, layout);
      const lines = await Promise.all(SENDERS.map((instance) => runWorker(t, { work: 'send', root, instance, layout })));
      assert.deepEqual(
        lines
          .flat()
          .flatMap((line) => /^sent (.*)$/.exec(line)?.[1] ?? [])
          .toSorted(),
        bodies,
      );
      assert.deepEqual(filesBelow(root), []);
    });

    it('never free the claims of a live process, their own name or not', async (t) => {
      const root = temporaryDirectory(t);
      fill(root, layout);
      const holder = await startWorker(t, { work: 'stay', root, instance: 'same', layout });
      await holder.waitForLine(/staying/);
      for (const instance of ['same', 'other']) {
        const lines = await runWorker(t, { work: 'send', root, instance, layout });
        assert.deepEqual(lines, ['started, freed 0', 'done']);
      }
      holder.signal('SIGKILL');
      await holder.exited;
      const lines = await runWorker(t, { work: 'send', root, instance: 'same', layout });
      assert.equal(lines[0], `started, freed ${ELEMENTS}`);
      assert.equal(lines.filter((line) => line.startsWith('sent')).length, ELEMENTS);
      assert.deepEqual(filesBelow(root), []);
    });
  });

describe('receivers on one volume', () => {
  it('store each message exactly once, although they are killed in turn and all get every message', async (t) => {
    const root = temporaryDirectory(t);
    const ids = Array.from({ length: 30 }, (_, index) => `message ${index}`);
    const task = { work: 'receive', root, ids } as const;
    for (let round = 0; round < 3; round += 1) {
      const [one, two] = await Promise.all([startWorker(t, task), startWorker(t, task)]);
      await eventually(() => one.lines.length >= 2 + 5 * round || one.exit !== undefined);
      one.signal('SIGKILL');
      await eventually(() => two.lines.length >= 3 + 5 * round || two.exit !== undefined);
      two.signal('SIGKILL');
      await Promise.all([one.exited, two.exited]);
    }
    await Promise.all([runWorker(t, task), runWorker(t, { ...task, ids: ids.toReversed() })]);
    const reader = new NormalReader({ path: `${root}/incoming` });
    const bodies: string[] = [];
    for await (const name of reader.names()) {
      assert.ok(await reader.lock(name));
      bodies.push(text((await reader.get(name)).get('body')));
    }
    assert.deepEqual(bodies.toSorted(), ids.toSorted());
    const record = new FileDeliveryRecord({ path: `${root}/incoming/.delivered` });
    for await (const { id } of record.entries()) assert.fail(`${id} was not confirmed`);
  });
});
