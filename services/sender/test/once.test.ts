import assert from 'node:assert/strict';
import { appendFileSync, linkSync, renameSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addElement } from '@ssm/test-support';
import { runSender, startSenderProcess } from './support/run.js';
import { arrived, createSite, DESTINATION, sharedPki } from './support/site.js';
import { filesBelow, putFile } from './support/writer.js';

const keys = sharedPki({ after });

describe('--once', () => {
  it('sends what is there and exits with 0', async (t) => {
    const site = await createSite(t, keys);
    for (let index = 0; index < 20; index += 1) addElement(site.outgoing, `record ${index}`);
    const child = await startSenderProcess(t, site.config(), '--once');
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output());
    assert.equal(site.broker.queueDepth(DESTINATION), 20);
    assert.deepEqual(filesBelow(site.outgoing), []);
    assert.match(child.output(), /"msg":"all was sent"/);
  });

  it('exits with 0 when there is nothing', async (t) => {
    const site = await createSite(t, keys);
    assert.equal(await runSender(t, site.config({ once: true })).exited, 0);
  });

  it('exits with 0 when there is nothing, also without a broker', async (t) => {
    const site = await createSite(t, keys);
    await site.broker.refuseConnections(true);
    const start = performance.now();
    const sender = runSender(t, site.config({ once: true }));
    assert.equal(await sender.exited, 0);
    await sender.line('all was sent');
    assert.ok(performance.now() - start < 20_000);
  });

  it('without a broker it waits for what is being written, or locked by another', async (t) => {
    for (const name of ['00000000000001.tmp', '00000000000001.lck']) {
      const site = await createSite(t, keys);
      await site.broker.refuseConnections(true);
      addElement(site.outgoing, 'records');
      const [directory = ''] = filesBelow(site.outgoing).map((file) => path.dirname(file));
      for (const file of filesBelow(site.outgoing))
        renameSync(path.join(site.outgoing, file), path.join(site.outgoing, directory, name.replace('.lck', '')));
      if (name.endsWith('.lck')) linkSync(path.join(site.outgoing, directory, '00000000000001'), path.join(site.outgoing, directory, name));
      const sender = runSender(t, site.config({ once: true, onceDeadline: '2s' }));
      assert.equal(await sender.exited, 1, name);
      await sender.line('the deadline of the run has passed');
    }
  });

  it('exits with 1 when something was quarantined, and says what', async (t) => {
    const site = await createSite(t, keys);
    const large = addElement(site.outgoing, Buffer.alloc(2000));
    addElement(site.outgoing, 'records');
    const child = await startSenderProcess(t, site.config({ limits: { body: 1000 } }), '--once');
    assert.deepEqual(await child.exited, { code: 1, signal: null });
    const summary = JSON.parse((await child.waitForLine(/.*"not everything was sent".*/))[0]);
    assert.deepEqual([summary.sent, summary.quarantined, summary.quarantinedNames], [1, 1, [{ name: large, code: 'too-large' }]]);
    assert.equal(site.broker.queueDepth(DESTINATION), 1);
  });

  it('exits with 1 at its deadline when no broker is there, and gives its locks back', async (t) => {
    const site = await createSite(t, keys);
    await site.broker.refuseConnections(true);
    const name = addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config({ once: true, onceDeadline: '500ms' }));
    assert.equal(await sender.exited, 1);
    await sender.line('the deadline of the run has passed');
    assert.deepEqual(filesBelow(site.outgoing), [name]);
  });

  it('says how many files are left', async (t) => {
    const site = await createSite(t, keys);
    await site.broker.refuseConnections(true);
    for (let index = 0; index < 3; index += 1) addElement(site.outgoing, `record ${index}`);
    const sender = runSender(t, site.config({ once: true, onceDeadline: '3s' }));
    assert.equal(await sender.exited, 1);
    assert.equal((await sender.line('the run ended before everything was sent')).left, 3);
  });

  it('exits with 1 at its deadline when the broker answers nothing, and gives its locks back', async (t) => {
    const site = await createSite(t, keys);
    site.broker.inject({ dropReceipts: { count: 1000, message: 'lost' } });
    const name = addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config({ once: true, onceDeadline: '500ms', broker: { receiptTimeout: '30s' } }));
    assert.equal(await sender.exited, 1);
    assert.deepEqual(filesBelow(site.outgoing), [name]);
  });

  it('counts what another sender has under its lock, which is no error', async (t) => {
    const site = await createSite(t, keys);
    const name = path.join(site.outgoing, addElement(site.outgoing, 'records'));
    linkSync(name, `${name}.lck`);
    addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config({ once: true }));
    assert.equal(await sender.exited, 0);
    const summary = await sender.line('all was sent');
    assert.deepEqual([summary.sent, summary.locked], [1, 1]);
  });

  it('sends also what a dead sender had locked', async (t) => {
    const site = await createSite(t, keys);
    const name = path.join(site.outgoing, addElement(site.outgoing, 'records'));
    linkSync(name, `${name}.lck`);
    await sleep(300);
    const sender = runSender(t, site.config({ once: true, outgoing: { lockAge: '200ms', touchInterval: '50ms' } }));
    assert.equal(await sender.exited, 0);
    const summary = await sender.line('all was sent');
    assert.deepEqual([summary.sent, summary.locked], [1, 0]);
    await sender.line('locks of dead senders freed');
  });

  it('waits for a plain file that was just written', async (t) => {
    const site = await createSite(t, keys);
    putFile(site.outgoing, 'old', 'records');
    const config = site.config({ once: true, outgoing: { layout: 'directory', stability: '1s' } });
    putFile(site.outgoing, 'growing', 'one ');
    const sender = runSender(t, config);
    await sender.line('connected to the broker');
    appendFileSync(path.join(site.outgoing, 'growing'), 'two');
    assert.equal(await sender.exited, 0);
    const bodies = new Map((await arrived(site)).map(({ empaId, body }) => [empaId, body.toString()]));
    assert.deepEqual(
      bodies,
      new Map([
        ['growing', 'one two'],
        ['old', 'records'],
      ]),
    );
  });

  it('sends a file again that failed for a moment, and exits with 0', async (t) => {
    const site = await createSite(t, keys);
    site.broker.inject({ cutAfter: { frames: 2, command: 'SEND', when: 'before-receipt' } });
    for (let index = 0; index < 5; index += 1) addElement(site.outgoing, `record ${index}`);
    assert.equal(await runSender(t, site.config({ once: true })).exited, 0);
    assert.deepEqual(filesBelow(site.outgoing), []);
  });

  it('exits with 1 when it is told to stop before it is done', async (t) => {
    const site = await createSite(t, keys);
    site.broker.inject({ dropReceipts: { count: 1000, message: 'lost' } });
    addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config({ once: true, broker: { receiptTimeout: '30s' }, shutdown: { drain: '400ms' } }));
    await sender.line('connected to the broker');
    assert.equal(await sender.stop(), 1);
  });
});
