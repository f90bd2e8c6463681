import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { addElement, eventually } from '@ssm/test-support';
import { runSender, startSenderProcess } from './support/run.js';
import { createSite, DESTINATION, type Site, sharedPki } from './support/site.js';
import { filesBelow } from './support/writer.js';

const keys = sharedPki({ after });

function fill(site: Site, count: number): string[] {
  return Array.from({ length: count }, (_, index) => addElement(site.outgoing, `record ${index}`));
}

describe('the end of a sender', () => {
  it('at SIGTERM in a burst: what is in flight is confirmed, the rest stays, nothing is sent twice', async (t) => {
    const site = await createSite(t, keys);
    const names = fill(site, 400);
    site.broker.inject({ delayMs: 30 });
    const child = await startSenderProcess(t, site.config({ broker: { window: 10 } }));
    await eventually(() => assert.ok(site.broker.counters.sends >= 30));
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output('stderr'));
    const sent = site.broker.messages(DESTINATION).map(({ headers }) => headers.get('empa-id'));
    assert.ok(sent.length < names.length);
    assert.deepEqual(new Set([...sent, ...filesBelow(site.outgoing)]), new Set(names), 'no lock is left, no file is lost');
    assert.equal(sent.length + filesBelow(site.outgoing).length, names.length);
  });

  it('at SIGTERM while it starts: nothing is sent any more, and it ends at once', async (t) => {
    const site = await createSite(t, keys);
    const names = fill(site, 50);
    let told = false;
    // The clock is asked while the volume is prepared.
    const now = (): Date => {
      if (!told) sender.signal('SIGTERM');
      told = true;
      return new Date();
    };
    const sender = runSender(t, site.config({ shutdown: { drain: '10s' } }), { now });
    assert.equal(await sender.exited, 0);
    assert.ok(told);
    assert.ok(sender.lines.every(({ msg }) => msg !== 'files given back since the service stops' && msg !== 'stop took too long'));
    assert.deepEqual(filesBelow(site.outgoing).toSorted(), names.toSorted());
  });

  it('gives back what got no answer, before the deadline', async (t) => {
    const site = await createSite(t, keys);
    site.broker.inject({ dropReceipts: { count: 1000, message: 'lost' } });
    const names = fill(site, 5);
    const sender = runSender(t, site.config({ broker: { receiptTimeout: '30s' }, shutdown: { drain: '1s' } }));
    await eventually(() => assert.equal(site.broker.counters.sends, 5));
    assert.equal(await sender.stop(), 0);
    assert.deepEqual(filesBelow(site.outgoing).toSorted(), names.toSorted());
  });
});
