import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createCertificate, createCrl, type Scope, writeTrustDirectory } from '@ssm/test-support';
import { metricOf } from './support/context.js';
import { audits, createSite, identityOf, identityOfIssued, runReceiver, type Site, settled, soon } from './support/live.js';

async function rejectCodes(scope: Scope, prepare: (site: Site) => Promise<void>, ...args: readonly string[]): Promise<string[]> {
  const site = await createSite(scope);
  await prepare(site);
  const context = await runReceiver(scope, site, { args });
  await soon(() => assert.ok(audits(context).length > 0));
  await settled(site);
  assert.deepEqual(site.stored(), []);
  return site.rejected().map(({ error }) => error?.split(':')[0] ?? '');
}

describe('the receiver, bad messages', { concurrency: 4 }, () => {
  it('rejects what was tampered with', async (t) => {
    const codes = await rejectCodes(t, async (site) => {
      const message = await site.seal('records of site A');
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
    await soon(() => assert.equal(site.rejected().length, 1));
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
    await soon(() => assert.equal(site.rejected().length, 3));
    await settled(site);
    assert.ok(site.rejected().every(({ error }) => error !== undefined && /^[a-z-]+: /.test(error)));
    await soon(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="rejected"}'), 3));
    assert.equal(await metricOf(context, 'ssm_queue_elements{queue="reject"}'), 3);
  });

  it('bounds the reject queue, and never lets junk block good messages', async (t) => {
    const site = await createSite(t);
    for (let i = 0; i < 30; i++) site.put(`junk ${i}`, `junk ${i}`);
    await site.send('records');
    const context = await runReceiver(t, site, { args: ['--reject.maximumCount=8'] });
    await soon(() => assert.equal(site.stored().length, 1));
    await settled(site);
    assert.equal(site.rejected().length, 6);
    const code = site.rejected()[0]?.error?.split(':')[0];
    await soon(async () => assert.equal(await metricOf(context, `ssm_rejects_reduced_total{code="${code}"}`), 24));
    assert.equal(await metricOf(context, `ssm_rejected_messages_total{code="${code}"}`), 30);
  });

  it('goes on for all others, however many copies somebody makes of a message that waits for our trust', async (t) => {
    const site = await createSite(t);
    const { ca, sites, trustDirectory } = site.pki;
    const otherCa = createCertificate({ subject: '/CN=another CA', ca: true });
    const other = createCertificate({ subject: '/CN=innocent.example.org', issuer: otherCa });
    writeFileSync(site.allow, `${sites[0].dn}\n${other.dn}\n`);
    const day = 86_400_000;
    const old = createCrl({ issuer: ca, thisUpdate: new Date(Date.now() - 2 * day), nextUpdate: new Date(Date.now() - day) });
    rmSync(trustDirectory, { recursive: true });
    writeTrustDirectory(trustDirectory, { cas: [ca, otherCa], crls: [old, createCrl({ issuer: otherCa })] });
    const captured = await site.seal('records');
    for (let i = 0; i < 40; i++) site.put(Buffer.concat([Buffer.from(`X-${i}: ${i}\n`), captured]), `${i}`);
    await site.send('others', { signer: await identityOfIssued(site, other) });
    const context = await runReceiver(t, site, { args: ['--reject.maximumCount=8'] });
    await soon(() => assert.equal(site.stored().length, 1));
    await settled(site);
    assert.equal(site.rejected().length, 7);
    await soon(async () => assert.equal(await metricOf(context, 'ssm_messages_total{result="rejected"}'), 40));
    assert.equal(await metricOf(context, 'ssm_messages_total{result="retry"}'), 0);
  });

  it('keeps a hostile id as a harmless text', async (t) => {
    const site = await createSite(t);
    await site.send('records', { empaId: '../../../etc/cron.d/x\u0007' });
    await runReceiver(t, site);
    await soon(() => assert.equal(site.stored().length, 1));
    assert.equal(site.stored()[0]?.empaid, String.raw`../../../etc/cron.d/x\x07`);
  });
});
