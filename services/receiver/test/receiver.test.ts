import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createCertificate, createCrl, eventually, type Scope, writeTrustDirectory } from '@ssm/test-support';
import { metricOf } from './support/context.js';
import { audits, createSite, DESTINATION, identityOf, identityOfIssued, runReceiver, type Site } from './support/live.js';

async function settled(site: Site): Promise<void> {
  await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 0), { what: 'the broker to be empty' });
}

async function ready(context: Awaited<ReturnType<typeof runReceiver>>): Promise<void> {
  await eventually(() => assert.deepEqual(notReady(context), []), { what: 'readiness' });
}

function notReady(context: Awaited<ReturnType<typeof runReceiver>>): string[] {
  return Object.entries(context.health.ready().components).flatMap(([name, { ready: good, reason }]) =>
    good ? [] : [`${name}: ${reason}`],
  );
}

async function rejectCodes(scope: Scope, prepare: (site: Site) => Promise<void>, ...args: readonly string[]): Promise<string[]> {
  const site = await createSite(scope);
  await prepare(site);
  const context = await runReceiver(scope, site, { args });
  await eventually(() => assert.ok(audits(context).length > 0));
  await settled(site);
  assert.deepEqual(site.stored(), []);
  return site.rejected().map(({ error }) => error?.split(':')[0] ?? '');
}

describe('the receiver, good messages', () => {
  it('stores what is signed, and what is encrypted too, byte for byte', async (t) => {
    const site = await createSite(t);
    const binary = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7) % 256));
    await site.send('records\n', { empaId: '01234567/0123456789abcd' });
    await site.send(binary, { empaId: 'binary', encrypted: true });
    const context = await runReceiver(t, site);
    await eventually(() => assert.equal(site.stored().length, 2));
    await settled(site);
    const signer = site.pki.sites[0].dn;
    const elements = site.stored().toSorted((a, b) => (a.empaid ?? '').localeCompare(b.empaid ?? ''));
    assert.deepEqual(elements, [
      { body: 'records\n', signer, empaid: '01234567/0123456789abcd' },
      { body: binary.toString('latin1'), signer, empaid: 'binary' },
    ]);
    await ready(context);
    await eventually(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="stored"}'), 2));
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
    const message = await site.send('records', { empaId: 'ping' });
    site.put(message);
    const context = await runReceiver(t, site);
    await eventually(() => assert.equal(site.stored().length, 1));
    await settled(site);
    assert.equal(site.stored()[0]?.empaid, 'noid');
    await eventually(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="ping"}'), 2));
    assert.deepEqual(site.rejected(), []);
  });

  it('stores repeated deliveries and re-sent files once', async (t) => {
    const site = await createSite(t);
    site.broker.inject({ repeatDeliveries: 5 });
    for (let i = 0; i < 5; i++) await site.send(`records ${i}`, { empaId: `id ${i}` });
    for (const empaId of ['a', 'b']) await site.send('the same file', { empaId, deliveryId: 'one-file' });
    const context = await runReceiver(t, site);
    await eventually(() => assert.equal(audits(context).length, 12));
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
    await eventually(() => assert.equal(audits(context).at(-1)?.acknowledged, true));
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
    await eventually(() => assert.equal(site.stored().length, 1));
    assert.ok(ca);
  });
});

describe('the receiver, bad messages', () => {
  it('rejects what was tampered with', async (t) => {
    const codes = await rejectCodes(t, async (site) => {
      const message = await site.send('records of site A', { empaId: 'ping' });
      site.put(Buffer.from(message).toString('latin1').replace('site A', 'site B'), 'tampered');
    });
    assert.deepEqual(codes, ['digest-mismatch']);
  });

  it('rejects signers who are not on the list, or on the deny list', async (t) => {
    const unlisted = await rejectCodes(t, async ({ pki, send }) => {
      const { certificatePath, keyPath } = pki.sites[1];
      await send('records', { signer: await identityOf(certificatePath, keyPath) });
    });
    assert.deepEqual(unlisted, ['dn-not-listed']);
    const site = await createSite(t);
    const deny = path.join(site.root, 'deny');
    writeFileSync(deny, site.pki.sites[0].dn);
    await site.send('records');
    await runReceiver(t, site, { args: [`--authorisation.deny=${deny}`] });
    await eventually(() => assert.equal(site.rejected().length, 1));
    const [element] = site.rejected();
    assert.equal(element?.body, 'records');
    assert.equal(element?.signer, site.pki.sites[0].dn);
    assert.match(element?.error ?? '', /^dn-denied/);
  });

  it('rejects another CA, though the DN is the same', async (t) => {
    const codes = await rejectCodes(t, async (site) => {
      const { sites, untrustedCa } = site.pki;
      const look = createCertificate({ subject: sites[0].dn, issuer: untrustedCa });
      await site.send('records', { signer: await identityOfIssued(site, look) });
    });
    assert.deepEqual(codes, ['chain-incomplete']);
  });

  it('rejects expired and revoked certificates', async (t) => {
    const expired = await rejectCodes(t, async (site) => {
      const { ca, sites } = site.pki;
      const day = 86_400_000;
      const [notBefore, notAfter] = [new Date(Date.now() - 2 * day), new Date(Date.now() - day)];
      const issued = createCertificate({ subject: sites[0].dn, issuer: ca, notBefore, notAfter });
      await site.send('records', { signer: await identityOfIssued(site, issued) });
    });
    assert.deepEqual(expired, ['certificate-expired']);
    const revoked = await rejectCodes(t, async (site) => {
      const { ca, sites, trustDirectory } = site.pki;
      rmSync(trustDirectory, { recursive: true });
      writeTrustDirectory(trustDirectory, { cas: [ca], crls: [createCrl({ issuer: ca, revoked: [sites[0].issued] })] });
      await site.send('records');
    });
    assert.deepEqual(revoked, ['certificate-revoked']);
  });

  it('rejects what is no message, what is encrypted to somebody else, and what is too large', async (t) => {
    const site = await createSite(t);
    site.put('not a message', 'junk');
    site.put('', 'empty');
    await site.send('x'.repeat(2000), { empaId: 'large' });
    const context = await runReceiver(t, site, { args: ['--limits.body=1000'] });
    await eventually(() => assert.equal(site.rejected().length, 3));
    await settled(site);
    assert.ok(site.rejected().every(({ error }) => error !== undefined && /^[a-z-]+: /.test(error)));
    await eventually(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="rejected"}'), 3));
    assert.equal(await metricOf(context, 'ssm_queue_elements{queue="reject"}'), 3);
  });

  it('bounds the reject queue, and never lets junk block good messages', async (t) => {
    const site = await createSite(t);
    for (let i = 0; i < 30; i++) site.put(`junk ${i}`, `junk ${i}`);
    await site.send('records');
    const context = await runReceiver(t, site, { args: ['--reject.maximumCount=8'] });
    await eventually(() => assert.equal(site.stored().length, 1));
    await settled(site);
    assert.equal(site.rejected().length, 6);
    const code = site.rejected()[0]?.error?.split(':')[0];
    await eventually(async () => assert.equal(await metricOf(context, `ssm_rejects_reduced_total{code="${code}"}`), 24));
    assert.equal(await metricOf(context, `ssm_rejected_messages_total{code="${code}"}`), 30);
  });

  it('keeps a hostile id as a harmless text', async (t) => {
    const site = await createSite(t);
    await site.send('records', { empaId: '../../../etc/cron.d/x\u0007' });
    await runReceiver(t, site);
    await eventually(() => assert.equal(site.stored().length, 1));
    assert.equal(site.stored()[0]?.empaid, String.raw`../../../etc/cron.d/x\x07`);
  });
});
