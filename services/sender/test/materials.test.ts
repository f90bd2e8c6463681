import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  addElement,
  type CertificateOptions,
  cachedKey,
  createCertificate,
  createCrl,
  eventually,
  type IssuedCertificate,
  type IssuedCrl,
  writeTrustDirectory,
} from '@ssm/test-support';
import { type LogLine, runSender } from './support/run.js';
import { arrived, type ConfigPatch, createSite, DESTINATION, type Site, sharedPki } from './support/site.js';
import { filesBelow } from './support/writer.js';

const keys = sharedPki({ after });
const HOUR = 3_600_000;

function issue(name: string, more: Partial<CertificateOptions> = {}): IssuedCertificate {
  return createCertificate({ subject: `/C=UK/O=eScience/OU=Demo/CN=${name}`, issuer: keys.ca, key: cachedKey('rsa2048'), ...more });
}

type Files = { readonly certificate: string; readonly key: string };

function write(site: Site, name: string, issued: IssuedCertificate): Files {
  const files = { certificate: path.join(site.directory, `${name}.pem`), key: path.join(site.directory, `${name}-key.pem`) };
  writeFileSync(files.key, issued.keyPem, { mode: 0o600 });
  writeFileSync(files.certificate, issued.certificatePem);
  return files;
}

/** A trust directory of the site's own, that can be changed. */
function copyTrust(site: Site): string {
  const directory = path.join(site.directory, 'certificates');
  cpSync(keys.trustDirectory, directory, { recursive: true });
  return directory;
}

function replaceCrl(directory: string, crl: IssuedCrl): void {
  for (const file of readdirSync(directory).filter((name) => /\.r\d+$/.test(name))) rmSync(path.join(directory, file));
  writeTrustDirectory(directory, { cas: [], crls: [crl] });
}

/** The code of the error for which the start was refused, through its causes. */
async function refusal(site: Site, scope: Parameters<typeof runSender>[0], config: ConfigPatch, exitCode = 1): Promise<unknown[]> {
  const sender = runSender(scope, site.config(config));
  const line = await sender.line('start failed');
  assert.equal(await sender.exited, exitCode);
  return codesOf(line.error);
}

function codesOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const code = 'code' in error ? [error.code] : [];
  return [...code, ...('cause' in error ? codesOf(error.cause) : [])];
}

describe('a start is refused for', () => {
  it('brokers and headers that cannot work, as a fault of the configuration', async (t) => {
    const site = await createSite(t, keys);
    const twice = { broker: { urls: ['stomp://h:1', 'stomp://h:1'] } };
    for (const config of [twice, { broker: { headers: ['destination=/queue/x'] } }])
      assert.deepEqual(await refusal(site, t, config, 2), ['config-invalid', 'options-invalid']);
  });

  it('an expired certificate', async (t) => {
    const site = await createSite(t, keys);
    const identity = write(
      site,
      'expired',
      issue('expired', { notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) }),
    );
    assert.deepEqual(await refusal(site, t, { identity }), ['certificate-expired']);
  });

  it('a key that the world can read', async (t) => {
    const site = await createSite(t, keys);
    const identity = write(site, 'open', issue('open'));
    chmodSync(identity.key, 0o644);
    assert.deepEqual(await refusal(site, t, { identity }), ['key-world-readable']);
  });

  it('a key of another certificate', async (t) => {
    const site = await createSite(t, keys);
    const identity = {
      ...write(site, 'one', issue('one')),
      key: write(site, 'other', issue('other', { key: cachedKey('rsa2048', 1) })).key,
    };
    assert.deepEqual(await refusal(site, t, { identity }), ['key-mismatch']);
  });

  it('a trust directory without a CA', async (t) => {
    const site = await createSite(t, keys);
    const directory = path.join(site.directory, 'empty');
    mkdirSync(directory);
    assert.deepEqual(await refusal(site, t, { trust: { directory } }), ['trust-empty']);
  });

  const recipients: readonly (readonly [what: string, make: (site: Site) => string, codes: readonly string[]])[] = [
    ['its own certificate as recipient', () => keys.sites[0].certificatePath, ['recipient-is-self']],
    [
      'a recipient with an EC key',
      (site) => write(site, 'ec', issue('ec', { key: cachedKey('p256') })).certificate,
      ['recipient-unsupported'],
    ],
    ['a recipient of an unknown CA', () => keys.untrusted.certificatePath, ['recipient-not-valid', 'chain-incomplete']],
    [
      'an expired recipient',
      (site) =>
        write(site, 'late', issue('late', { notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) }))
          .certificate,
      ['recipient-not-valid'],
    ],
    ['a recipient that is not there', (site) => path.join(site.directory, 'none.pem'), ['recipient-unreadable', 'ENOENT']],
  ];
  for (const [what, make, codes] of recipients) {
    it(what, async (t) => {
      const site = await createSite(t, keys);
      assert.deepEqual(await refusal(site, t, { encryption: { recipients: [make(site)] } }), codes);
    });
  }

  it('locks that would be touched too seldom', async (t) => {
    const site = await createSite(t, keys);
    const sender = runSender(t, site.config({ outgoing: { touchInterval: '400s' } }));
    assert.equal(await sender.exited, 2);
  });
});

describe('keys and certificates of a running sender', () => {
  it('warns of a certificate that ends within a day', async (t) => {
    const site = await createSite(t, keys);
    const identity = write(site, 'soon', issue('soon', { notAfter: new Date(Date.now() + HOUR) }));
    const sender = runSender(t, site.config({ identity }));
    const line = await sender.line('the identity has a problem');
    assert.deepEqual([line.level, line.code], ['warn', 'certificate-expires-soon']);
  });

  it('seals nothing and quarantines nothing while the certificate is expired, and goes on when it is renewed', async (t) => {
    const site = await createSite(t, keys);
    const start = new Date();
    const identity = write(site, 'host', issue('host', { notAfter: new Date(start.getTime() + 2500) }));
    const sender = runSender(t, site.config({ identity }));
    addElement(site.outgoing, 'before');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    const refused: LogLine = await sender.line('no message can be sealed now; everything stays in the outgoing volume');
    assert.deepEqual(codesOf(refused.error), ['identity-not-valid']);
    const name = addElement(site.outgoing, 'while expired');
    await eventually(async () => assert.match((await sender.ready()).body, /"identity":\{"ready":false,"reason"/));
    assert.deepEqual(filesBelow(site.outgoing), [name]);
    assert.equal(
      sender.lines.some(({ msg }) => msg === 'file put into quarantine'),
      false,
    );

    write(site, 'host', issue('host renewed'));
    sender.signal('SIGHUP');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 2));
    assert.deepEqual(
      (await arrived(site, start)).map(({ body, signer }) => [body.toString(), signer.replace(/.*CN=/, '')]),
      [
        ['before', 'host'],
        ['while expired', 'host renewed'],
      ],
    );
    await eventually(async () => assert.ok((await sender.ready()).ok));
  });

  it('uses a renewed certificate, and keeps the old one while the new pair does not match', async (t) => {
    const site = await createSite(t, keys);
    const identity = write(site, 'host', issue('host'));
    const sender = runSender(t, site.config({ identity }));
    await sender.line('connected to the broker');
    const renewed = issue('host renewed', { key: cachedKey('rsa2048', 1) });
    writeFileSync(identity.certificate, renewed.certificatePem);
    sender.signal('SIGHUP');
    await sender.line('cannot be loaded again, the last good one stays in use');
    assert.match(await sender.metrics(), /^ssm_reload_failed\{source="identity"\} 1$/m);
    addElement(site.outgoing, 'with the old one');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    writeFileSync(identity.key, renewed.keyPem);
    sender.signal('SIGHUP');
    await sender.line('loaded again, and in use');
    addElement(site.outgoing, 'with the new one');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 2));
    assert.deepEqual(
      (await arrived(site)).map(({ signer }) => signer.replace(/.*CN=/, '')),
      ['host', 'host renewed'],
    );
    assert.match(await sender.metrics(), /^ssm_reload_failed\{source="identity"\} 0$/m);
  });

  it('goes on with the trust it had while the directory cannot be used, and says so', async (t) => {
    const site = await createSite(t, keys);
    const directory = copyTrust(site);
    const sender = runSender(t, site.config({ trust: { directory } }));
    await sender.line('connected to the broker');
    rmSync(directory, { recursive: true });
    sender.signal('SIGHUP');
    await sender.line('cannot be loaded again, the last good one stays in use');
    assert.match((await sender.ready()).body, /"trust":\{"ready":false,"reason"/);
    addElement(site.outgoing, 'records');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    copyTrust(site);
    sender.signal('SIGHUP');
    await eventually(async () => assert.ok((await sender.ready()).ok));
  });

  it('writes nothing to a recipient that was revoked, and goes on with its new certificate', async (t) => {
    const site = await createSite(t, keys);
    const directory = copyTrust(site);
    const server = issue('server');
    const { certificate } = write(site, 'server', server);
    const sender = runSender(t, site.config({ trust: { directory }, encryption: { recipients: [certificate] } }));
    await sender.line('connected to the broker');
    replaceCrl(directory, createCrl({ issuer: keys.ca, revoked: [server] }));
    sender.signal('SIGHUP');
    const refused = await sender.line('no message can be sealed now; everything stays in the outgoing volume');
    assert.deepEqual(codesOf(refused.error), ['recipient-not-valid', 'certificate-revoked']);
    const name = addElement(site.outgoing, 'records');
    await eventually(async () => assert.equal((await sender.ready()).ok, false));
    assert.deepEqual(filesBelow(site.outgoing), [name]);

    copyFileSync(keys.server.certificatePath, certificate);
    sender.signal('SIGHUP');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    assert.equal((await arrived(site))[0]?.encrypted, true);
  });

  it('seals nothing while its own certificate is revoked, and goes on when it is renewed', async (t) => {
    const site = await createSite(t, keys);
    const directory = copyTrust(site);
    const own = issue('own');
    const identity = write(site, 'own', own);
    const sender = runSender(t, site.config({ identity, trust: { directory } }));
    await sender.line('connected to the broker');
    replaceCrl(directory, createCrl({ issuer: keys.ca, revoked: [own] }));
    sender.signal('SIGHUP');
    const refused = await sender.line('no message can be sealed now; everything stays in the outgoing volume');
    assert.deepEqual(codesOf(refused.error), ['identity-not-valid', 'certificate-revoked']);
    const name = addElement(site.outgoing, 'records');
    await eventually(async () => assert.match((await sender.ready()).body, /revoked/));
    assert.deepEqual(filesBelow(site.outgoing), [name]);

    write(site, 'own', issue('own'));
    sender.signal('SIGHUP');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
  });

  it('is not started with a revoked certificate, also not for a run that ends', async (t) => {
    const site = await createSite(t, keys);
    const directory = copyTrust(site);
    const own = issue('own');
    const identity = write(site, 'own', own);
    replaceCrl(directory, createCrl({ issuer: keys.ca, revoked: [own] }));
    const name = addElement(site.outgoing, 'records');
    assert.deepEqual(await refusal(site, t, { identity, trust: { directory }, once: true }), ['identity-not-valid', 'certificate-revoked']);
    assert.deepEqual(filesBelow(site.outgoing), [name]);
  });

  it('warns once when its own certificate does not verify, and goes on', async (t) => {
    const site = await createSite(t, keys);
    const directory = copyTrust(site);
    const sender = runSender(t, site.config({ trust: { directory } }));
    await sender.line('connected to the broker');
    const old = new Date(Date.now() - HOUR);
    replaceCrl(directory, createCrl({ issuer: keys.ca, thisUpdate: new Date(old.getTime() - HOUR), nextUpdate: old }));
    sender.signal('SIGHUP');
    const warning = await sender.line('the own certificate does not verify here; the receiver may refuse what it signs');
    assert.deepEqual(codesOf(warning.error), ['crl-expired']);
    addElement(site.outgoing, 'records');
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 1));
    replaceCrl(directory, createCrl({ issuer: keys.ca }));
    sender.signal('SIGHUP');
    await sender.line('the own certificate verifies again');
    assert.equal(sender.lines.filter(({ msg }) => msg === warning.msg).length, 1);
  });
});
