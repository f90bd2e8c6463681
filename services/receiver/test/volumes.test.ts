// What comes of a message that is half-way when the volume of incoming is not there, is lost, or is another one. A directory in its place does.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Scope, startNode } from '@ssm/test-support';
import { elementsOf } from './support/bench.js';
import { metricOf, type TestContext } from './support/context.js';
import { audits, createSite, DESTINATION, ready, runReceiver, type Site, settled, soon } from './support/live.js';

const HOOKED = fileURLToPath(new URL('hooked-main.js', import.meta.url));

interface HalfWay {
  readonly site: Site;
  /** Of a receiver whose record is not on the volume of incoming. */
  readonly args: readonly string[];
  readonly record: string;
}

/** One message is recorded and staged, and was not acknowledged. */
async function halfWay(scope: Scope): Promise<HalfWay> {
  const site = await createSite(scope);
  const record = path.join(site.root, 'record');
  const args = [`--deduplication.path=${record}`];
  await site.send('records', { empaId: 'id' });
  const child = await startNode(scope, HOOKED, [...site.args(...args), '--kill-stage=record']);
  assert.equal((await child.exited).signal, 'SIGKILL', child.output());
  await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
  return { site, args, record };
}

/** Leaves the mount point of the volume. */
function unmount(incoming: string): void {
  renameSync(incoming, `${incoming}-elsewhere`);
  mkdirSync(incoming);
}

/** It takes nothing, says why, and has made nothing there. */
async function refuses(context: TestContext, site: Site, incoming: string): Promise<string> {
  await soon(() => assert.match(troubleOf(context), /is not the volume that its records know/));
  assert.equal(await metricOf(context, 'ssm_consuming'), 0);
  assert.deepEqual(readdirSync(incoming), []);
  assert.equal(site.broker.queueDepth(DESTINATION), 1);
  assert.deepEqual(audits(context), []);
  return troubleOf(context);
}

function troubleOf(context: TestContext): string {
  return context.health.ready().components['incoming']?.reason ?? '';
}

const idsIn = (incoming: string): unknown[] => elementsOf(incoming).map(({ empaid }) => empaid);

describe('a message that is half-way', { concurrency: 4 }, () => {
  it('waits for its volume, which is not mounted at the start', async (t) => {
    const { site, args } = await halfWay(t);
    unmount(site.incoming);
    const context = await runReceiver(t, site, { args });
    await refuses(context, site, site.incoming);
    rmSync(site.incoming, { recursive: true });
    renameSync(`${site.incoming}-elsewhere`, site.incoming);
    await settled(site);
    assert.deepEqual(idsIn(site.incoming), ['id']);
  });

  it('is stored on an empty volume once somebody has moved away what was known of the lost one', async (t) => {
    const { site, args, record } = await halfWay(t);
    unmount(site.incoming);
    const context = await runReceiver(t, site, { args });
    const reason = await refuses(context, site, site.incoming);
    await context.stop();
    const [note = ''] = readdirSync(path.join(site.reject, '.delivered')).filter((name) => name.startsWith('incoming-'));
    for (const one of [record, path.join(site.reject, '.delivered', note)]) {
      assert.ok(reason.includes(one), reason);
      renameSync(one, path.join(site.root, `lost-${path.basename(one)}`));
    }
    await runReceiver(t, site, { args });
    await settled(site);
    assert.deepEqual(idsIn(site.incoming), ['id']);
  });

  it('is nothing that a receiver of another volume with the same record takes', async (t) => {
    const { site, args } = await halfWay(t);
    const other = path.join(site.root, 'incoming-2');
    mkdirSync(other);
    const second = await runReceiver(t, site, { args: [...args, `--incoming.path=${other}`, `--reject.path=${site.root}/reject-2`] });
    await refuses(second, site, other);
    await runReceiver(t, site, { args });
    await settled(site);
    assert.deepEqual(idsIn(site.incoming), ['id']);
  });

  it('is not acknowledged when a new file system comes in the place of the old one, on the same device', async (t) => {
    const site = await createSite(t);
    const before = path.join(site.root, 'before');
    mkdirSync(before);
    const context = await runReceiver(t, site, {
      args: [`--deduplication.path=${path.join(site.root, 'record')}`],
      onStage: (stage) => {
        // The directory itself stays, with its device and inode.
        if (stage === 'record') for (const name of readdirSync(site.incoming)) renameSync(`${site.incoming}/${name}`, `${before}/${name}`);
      },
    });
    await ready(context);
    await site.send('records', { empaId: 'id' });
    await soon(() => assert.match(troubleOf(context), /is not the volume that its records know/));
    assert.equal(site.broker.queueDepth(DESTINATION), 1);
    assert.deepEqual(site.stored(), []);
    assert.ok(audits(context).every(({ result }) => result !== 'stored' && result !== 'duplicate'));
  });
});

describe('a volume with its record that is not mounted', () => {
  it('is missed, and nothing is stored below it', async (t) => {
    const site = await createSite(t);
    const first = await runReceiver(t, site);
    await site.send('one', { empaId: 'one' });
    await settled(site);
    await first.stop();
    unmount(site.incoming);
    await site.send('two', { empaId: 'two' });
    const second = await runReceiver(t, site);
    await refuses(second, site, site.incoming);
    rmSync(site.incoming, { recursive: true });
    renameSync(`${site.incoming}-elsewhere`, site.incoming);
    await settled(site);
    assert.deepEqual(new Set(idsIn(site.incoming)), new Set(['one', 'two']));
  });
});

describe('a record that is begun anew', () => {
  it('is told of where incoming was used before: its volume may not be mounted', async (t) => {
    const site = await createSite(t);
    const record = path.join(site.root, 'record');
    const told = async (): Promise<unknown> => {
      const context = await runReceiver(t, site, { args: [`--deduplication.path=${record}`] });
      await ready(context);
      await context.stop();
      return context.lines.find(({ message }) => message === 'incoming was used before, but a record beside it is new')?.fields['records'];
    };
    assert.deepEqual([await told(), await told()], [undefined, undefined]);
    mkdirSync(path.join(site.incoming, '00000000'), { recursive: true });
    for (const [lost, named] of [
      [record, record],
      [site.reject, path.join(site.reject, '.delivered')],
    ] as const) {
      renameSync(lost, `${lost}-elsewhere`);
      assert.deepEqual([await told(), await told()], [[named], undefined]);
    }
  });
});
