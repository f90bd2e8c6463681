// What happens when the volume is full, read-only or out of inodes: needs root, for mounting small file systems.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { requireTools, type Scope } from '@ssm/test-support';
import { elementsOf } from './support/bench.js';
import { metricOf, type TestContext } from './support/context.js';
import { createSite, DESTINATION, runReceiver, type Site, soon } from './support/live.js';

const MIB = 1024 * 1024;
const MESSAGES = 20;

function mount(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** A small file system for incoming and reject. */
function createVolume(scope: Scope, options: string): { readonly at: string; readonly args: string[] } {
  const at = mkdtempSync(path.join(tmpdir(), 'ssm-volume-'));
  mount('-t', 'tmpfs', '-o', options, 'tmpfs', at);
  scope.after(() => {
    spawnSync('umount', ['-l', at]);
    rmdirSync(at);
  });
  return { at, args: [`--incoming.path=${at}/incoming`, `--reject.path=${at}/reject`] };
}

async function sendAll(site: Site, size: number): Promise<void> {
  for (let i = 0; i < MESSAGES; i++) await site.send(`${i} `.padEnd(size, 'x'), { empaId: `id ${i}` });
}

async function suspended(context: TestContext, component: string): Promise<void> {
  await soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 0));
  assert.equal(context.health.ready().ready, false);
  assert.notEqual(context.health.ready().components[component]?.reason, undefined);
  assert.equal(context.health.live().live, true);
}

/** All messages are there, each once, and none is at the broker or among the rejects. */
async function allThere(site: Site, volume: string, count = MESSAGES): Promise<void> {
  await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 0));
  const ids = elementsOf(path.join(volume, 'incoming')).map(({ empaid }) => empaid);
  assert.deepEqual(new Set(ids), new Set(Array.from({ length: count }, (_, i) => `id ${i}`)));
  assert.equal(ids.length, count);
  assert.deepEqual(elementsOf(path.join(volume, 'reject')), []);
}

describe('a volume in trouble', { skip: requireTools('root') }, () => {
  it('stops at the reserve of free space, and goes on when there is space again', async (t) => {
    const site = await createSite(t);
    const { args, at } = createVolume(t, 'size=32m');
    const context = await runReceiver(t, site, { args: [...args, '--incoming.reserve=4MiB'] });
    await soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 1));
    writeFileSync(path.join(at, 'filler'), Buffer.alloc(26 * MIB));
    let sent = 0;
    await soon(async () => {
      await site.send('x'.repeat(100_000), { empaId: `id ${sent}` });
      sent += 1;
      assert.equal(await metricOf(context, 'ssm_consuming'), 0);
    });
    await suspended(context, 'incoming');
    assert.ok(elementsOf(path.join(at, 'incoming')).length < sent);
    rmSync(path.join(at, 'filler'));
    await allThere(site, at, sent);
  });

  it('loses nothing when the disk is full to the last byte', async (t) => {
    const site = await createSite(t);
    const { args, at } = createVolume(t, 'size=8m');
    const context = await runReceiver(t, site, { args: [...args, '--incoming.reserve=0'] });
    await soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 1));
    assert.throws(() => writeFileSync(path.join(at, 'filler'), Buffer.alloc(16 * MIB)), { code: 'ENOSPC' });
    await sendAll(site, 50_000);
    await suspended(context, 'incoming');
    rmSync(path.join(at, 'filler'));
    await allThere(site, at);
    assert.equal(await metricOf(context, 'ssm_messages_total{result="rejected"}'), 0);
  });

  it('loses nothing when there are no inodes left, though there is space', async (t) => {
    const site = await createSite(t);
    const { args, at } = createVolume(t, 'size=64m,nr_inodes=1000');
    const context = await runReceiver(t, site, { args });
    await soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 1));
    mkdirSync(path.join(at, 'filler'));
    assert.throws(
      () => {
        for (let i = 0; ; i++) writeFileSync(path.join(at, 'filler', `${i}`), '');
      },
      { code: 'ENOSPC' },
    );
    await sendAll(site, 100);
    await suspended(context, 'incoming');
    rmSync(path.join(at, 'filler'), { recursive: true });
    await allThere(site, at);
  });

  it('waits while the volume is read-only, from the start or later', async (t) => {
    const site = await createSite(t);
    const { args, at } = createVolume(t, 'size=16m');
    await soon(() => mount('-o', 'remount,ro', at));
    const context = await runReceiver(t, site, { args });
    await suspended(context, 'incoming');
    await sendAll(site, 1000);
    mount('-o', 'remount,rw', at);
    await allThere(site, at);
    await soon(() => mount('-o', 'remount,ro', at));
    await site.send('one more', { empaId: 'more' });
    await suspended(context, 'incoming');
    assert.equal(site.broker.queueDepth(DESTINATION), 1);
    mount('-o', 'remount,rw', at);
    await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 0));
  });

  it('finds out without a message that the volume is read-only or full', async (t) => {
    const site = await createSite(t);
    const { args, at } = createVolume(t, 'size=16m');
    const context = await runReceiver(t, site, { args, probeIntervalMs: 50 });
    const consuming = () => soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 1));
    await consuming();
    // Not while a probe has a file open.
    await soon(() => mount('-o', 'remount,ro', at));
    await suspended(context, 'reject');
    mount('-o', 'remount,rw', at);
    await consuming();
    const fill = (): void => appendFileSync(path.join(at, 'filler'), Buffer.alloc(32 * MIB));
    // What a probe had taken meanwhile would be room for the next one.
    await soon(async () => {
      assert.throws(fill, { code: 'ENOSPC' });
      assert.equal(await metricOf(context, 'ssm_consuming'), 0);
    });
    assert.equal(context.health.ready().ready, false);
    rmSync(path.join(at, 'filler'));
    await consuming();
    await sendAll(site, 100);
    await allThere(site, at);
  });

  it('waits for a delivery record whose volume went away, and begins no other', async (t) => {
    const site = await createSite(t);
    const { at: volume, args } = createVolume(t, 'size=16m');
    const record = mkdtempSync(path.join(tmpdir(), 'ssm-record-'));
    mkdirSync(path.join(volume, 'record'));
    // At each mount the same directory.
    const mountRecord = (): void => mount('--bind', path.join(volume, 'record'), record);
    const unmountRecord = (): void => void spawnSync('umount', ['-l', record]);
    t.after(() => {
      unmountRecord();
      rmSync(record, { recursive: true });
    });
    mountRecord();
    const context = await runReceiver(t, site, { args: [...args, `--deduplication.path=${record}`] });
    await soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 1));
    await site.send('before', { empaId: 'id 0' });
    await soon(() => assert.equal(elementsOf(path.join(volume, 'incoming')).length, 1));
    unmountRecord();
    await site.send('meanwhile', { empaId: 'id 1' });
    await suspended(context, 'delivery-record');
    // Several tries to start again.
    await sleep(2500);
    await suspended(context, 'delivery-record');
    assert.deepEqual(readdirSync(record), []);
    assert.equal(elementsOf(path.join(volume, 'incoming')).length, 1);
    mountRecord();
    await allThere(site, volume, 2);
  });

  it('keeps a rejected message at the broker too, when the reject queue cannot take it', async (t) => {
    const site = await createSite(t);
    const { at } = createVolume(t, 'size=16m');
    const args = [`--reject.path=${at}/reject`];
    const context = await runReceiver(t, site, { args });
    await soon(async () => assert.equal(await metricOf(context, 'ssm_consuming'), 1));
    // Not while what is done at the start has a file open.
    await soon(() => mount('-o', 'remount,ro', at));
    site.put('junk', 'junk');
    await suspended(context, 'reject');
    assert.equal(site.broker.queueDepth(DESTINATION), 1);
    mount('-o', 'remount,rw', at);
    await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 0));
    assert.equal(elementsOf(path.join(at, 'reject')).length, 1);
  });
});
