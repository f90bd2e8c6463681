import assert from 'node:assert/strict';
import { mkdirSync, promises, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { NormalReader } from '@ssm/spool';
import { cachedKey, createCertificate, createCrl, type IssuedCertificate, type Scope, writeTrustDirectory } from '@ssm/test-support';
import { NO_NEED } from '../src/guard.js';
import { type ReplayOptions, startReplay } from '../src/replay.js';
import { createStation, prepareStation, receive } from '../src/station.js';
import { createContext } from './support/context.js';
import { fakeDelivery } from './support/fake-subscriber.js';
import { configOf, createSite, identityOfIssued, type Site } from './support/live.js';

const DAY = 86_400_000;

/** What a receiver would have done with these messages. */
async function receiveAll(
  scope: Scope,
  site: Site,
  messages: readonly Uint8Array[],
  { args = [], now = new Date() }: { readonly args?: readonly string[]; readonly now?: Date } = {},
): Promise<void> {
  const context = createContext(scope);
  const station = await createStation(configOf(site, ...args), context, { now: () => now });
  await prepareStation(station, NO_NEED, context);
  for (const body of messages) await receive(station, station.pipeline, fakeDelivery({ body, empaId: undefined }), context.log);
  await context.stop();
}

async function replay(scope: Scope, site: Site, options: ReplayOptions = {}): Promise<number | undefined> {
  const context = createContext(scope);
  const { done } = await startReplay(configOf(site), context, options);
  return await done;
}

function useCrl(site: Site, nextUpdate: Date): void {
  const { ca, trustDirectory } = site.pki;
  rmSync(trustDirectory, { recursive: true });
  const crls = [createCrl({ issuer: ca, thisUpdate: new Date(Date.now() - 2 * DAY), nextUpdate })];
  writeTrustDirectory(trustDirectory, { cas: [ca], crls });
}

describe('startReplay', () => {
  it('stores what was rejected for an old CRL, when that is renewed, and leaves the rest', async (t) => {
    const site = await createSite(t);
    useCrl(site, new Date(Date.now() - DAY));
    const plain = await site.seal('plain');
    const encrypted = await site.seal('encrypted', { encrypted: true });
    const tampered = Buffer.from(Buffer.from(plain).toString('latin1').replace('plain', 'PLAIN'), 'latin1');
    await receiveAll(t, site, [plain, encrypted, tampered]);
    assert.deepEqual(
      site.rejected().map(({ body, error }) => [body?.slice(0, 9), error?.split(':')[0]]),
      [
        ['plain', 'crl-expired'],
        ['encrypted', 'crl-expired'],
        [tampered.toString('latin1').slice(0, 9), 'digest-mismatch'],
      ],
    );
    assert.equal(await replay(t, site), 0);
    assert.equal(site.rejected().length, 3);

    useCrl(site, new Date(Date.now() + DAY));
    assert.equal(await replay(t, site), 0);
    assert.deepEqual(
      site.rejected().map(({ error }) => error?.split(':')[0]),
      ['digest-mismatch'],
    );
    const signer = site.pki.sites[0].dn;
    assert.deepEqual(site.stored(), [
      { body: 'plain', signer, empaid: 'noid' },
      { body: 'encrypted', signer, empaid: 'noid' },
    ]);
  });

  it('goes on after what it cannot try, and ends with 1 where this machine is the reason', async (t) => {
    const site = await createSite(t);
    useCrl(site, new Date(Date.now() - DAY));
    await receiveAll(t, site, [await site.seal('one'), await site.seal('two')]);
    useCrl(site, new Date(Date.now() + DAY));
    mkdirSync(`${site.reject}/00000000/00000000000001`);
    const { mkdir } = promises;
    let refused = 0;
    // As of another user's element, which was restored as root.
    const mocked = t.mock.method(promises, 'mkdir', async (...args: Parameters<typeof mkdir>) => {
      if (!String(args[0]).endsWith('/locked') || String(args[0]).includes('00000000000001')) return await mkdir(...args);
      refused += 1;
      if (refused === 1) throw Object.assign(new Error('not ours'), { code: 'EACCES' });
      return await mkdir(...args);
    });
    assert.equal(await replay(t, site), 1);
    assert.equal(site.stored().length, 1);
    mocked.mock.restore();
    assert.equal(await replay(t, site), 0, 'an element that is damaged is left');
    assert.equal(site.stored().length, 2);
  });

  it('stores a message of which others had made copies before, to be refused for the sake of another CA', async (t) => {
    const site = await createSite(t);
    const { ca, trustDirectory } = site.pki;
    const otherCa = createCertificate({ subject: '/CN=other root', ca: true });
    // The same CA below two roots: whoever has a message can have it carry the other certificate.
    const [sub, crossed] = [ca, otherCa].map((issuer) =>
      createCertificate({ subject: '/CN=sub', issuer, key: cachedKey('p256'), ca: true }),
    );
    assert.ok(sub !== undefined && crossed !== undefined);
    const leaf = createCertificate({ subject: '/CN=listed', issuer: sub });
    writeFileSync(site.allow, leaf.dn);
    const now = new Date();
    const sealed = async (issuer: IssuedCertificate): Promise<Buffer> => {
      const signer = await identityOfIssued(site, { ...leaf, certificatePem: leaf.certificatePem + issuer.certificatePem });
      return Buffer.from(await site.seal('records', { signer, now, deliveryId: 'one' }));
    };
    const old = { thisUpdate: new Date(Date.now() - 2 * DAY), nextUpdate: new Date(Date.now() - DAY) };
    const crlOfOther = createCrl({ issuer: otherCa, ...old });
    writeTrustDirectory(trustDirectory, { cas: [ca, otherCa], crls: [createCrl({ issuer: ca, ...old }), crlOfOther] });
    const copy = await sealed(crossed);
    const copies = Array.from({ length: 20 }, (_, i) => Buffer.concat([Buffer.from(`X-${i}: ${i}\n`), copy]));
    await receiveAll(t, site, [...copies, await sealed(sub)], { args: ['--reject.maximumCount=12'] });
    // Nine of anybody, and one for each reason.
    assert.equal(site.rejected().length, 11);

    rmSync(trustDirectory, { recursive: true });
    writeTrustDirectory(trustDirectory, { cas: [ca, otherCa], crls: [createCrl({ issuer: ca }), crlOfOther] });
    assert.equal(await replay(t, site), 0);
    assert.deepEqual(site.stored(), [{ body: 'records', signer: leaf.dn, empaid: 'noid' }]);
    assert.equal(site.rejected().length, 10);
  });

  it('stores what was rejected because the clock here was wrong', async (t) => {
    const site = await createSite(t);
    const { ca, sites } = site.pki;
    const issued = createCertificate({ subject: sites[0].dn, issuer: ca, notAfter: new Date(Date.now() + DAY) });
    const message = await site.seal('records', { signer: await identityOfIssued(site, issued) });
    await receiveAll(t, site, [message], { now: new Date(Date.now() + 2 * DAY) });
    assert.match(site.rejected()[0]?.error ?? '', /^certificate-expired/);
    assert.equal(await replay(t, site), 0);
    assert.deepEqual(site.rejected(), []);
    assert.deepEqual(
      site.stored().map(({ body }) => body),
      ['records'],
    );
  });

  it('takes out of the queue what was stored in another way meanwhile', async (t) => {
    const site = await createSite(t);
    const message = await site.seal('records');
    writeFileSync(site.allow, '/C=UK/CN=somebody else\n');
    await receiveAll(t, site, [message]);
    assert.equal(site.rejected().length, 1);
    writeFileSync(site.allow, site.pki.sites[0].dn);
    await receiveAll(t, site, [message]);
    assert.equal(await replay(t, site), 0);
    assert.deepEqual(site.rejected(), []);
    assert.equal(site.stored().length, 1);
  });

  it('leaves alone what somebody else works on', async (t) => {
    const site = await createSite(t);
    const message = await site.seal('records');
    writeFileSync(site.allow, '/C=UK/CN=somebody else\n');
    await receiveAll(t, site, [message]);
    writeFileSync(site.allow, site.pki.sites[0].dn);
    const reader = new NormalReader({ path: site.reject });
    for await (const name of reader.names()) assert.equal(await reader.lock(name), true);
    assert.equal(await replay(t, site), 0);
    assert.deepEqual(site.stored(), []);
  });

  it('frees what a killed replay left locked', async (t) => {
    const site = await createSite(t);
    const message = await site.seal('records');
    writeFileSync(site.allow, '/C=UK/CN=somebody else\n');
    await receiveAll(t, site, [message]);
    writeFileSync(site.allow, site.pki.sites[0].dn);
    const reader = new NormalReader({ path: site.reject });
    for await (const name of reader.names()) {
      assert.equal(await reader.lock(name), true);
      utimesSync(path.join(site.reject, name), 1e9, 1e9);
    }
    assert.equal(await replay(t, site), 0);
    assert.equal(site.stored().length, 1);
  });

  it('goes on behind an element that is damaged', async (t) => {
    const site = await createSite(t);
    const messages = [await site.seal('first'), await site.seal('second')];
    writeFileSync(site.allow, '/C=UK/CN=somebody else\n');
    await receiveAll(t, site, messages);
    writeFileSync(site.allow, site.pki.sites[0].dn);
    const reader = new NormalReader({ path: site.reject });
    for await (const name of reader.names()) {
      rmSync(path.join(site.reject, name, 'raw'));
      symlinkSync('/etc/hostname', path.join(site.reject, name, 'raw'));
      break;
    }
    assert.equal(await replay(t, site), 0);
    assert.deepEqual(
      site.stored().map(({ body }) => body),
      ['second'],
    );
    assert.equal(site.rejected().length, 1);
  });

  it('tries only the elements that are asked for', async (t) => {
    const site = await createSite(t);
    writeFileSync(site.allow, '/C=UK/CN=somebody else\n');
    await receiveAll(t, site, [await site.seal('first'), await site.seal('second')]);
    writeFileSync(site.allow, site.pki.sites[0].dn);
    const names: string[] = [];
    for await (const name of new NormalReader({ path: site.reject }).names()) names.push(name);
    assert.equal(await replay(t, site, { only: new Set(names.slice(1)) }), 0);
    assert.equal(site.stored().length, 1);
    assert.equal(site.rejected().length, 1);
  });
});
