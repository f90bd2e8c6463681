import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { metricOf } from './support/context.js';
import { audits, createSite, DESTINATION, ready, runReceiver, settled, soon, startBroker } from './support/live.js';

describe('the receiver, good messages', { concurrency: 4 }, () => {
  it('stores what is signed, and what is encrypted too, byte for byte', async (t) => {
    const site = await createSite(t);
    const binary = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7) % 256));
    await site.send('records\n', { empaId: '01234567/0123456789abcd' });
    await site.send(binary, { empaId: 'binary', encrypted: true });
    const context = await runReceiver(t, site);
    await soon(() => assert.equal(site.stored().length, 2));
    await settled(site);
    const signer = site.pki.sites[0].dn;
    const elements = site.stored().toSorted((a, b) => (a.empaid ?? '').localeCompare(b.empaid ?? ''));
    assert.deepEqual(elements, [
      { body: 'records\n', signer, empaid: '01234567/0123456789abcd' },
      { body: binary.toString('latin1'), signer, empaid: 'binary' },
    ]);
    await ready(context);
    await soon(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="stored"}'), 2));
    assert.equal(await metricOf(context, 'ssm_bytes_total{result="stored"}'), 3008);
    assert.equal(await metricOf(context, `ssm_broker_connected{broker="127.0.0.1:${site.broker.port}"}`), 1);
    assert.ok((await metricOf(context, `ssm_signer_last_message_timestamp_seconds{signer="${signer}"}`)) > 1e9);
    assert.ok((await metricOf(context, 'ssm_certificate_remaining_seconds{certificate="identity"}')) > 86_400);
    assert.deepEqual(
      audits(context)
        .map(({ encrypted, result, signer: who }) => [result, who, encrypted])
        .toSorted((a, b) => Number(a[2]) - Number(b[2])),
      [
        ['stored', signer, false],
        ['stored', signer, true],
      ],
    );
    assert.doesNotMatch(JSON.stringify(context.lines), /records/);
  });

  it('ignores pings, and writes noid for a message without id', async (t) => {
    const site = await createSite(t);
    site.put('whatever', 'ping');
    site.put(await site.seal('records'));
    const context = await runReceiver(t, site);
    await soon(() => assert.equal(site.stored().length, 1));
    await settled(site);
    assert.equal(site.stored()[0]?.empaid, 'noid');
    await soon(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="ping"}'), 1));
    assert.deepEqual(site.rejected(), []);
  });

  it('stores repeated deliveries and re-sent files once', async (t) => {
    const site = await createSite(t);
    site.broker.inject({ repeatDeliveries: 5 });
    for (let i = 0; i < 5; i++) await site.send(`records ${i}`, { empaId: `id ${i}` });
    for (const empaId of ['a', 'b']) await site.send('the same file', { empaId, deliveryId: 'one-file' });
    const context = await runReceiver(t, site);
    await soon(() => assert.equal(audits(context).length, 12));
    await settled(site);
    assert.equal(site.stored().length, 6);
    assert.equal(await metricOf(context, 'ssm_messages_total{result="duplicate"}'), 6);
    assert.ok(
      audits(context)
        .filter(({ result }) => result === 'duplicate')
        .every(({ firstStored }) => firstStored instanceof Date),
    );
  });

  it('finds what was stored before the connection was lost', async (t) => {
    const site = await createSite(t);
    let cuts = 3;
    const context = await runReceiver(t, site, {
      onStage: (stage) => {
        if (stage !== 'store' || cuts === 0) return;
        cuts -= 1;
        site.broker.cutAll();
      },
    });
    await site.send('records');
    await soon(() => assert.equal(audits(context).at(-1)?.acknowledged, true));
    await settled(site);
    assert.equal(cuts, 0);
    assert.equal(site.stored().length, 1);
    assert.equal(await metricOf(context, 'ssm_messages_total{result="stored"}'), 1);
    assert.ok((await metricOf(context, 'ssm_unacknowledged_messages_total')) >= 3);
    await ready(context);
  });

  it('still decrypts what was encrypted to an earlier certificate', async (t) => {
    const site = await createSite(t);
    const { ca, server, sites } = site.pki;
    await site.send('records', { encrypted: true });
    const old = `${server.certificatePath}:${server.keyPath}`;
    const renewed = [`--identity.certificate=${sites[1].certificatePath}`, `--identity.key=${sites[1].keyPath}`];
    await runReceiver(t, site, { args: [...renewed, `--decryption.identities=${old}`] });
    await soon(() => assert.equal(site.stored().length, 1));
    assert.ok(ca);
  });

  it('takes from every broker of the list at once, and is ready while one of them is there', async (t) => {
    const site = await createSite(t);
    const other = await startBroker(t, site.pki);
    const args = [`--broker.urls=${[site.broker, other].map(({ port }) => `stomp+ssl://127.0.0.1:${port}`).join(',')}`];
    const message = await site.send('records');
    other.publish(DESTINATION, { 'empa-id': 'id' }, message);
    const context = await runReceiver(t, site, { args });
    await soon(() =>
      assert.deepEqual(
        [site.broker, other].map((broker) => broker.queueDepth(DESTINATION)),
        [0, 0],
      ),
    );
    assert.equal(site.stored().length, 1);
    await other.close();
    await soon(async () => assert.equal(await metricOf(context, `ssm_broker_connected{broker="127.0.0.1:${other.port}"}`), 0));
    await ready(context);
  });

  it('stores each message once with two receivers on one volume', async (t) => {
    const site = await createSite(t);
    const receivers = [await runReceiver(t, site), await runReceiver(t, site)];
    for (const receiver of receivers) await ready(receiver);
    for (let i = 0; i < 40; i++) {
      const message = await site.seal(`records ${i}`);
      for (let copy = 0; copy < 2; copy++) site.put(message, `id ${i}`);
    }
    await soon(() => assert.equal(receivers.flatMap(audits).length, 80));
    await settled(site);
    const ids = site.stored().map(({ empaid }) => empaid);
    assert.deepEqual([ids.length, new Set(ids).size], [40, 40]);
    assert.ok(receivers.every((receiver) => audits(receiver).length > 0));
  });
});

describe('an idle receiver', { concurrency: 4 }, () => {
  for (const volume of ['incoming', 'reject', 'record'] as const)
    it(`is not ready while ${volume} is away, and goes on by itself`, async (t) => {
      const site = await createSite(t);
      const directory = path.join(site.root, volume);
      const args = [`--deduplication.path=${path.join(site.root, 'record')}`];
      const context = await runReceiver(t, site, { args, probeIntervalMs: 50 });
      await ready(context);
      renameSync(directory, `${directory}.away`);
      const component = volume === 'record' ? 'delivery-record' : volume;
      await soon(() => assert.equal(context.health.ready().components[component]?.ready, false));
      assert.equal(await metricOf(context, 'ssm_consuming'), 0);
      renameSync(`${directory}.away`, directory);
      await ready(context);
      await site.send('records', { empaId: 'after' });
      await soon(() => assert.equal(site.stored().length, 1));
    });
});
