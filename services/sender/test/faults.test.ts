import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { addElement, eventually } from '@ssm/test-support';
import { runSender } from './support/run.js';
import { arrived, createSite, type Site, sharedPki } from './support/site.js';
import { filesBelow } from './support/writer.js';

const keys = sharedPki({ after });

function fill(site: Site, count: number): string[] {
  return Array.from({ length: count }, (_, index) => addElement(site.outgoing, `record ${index}`));
}

/** Every file reached the broker at least once, and its copies carry one delivery id. */
async function assertNoneLost(site: Site, names: readonly string[]): Promise<void> {
  await eventually(() => assert.deepEqual(filesBelow(site.outgoing), []), { timeout: 20_000 });
  const messages = await arrived(site);
  assert.deepEqual(new Set(messages.map(({ empaId }) => empaId)), new Set(names));
  for (const name of names)
    assert.equal(new Set(messages.filter(({ empaId }) => empaId === name).map(({ deliveryId }) => deliveryId)).size, 1);
}

describe('a sender and a broker in trouble', () => {
  for (const message of ['kept', 'lost'] as const) {
    it(`sends again what got no receipt (message ${message})`, async (t) => {
      const site = await createSite(t, keys);
      site.broker.inject({ dropReceipts: { count: 3, message } });
      const names = fill(site, 20);
      const sender = runSender(t, site.config({ broker: { receiptTimeout: '300ms' } }));
      await assertNoneLost(site, names);
      // The count follows the removal.
      await eventually(async () => assert.match(await sender.metrics(), /^ssm_messages_total\{result="sent"\} 20$/m));
    });
  }

  it('is not ready while a broker takes everything and confirms nothing, and is when it does again', async (t) => {
    const site = await createSite(t, keys);
    site.broker.inject({ dropReceipts: { count: 1_000_000, message: 'lost' } });
    const names = fill(site, 3);
    const sender = runSender(t, site.config({ broker: { receiptTimeout: '100ms' } }));
    await eventually(() => assert.ok(site.broker.counters.connects >= 3));
    await eventually(async () => assert.match((await sender.ready()).body, /"broker":\{"ready":false,"reason":"[^"]*no receipt in time"/));
    site.broker.clearFaults();
    await assertNoneLost(site, names);
    await eventually(async () => assert.ok((await sender.ready()).ok));
  });

  for (const when of ['before-frame', 'before-receipt', 'after-receipt'] as const) {
    it(`survives a connection cut ${when}`, async (t) => {
      const site = await createSite(t, keys);
      site.broker.inject({ cutAfter: { frames: 7, command: 'SEND', when } });
      const names = fill(site, 30);
      const sender = runSender(t, site.config());
      await assertNoneLost(site, names);
      assert.match(await sender.metrics(), /^ssm_broker_reconnects_total\{.*\} [1-9]/m);
    });
  }

  it('puts into quarantine the one message that the broker refuses, and sends its neighbours', async (t) => {
    const site = await createSite(t, keys);
    const names = fill(site, 10);
    const refused = names[4];
    site.broker.inject({ refuse: ({ headers }) => headers.get('empa-id') === refused });
    const sender = runSender(t, site.config());
    const more = setInterval(() => names.push(...fill(site, 1)), 100);
    const line = await sender.line('file put into quarantine').finally(() => clearInterval(more));
    assert.deepEqual([line.empaId, line.code], [refused, 'message-refused']);
    await eventually(() => assert.deepEqual(filesBelow(site.outgoing), []));
    const messages = await arrived(site);
    assert.deepEqual(new Set(messages.map(({ empaId }) => empaId)), new Set(names.filter((name) => name !== refused)));
  });

  it('is ready again when a broker never answers one message, and all others', async (t) => {
    const site = await createSite(t, keys);
    const [name] = fill(site, 1);
    const only = ({ headers }: { readonly headers: ReadonlyMap<string, string> }): boolean => headers.get('empa-id') === name;
    site.broker.inject({ dropReceipts: { count: 1_000_000, message: 'lost', only } });
    const sender = runSender(t, site.config({ broker: { receiptTimeout: '100ms' } }));
    await sender.line('file not sent, will be tried again');
    const more = setInterval(() => fill(site, 1), 100);
    const line = await sender.line('file put into quarantine').finally(() => clearInterval(more));
    assert.deepEqual([line.empaId, line.code], [name, 'message-refused']);
    assert.ok(sender.lines.some(({ msg }) => msg === 'no receipt from the broker in time'));
    await eventually(async () => assert.ok((await sender.ready()).ok, (await sender.ready()).body));
  });

  it('gives its locks back when the broker is away for long, says so, and goes on when it is back', async (t) => {
    const site = await createSite(t, keys);
    site.broker.inject({ dropReceipts: { count: 1000, message: 'lost' } });
    const names = fill(site, 5);
    const sender = runSender(t, site.config({ outgoing: { releaseAfter: '300ms' }, broker: { receiptTimeout: '10s' } }));
    await eventually(() => assert.ok(site.broker.counters.sends >= 5));
    await site.broker.refuseConnections(true);
    site.broker.cutAll();
    const line = await sender.line('files given back since no broker is connected');
    assert.equal(line.count, 5);
    await eventually(() =>
      assert.deepEqual(
        filesBelow(site.outgoing).filter((name) => name.endsWith('.lck')),
        [],
      ),
    );
    const { ok, body } = await sender.ready();
    assert.equal(ok, false);
    assert.match(body, /"broker":\{"ready":false,"reason"/);
    await eventually(async () => assert.match(await sender.metrics(), /^ssm_queue_elements\{queue="outgoing"\} 5$/m));
    site.broker.clearFaults();
    await site.broker.refuseConnections(false);
    await assertNoneLost(site, names);
  });

  it('shows the backlog and its age before any broker was ever there', async (t) => {
    const site = await createSite(t, keys);
    await site.broker.refuseConnections(true);
    addElement(site.outgoing, 'records', new Date(Date.now() - 3_600_000));
    addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config());
    await eventually(async () => {
      const text = await sender.metrics();
      assert.match(text, /^ssm_queue_elements\{queue="outgoing"\} 2$/m);
      assert.match(text, /^ssm_queue_oldest_age_seconds\{queue="outgoing"\} 36\d\d/m);
    });
  });
});
