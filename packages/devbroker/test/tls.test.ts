import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cachedKey, createCertificate, eventually } from '@ssm/test-support';
import { startDevBroker } from '../src/index.js';
import { dial, login, start } from './raw-client.js';

const ca = createCertificate({ subject: '/C=UK/O=eScience/CN=CA', key: cachedKey('p256'), ca: true });
const server = createCertificate({ subject: '/CN=broker', issuer: ca, san: ['DNS:localhost', 'IP:127.0.0.1'] });
const site = createCertificate({ subject: '/C=UK/O=eScience/OU=Some Place/CN=host/site.example.org', issuer: ca });
const stranger = createCertificate({ subject: site.subject });
const tls = { key: server.keyPem, cert: server.certificatePem, ca: ca.certificatePem };
const trust = { ca: ca.certificatePem };

describe('TLS', () => {
  it('lets in who has a certificate of the CA, and tells its DN', async (t) => {
    const broker = await start(t, { tls: { ...tls, requireClientCertificate: true } });
    await login(t, broker, '1.2', { ...trust, key: site.keyPem, cert: site.certificatePem });
    assert.equal(broker.connections()[0]?.peerCertificateDn, site.dn);
    for (const identity of [{}, { key: stranger.keyPem, cert: stranger.certificatePem }]) {
      const client = await dial(t, broker, { ...trust, ...identity });
      await eventually(() => assert.equal(client.closed, true));
      assert.equal(client.frames.length, 0);
    }
    await eventually(() => assert.equal(broker.counters.tlsErrors, 2));
    assert.equal(broker.counters.connections, 1);
  });

  it('may leave the certificate to the client', async (t) => {
    const broker = await start(t, { tls });
    await login(t, broker, '1.2', trust);
    await login(t, broker, '1.2', { ...trust, key: stranger.keyPem, cert: stranger.certificatePem });
    assert.deepEqual(
      broker.connections().map(({ peerCertificateDn }) => peerCertificateDn),
      [undefined, undefined],
    );
  });

  it('does not start with what would let in anybody', async () => {
    const { key, cert } = tls;
    await assert.rejects(startDevBroker({ tls: { key, cert, requireClientCertificate: true } }), TypeError);
    await assert.rejects(startDevBroker({ tls: { key: stranger.keyPem, cert } }), { code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' });
  });

  it('can be cut with a reset, and carries large frames', async (t) => {
    const broker = await start(t, { tls });
    const client = await login(t, broker, '1.2', trust);
    const body = Buffer.alloc(5_000_000, 1);
    client.write(
      `SEND\ndestination:q\ncontent-length:${body.length}\nreceipt:r\n\n`,
      body,
      '\0SUBSCRIBE\nid:s\ndestination:q\nack:client\n\n\0',
    );
    const [, message] = await client.take(2);
    assert.equal(message?.body.equals(body), true);
    broker.cutAll();
    await eventually(() => assert.equal(client.error?.code, 'ECONNRESET'));
    assert.equal(broker.messages('q')[0]?.state, 'waiting');
  });

  it('closes also while somebody is in the middle of a handshake', async (t) => {
    const broker = await start(t, { tls });
    const client = await dial(t, broker);
    await broker.close();
    await eventually(() => assert.equal(client.closed, true));
  });
});
