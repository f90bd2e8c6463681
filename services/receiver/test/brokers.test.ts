import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseCertificates } from '@ssm/empa';
import { amsOptions, stompOptions } from '@ssm/service-kit';
import type { AmsOptions, StompOptions } from '@ssm/transport';
import { createSubscriber } from '../src/brokers.js';
import { loadCredentials, type ReceiverSources, sourcesOf } from '../src/credentials.js';
import { configOf, createSite, type Site } from './support/live.js';

async function load(site: Site, ...args: readonly string[]): Promise<ReceiverSources> {
  const credentials = await loadCredentials(configOf(site, ...args), new Date());
  const anchors = parseCertificates(readFileSync(site.pki.caPath));
  return sourcesOf(
    () => credentials,
    () => anchors,
  );
}

describe('stompOptions', () => {
  it('takes brokers, login, headers and limits from the configuration', async (t) => {
    const site = await createSite(t);
    const args = [
      '--broker.urls=stomp://[::1]:61613,stomp+ssl://broker.example.org:61612',
      '--broker.login=user',
      '--broker.passcode=secret',
      '--broker.headers=destination-type=ANYCAST,selector=a=b',
      '--limits.message=1MiB',
      '--broker.window=7',
    ];
    const options = stompOptions(configOf(site, ...args), await load(site));
    assert.deepEqual(
      options.brokers.map(({ host, port, tls }) => [host, port, tls === undefined]),
      [
        ['::1', 61613, true],
        ['broker.example.org', 61612, false],
      ],
    );
    const { byteBudget, extraHeaders, login, maximumMessageBytes, passcode, virtualHost, window } = options;
    assert.deepEqual({ login, passcode, virtualHost, window }, { login: 'user', passcode: 'secret', virtualHost: '/', window: 7 });
    assert.deepEqual(extraHeaders, { 'destination-type': 'ANYCAST', selector: 'a=b' });
    assert.equal(maximumMessageBytes, 1024 * 1024);
    assert.equal(byteBudget, 64 * 1024 * 1024);
  });

  it('leaves nothing to the defaults of the transport', async (t) => {
    const site = await createSite(t);
    const [config, sources] = [configOf(site), await load(site)];
    const stomp: Required<Omit<StompOptions, 'login' | 'passcode' | 'random'>> = stompOptions(config, sources);
    const ams: Required<Omit<AmsOptions, 'random'>> = amsOptions(config, sources);
    for (const options of [stomp, ams]) for (const [name, value] of Object.entries(options)) assert.notEqual(value, undefined, name);
  });

  it('sends no login where none is configured', async (t) => {
    const site = await createSite(t);
    assert.equal('login' in stompOptions(configOf(site), await load(site)), false);
  });

  it('trusts the anchors of the trust directory, and shows the own certificate', async (t) => {
    const site = await createSite(t);
    const [broker] = stompOptions(configOf(site), await load(site)).brokers;
    const tls = broker?.tls?.();
    assert.equal(new X509Certificate(tls?.ca[0] ?? '').fingerprint256, new X509Certificate(site.pki.ca.certificatePem).fingerprint256);
    const own = new X509Certificate(tls?.certificate ?? '');
    assert.equal(own.fingerprint256, new X509Certificate(site.pki.server.issued.certificatePem).fingerprint256);
    assert.match(tls?.key ?? '', /PRIVATE KEY/);
    assert.equal(tls?.serverName, undefined);
  });

  it('trusts a bundle instead, shows no certificate and expects another name, where that is configured', async (t) => {
    const site = await createSite(t);
    const { untrustedCaPath } = site.pki;
    const args = [`--broker.tls.ca=${untrustedCaPath}`, '--no-broker.tls.clientCertificate', '--broker.tls.serverName=mq.example.org'];
    const [broker] = stompOptions(configOf(site, ...args), await load(site, ...args)).brokers;
    const { ca, certificate, key, serverName } = broker?.tls?.() ?? { ca: [] };
    assert.deepEqual(ca, [readFileSync(untrustedCaPath, 'utf8')]);
    assert.deepEqual([certificate, key, serverName], [undefined, undefined, 'mq.example.org']);
  });

  it('refuses what cannot work as a fault of the configuration', async (t) => {
    const site = await createSite(t);
    const sources = await load(site);
    for (const urls of ['stomp://127.0.0.1:99999', 'stomp://127.0.0.1:61613,stomp://127.0.0.1:61613'])
      assert.throws(() => createSubscriber(configOf(site, `--broker.urls=${urls}`), sources), { code: 'config-invalid' });
    await assert.rejects(load(site, `--broker.tls.ca=${site.root}/none`), { code: 'broker-ca-unreadable' });
  });
});
