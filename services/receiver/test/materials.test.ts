import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DistinguishedName, verifyCertificate } from '@ssm/empa';
import {
  createCertificate,
  createCrl,
  type IssuedCrl,
  type Scope,
  type TrustContent,
  temporaryDirectory,
  writeTrustDirectory,
} from '@ssm/test-support';
import { createStation, type Station } from '../src/station.js';
import { createContext, metricOf, type TestContext } from './support/context.js';
import { configOf, createSite, type Site } from './support/live.js';

const DAY = 86_400_000;

interface Bench {
  readonly site: Site;
  readonly context: TestContext;
  readonly station: Station;
}

async function start(scope: Scope, options: { args?: readonly string[]; now?: () => Date } = {}): Promise<Bench> {
  const site = await createSite(scope);
  const context = createContext(scope);
  const { args = [], now } = options;
  const station = await createStation(configOf(site, ...args), context, now === undefined ? {} : { now });
  return { site, context, station };
}

function reasonOf(context: TestContext, component: string): string | undefined {
  return context.health.ready().components[component]?.reason;
}

describe('the lists', () => {
  it('are used as soon as they are changed for good ones', async (t) => {
    const { context, site, station } = await start(t);
    const b = DistinguishedName.parse(site.pki.sites[1].dn);
    assert.equal(station.pipeline.lists().judge(b), 'dn-not-listed');
    writeFileSync(site.allow, `${site.pki.sites[0].dn}\n${site.pki.sites[1].dn}\n`);
    await context.reload();
    assert.equal(station.pipeline.lists().judge(b), 'allowed');
    assert.equal(await metricOf(context, 'ssm_allowed_signers'), 2);
    assert.ok((await metricOf(context, 'ssm_reloads_total{source="authorisation"}')) >= 1);
  });

  it('say when more than half of the DNs are gone that may send, or of those that may not', async (t) => {
    const deny = path.join(temporaryDirectory(t), 'deny');
    writeFileSync(deny, '');
    const { context, site } = await start(t, { args: [`--authorisation.deny=${deny}`] });
    for (const [name, file] of [
      ['allow', site.allow],
      ['deny', deny],
    ] as const) {
      const lost = (): unknown[] =>
        context.lines
          .filter(({ message }) => message === `the ${name} list has lost more than half of its DNs`)
          .map(({ fields }) => fields);
      const list = async (count: number): Promise<void> => {
        writeFileSync(file, Array.from({ length: count }, (_, index) => `/C=UK/CN=host${index}\n`).join(''));
        await context.reload();
      };
      for (const count of [10, 5, 8]) await list(count);
      assert.deepEqual(lost(), []);
      await list(3);
      await list(3);
      assert.deepEqual(lost(), [{ before: 8, now: 3 }]);
    }
  });

  it('are not taken half-written: nobody is let in who is denied, nor kept out who is allowed', async (t) => {
    const site = await createSite(t);
    const deny = path.join(site.root, 'deny');
    const [good, bad] = site.pki.sites.map(({ dn }) => dn);
    writeFileSync(site.allow, `${bad}\n${good}\n`);
    writeFileSync(deny, `${bad}\n`);
    const context = createContext(t);
    const config = configOf(site, `--authorisation.deny=${deny}`, '--trust.stability=1500ms');
    const station = await createStation(config, context, {});
    const judged = (): string[] => [good, bad].map((dn = '') => station.pipeline.lists().judge(DistinguishedName.parse(dn)));
    assert.deepEqual(judged(), ['allowed', 'dn-denied']);
    // As a download into the file does.
    truncateSync(deny);
    writeFileSync(site.allow, `${bad}\n`);
    const reloaded = context.reload();
    await sleep(150);
    assert.deepEqual(judged(), ['allowed', 'dn-denied']);
    appendFileSync(deny, `${bad}\n# and that is all\n`);
    appendFileSync(site.allow, `${good}\n# and that is all\n`);
    await reloaded;
    assert.deepEqual(judged(), ['allowed', 'dn-denied']);
    assert.equal(await metricOf(context, 'ssm_reload_failed{source="authorisation"}'), 0);
    assert.ok((await metricOf(context, 'ssm_reloads_total{source="authorisation"}')) >= 1);
  });

  it('stay as they were when the new ones are empty, malformed or unreadable', async (t) => {
    const { context, site, station } = await start(t);
    const a = DistinguishedName.parse(site.pki.sites[0].dn);
    const spoil: [string, () => void][] = [
      ['empty', () => writeFileSync(site.allow, '# nobody\n')],
      ['malformed', () => writeFileSync(site.allow, `${site.pki.sites[1].dn}\nnobody\n`)],
      ['missing', () => rmSync(site.allow)],
      ['a directory', () => mkdirSync(site.allow)],
    ];
    for (const [what, action] of spoil) {
      action();
      await context.reload();
      assert.equal(station.pipeline.lists().judge(a), 'allowed', what);
      assert.match(reasonOf(context, 'authorisation') ?? '', /last good one/, what);
      assert.equal(await metricOf(context, 'ssm_reload_failed{source="authorisation"}'), 1, what);
    }
    rmSync(site.allow, { recursive: true });
    writeFileSync(site.allow, site.pki.sites[1].dn);
    await context.reload();
    assert.equal(station.pipeline.lists().judge(a), 'dn-not-listed');
    assert.equal(reasonOf(context, 'authorisation'), undefined);
    assert.equal(await metricOf(context, 'ssm_reload_failed{source="authorisation"}'), 0);
  });

  it('are an error at the start when they cannot be used', async (t) => {
    const site = await createSite(t);
    writeFileSync(site.allow, '\n');
    await assert.rejects(createStation(configOf(site), createContext(t), {}), { code: 'list-empty' });
    rmSync(site.allow);
    await assert.rejects(createStation(configOf(site), createContext(t), {}), { code: 'list-unreadable' });
  });
});

describe('the identity', () => {
  it('is refused at the start when the world can read its key, or when it does not belong to it', async (t) => {
    const site = await createSite(t);
    const { server, sites } = site.pki;
    chmodSync(server.keyPath, 0o644);
    await assert.rejects(createStation(configOf(site), createContext(t), {}), { code: 'key-world-readable' });
    const other = configOf(site, `--identity.key=${sites[1].keyPath}`);
    await assert.rejects(createStation(other, createContext(t), {}), { code: 'key-mismatch' });
  });

  it('is refused at the start when it has expired', async (t) => {
    const site = await createSite(t);
    const late = new Date(Date.now() + 400 * DAY);
    await assert.rejects(createStation(configOf(site), createContext(t), { now: () => late }), { code: 'certificate-expired' });
  });

  it('goes on decrypting when it expires while the service runs, and says so', async (t) => {
    let now = new Date();
    const { context, site, station } = await start(t, { now: () => now });
    assert.equal(reasonOf(context, 'identity'), undefined);
    now = new Date(Date.now() + 400 * DAY);
    writeFileSync(site.pki.server.certificatePath, site.pki.server.issued.certificatePem);
    await context.reload();
    assert.match(reasonOf(context, 'identity') ?? '', /last good one/);
    assert.equal(station.credentials.current.decryption.length, 1);
    assert.ok((await metricOf(context, 'ssm_certificate_remaining_seconds{certificate="identity"}')) < 0);
  });

  it('is replaced by a renewed one, the earlier ones still decrypt though they have expired', async (t) => {
    const site = await createSite(t);
    const { ca, server } = site.pki;
    const [notBefore, notAfter] = [new Date(Date.now() - 2 * DAY), new Date(Date.now() - DAY)];
    const old = createCertificate({ subject: server.dn, issuer: ca, key: 'rsa2048', notBefore, notAfter });
    const pair = ['old.pem', 'old-key.pem'].map((name) => path.join(site.root, name));
    writeFileSync(pair[0] ?? '', old.certificatePem);
    writeFileSync(pair[1] ?? '', old.keyPem, { mode: 0o600 });
    const context = createContext(t);
    const station = await createStation(configOf(site, `--decryption.identities=${pair.join(':')}`), context, {});
    const serials = (): string[] => station.credentials.current.decryption.map(({ certificate }) => certificate.serialNumber);
    const before = serials();
    assert.equal(before.length, 2);
    const renewed = createCertificate({ subject: server.dn, issuer: ca, key: server.issued.key });
    writeFileSync(`${server.certificatePath}.new`, renewed.certificatePem);
    renameSync(`${server.certificatePath}.new`, server.certificatePath);
    await context.reload();
    assert.notEqual(serials()[0], before[0]);
    assert.equal(serials()[1], before[1]);
  });
});

describe('the trust directory', () => {
  it('may come after the start, and is loaded when it is there', async (t) => {
    const site = await createSite(t);
    const away = `${site.pki.trustDirectory}.away`;
    renameSync(site.pki.trustDirectory, away);
    const station = await createStation(configOf(site), createContext(t), {});
    await assert.rejects(station.trust.ready(false), { name: 'LocalTrouble', component: 'trust', code: 'trust-unreadable' });
    assert.throws(() => station.trust.current);
    mkdirSync(site.pki.trustDirectory);
    await assert.rejects(station.trust.ready(false), { name: 'LocalTrouble', component: 'trust', code: 'trust-empty' });
    rmSync(site.pki.trustDirectory, { recursive: true });
    renameSync(away, site.pki.trustDirectory);
    await station.trust.ready(false);
    assert.equal(station.trust.current.anchors.length, 1);
  });

  it('is loaded again without what has not changed being read again', async (t) => {
    const { context, site, station } = await start(t, { args: ['--trust.maximumAge=1ms'] });
    await station.trust.ready(false);
    const first = station.trust.current;
    const { certificate } = station.credentials.current.own;
    const spy = t.mock.method(crypto, 'verify');
    syncBuiltinESMExports();
    const verified = (): number => {
      const before = spy.mock.callCount();
      verifyCertificate(certificate, [], station.trust.current, { now: new Date() });
      return spy.mock.callCount() - before;
    };
    try {
      assert.equal(verified(), 2, 'certificate and CRL');
      await context.reload();
      assert.notEqual(station.trust.current, first);
      assert.equal(verified(), 1, 'the CRL is the one that was verified');
      writeTrustDirectory(site.pki.trustDirectory, {
        cas: [],
        crls: [createCrl({ issuer: site.pki.ca, number: 9, thisUpdate: new Date() })],
      });
      await context.reload();
      assert.equal(verified(), 2, 'certificate and new CRL');
    } finally {
      spy.mock.restore();
      syncBuiltinESMExports();
    }
  });

  it('is waited for while it is being renewed', async (t) => {
    const site = await createSite(t);
    const station = await createStation(configOf(site, '--trust.stability=1s'), createContext(t), {});
    writeFileSync(path.join(site.pki.trustDirectory, 'new.pem'), site.pki.ca.certificatePem);
    await station.trust.ready(false);
    assert.ok(Date.now() - statSync(path.join(site.pki.trustDirectory, 'new.pem')).mtimeMs >= 1000);
  });

  it('keeps its last good state, and wants the newest only where that matters', async (t) => {
    const { context, site, station } = await start(t);
    await station.trust.ready(false);
    const { ca, trustDirectory } = site.pki;
    rmSync(trustDirectory, { recursive: true });
    await context.reload();
    assert.equal(station.trust.current.anchors.length, 1);
    assert.match(reasonOf(context, 'trust') ?? '', /last good one/);
    await station.trust.ready(false);
    await assert.rejects(station.trust.ready(true), { component: 'trust' });
    const nextUpdate = new Date(Date.now() + 30 * DAY);
    writeTrustDirectory(trustDirectory, { cas: [ca], crls: [createCrl({ issuer: ca, nextUpdate })] });
    await station.trust.ready(true);
    assert.equal(reasonOf(context, 'trust'), undefined);
    const shown = await metricOf(context, `ssm_crl_next_update_timestamp_seconds{issuer="${ca.dn}"}`);
    assert.ok(Math.abs(shown - nextUpdate.getTime() / 1000) < 2);
  });

  it('says that a revocation list is gone which was in use', async (t) => {
    const { context, site, station } = await start(t);
    await station.trust.ready(false);
    const { ca, trustDirectory } = site.pki;
    const gone = 'revocation lists that were in use are gone: certificates of these CAs are accepted without one';
    const told = (): unknown[] => context.lines.filter(({ message }) => message === gone).map(({ fields: { cas } }) => cas);
    const withLists = async (...crls: IssuedCrl[]): Promise<void> => {
      rmSync(trustDirectory, { recursive: true });
      writeTrustDirectory(trustDirectory, { cas: [ca], crls });
      await context.reload();
    };
    await withLists(createCrl({ issuer: ca }));
    assert.deepEqual([told(), await metricOf(context, 'ssm_trust_problems')], [[], 0]);
    await withLists();
    await context.reload();
    assert.deepEqual([told(), await metricOf(context, 'ssm_trust_problems')], [[[ca.dn]], 1]);
    await withLists(createCrl({ issuer: ca }));
    assert.deepEqual([told().length, await metricOf(context, 'ssm_trust_problems')], [1, 0]);
  });

  it('misses no revocation list of a CA that was withdrawn itself, but that of one that is back', async (t) => {
    const { context, site, station } = await start(t);
    await station.trust.ready(false);
    const { ca, trustDirectory } = site.pki;
    const other = createCertificate({ subject: '/C=UK/O=eScience/CN=Other CA', key: 'p256', ca: true });
    const problemsWith = async (content: TrustContent): Promise<number> => {
      rmSync(trustDirectory, { recursive: true });
      writeTrustDirectory(trustDirectory, content);
      await context.reload();
      return await metricOf(context, 'ssm_trust_problems');
    };
    const crls = [createCrl({ issuer: ca })];
    assert.equal(await problemsWith({ cas: [ca, other], crls: [...crls, createCrl({ issuer: other })] }), 0);
    assert.equal(await problemsWith({ cas: [ca], crls }), 0);
    assert.equal(await problemsWith({ cas: [ca, other], crls }), 1);
  });
});
