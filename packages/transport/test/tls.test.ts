/** The broker's certificate, ours, and what is said when they do not fit. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { createCertificate, type IssuedCertificate } from '@ssm/test-support';
import { createStompPublisher, type TransportTls } from '../src/index.js';
import { Session } from '../src/stomp/session.js';
import { resolveOptions } from '../src/stomp/settings.js';
import { certificateExpiry, connectionOptions } from '../src/tls.js';
import { rejection, within } from './helpers.js';
import { ScriptedBroker } from './scripted-broker.js';

const never = new AbortController().signal;
const DAY = 24 * 60 * 60 * 1000;

let ca: IssuedCertificate;
let otherCa: IssuedCertificate;
let server: IssuedCertificate;
let client: IssuedCertificate;

const serverCertificate = (san: string[], options: Partial<Parameters<typeof createCertificate>[0]> = {}): IssuedCertificate =>
  createCertificate({ subject: '/CN=broker', issuer: ca, san, eku: ['serverAuth'], ...options });

before(() => {
  ca = createCertificate({ subject: '/CN=Broker CA', ca: true });
  otherCa = createCertificate({ subject: '/CN=Other CA', ca: true });
  server = serverCertificate(['IP:127.0.0.1', 'DNS:broker.example']);
  client = createCertificate({ subject: '/CN=client', issuer: ca, eku: ['clientAuth'] });
});

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

interface Seen {
  client?: string | undefined;
  name?: string | undefined;
  protocol?: string | null;
}

/** A broker that shows this certificate, and notes whom it met. */
async function broker(certificate: IssuedCertificate, options: tls.TlsOptions = {}): Promise<{ to: ScriptedBroker; seen: Seen }> {
  const seen: Seen = {};
  const to = await ScriptedBroker.start(
    async (peer) => {
      const { socket } = peer;
      assert.ok(socket instanceof tls.TLSSocket);
      seen.client = String(socket.getPeerCertificate().subject?.CN);
      seen.protocol = socket.getProtocol();
      seen.name = 'servername' in socket && typeof socket.servername === 'string' ? socket.servername : undefined;
      await peer.accept();
      for (;;) await peer.confirm();
    },
    { key: certificate.keyPem, cert: certificate.certificatePem, ...options },
  );
  cleanUp.push(() => to.stop());
  return { to, seen };
}

async function connect(to: ScriptedBroker, settings: () => TransportTls): Promise<Session> {
  const address = { ...to.address, tls: settings };
  const session = await Session.open(address, resolveOptions({ brokers: [address], destination: '/queue/test' }), never);
  cleanUp.push(() => session.disconnect(AbortSignal.abort()));
  return session;
}

const trusting =
  (overrides: Partial<TransportTls> = {}) =>
  (): TransportTls => ({ ca: [ca.certificatePem], ...overrides });
const identity = (of: IssuedCertificate): Partial<TransportTls> => ({ certificate: of.certificatePem, key: of.keyPem });

/** The connection is refused as `tls-failed`, with words that help. */
async function refused(attempt: Promise<unknown>, words: RegExp): Promise<void> {
  const error = await rejection(attempt, 'tls-failed');
  assert.match(error.message, words);
}

describe("the broker's certificate", () => {
  it('is accepted for its address, and tells when it expires', async () => {
    const { to, seen } = await broker(server);
    const { greeting } = await connect(to, trusting());
    assert.equal(greeting.encrypted, true);
    assert.ok(Math.abs(Number(greeting.certificateExpires) - Date.now() - 365 * DAY) < 2 * DAY);
    assert.equal(seen.name, undefined);
  });

  it('tells as often as it is asked when it expires, and not when the CA does that came with it', async () => {
    const longLived = createCertificate({ subject: '/CN=Broker CA', key: ca.key, ca: true, notAfter: new Date(Date.now() + 3000 * DAY) });
    const { to } = await broker({ ...server, certificatePem: server.certificatePem + longLived.certificatePem });
    const { host, port } = to.address;
    const socket = tls.connect({ host, port, ...connectionOptions(host, trusting()()) });
    cleanUp.push(() => void socket.destroy());
    await once(socket, 'secureConnect');
    const told = [1, 2, 3].map(() => Number(certificateExpiry(socket)));
    assert.ok(Math.abs(Number(told[0]) - Date.now() - 365 * DAY) < 2 * DAY);
    assert.deepEqual(told.slice(1), [told[0], told[0]]);
    socket.destroy();
    assert.equal(certificateExpiry(socket), undefined);
  });

  it('is accepted for the name that is expected, of a CA anywhere in the bundles', async () => {
    const { to, seen } = await broker(server);
    const bundle = otherCa.certificatePem + ca.certificatePem;
    await connect(to, trusting({ ca: [otherCa.certificatePem, bundle], serverName: 'broker.example' }));
    assert.equal(seen.name, 'broker.example');
  });

  it('is refused for another name, or another address', async () => {
    const { to } = await broker(server);
    await refused(connect(to, trusting({ serverName: 'other.example' })), /for another name/);
    await refused(connect(to, trusting({ serverName: '127.0.0.2' })), /for another name/);
    const { to: named } = await broker(serverCertificate(['DNS:broker.example']));
    await refused(connect(named, trusting()), /for another name/);
  });

  it('is refused of a CA that is not in the list, also one that signed itself', async () => {
    const { to } = await broker(server);
    await refused(connect(to, trusting({ ca: [otherCa.certificatePem] })), /not signed by a CA of the list/);
    const alone = createCertificate({ subject: '/CN=broker', san: ['IP:127.0.0.1'] });
    await refused(connect((await broker(alone)).to, trusting()), /not signed by a CA of the list/);
  });

  it('is refused without any CA: the ones of the system do not count', async () => {
    const { to } = await broker(server);
    await refused(connect(to, trusting({ ca: [] })), /no CA is given/);
  });

  it('is refused when expired, and when not yet valid', async () => {
    const expired = serverCertificate(['IP:127.0.0.1'], {
      notBefore: new Date(Date.now() - 2 * DAY),
      notAfter: new Date(Date.now() - DAY),
    });
    await refused(connect((await broker(expired)).to, trusting()), /has expired/);
    const future = serverCertificate(['IP:127.0.0.1'], { notBefore: new Date(Date.now() + DAY) });
    await refused(connect((await broker(future)).to, trusting()), /not yet valid/);
  });

  it('is refused whatever the environment says', async () => {
    const { to } = await broker(server);
    const { env } = process;
    cleanUp.push(() => {
      process.env = env;
    });
    process.env = { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    await refused(connect(to, trusting({ ca: [otherCa.certificatePem] })), /not signed by a CA of the list/);
  });
});

describe('the protocol', () => {
  it('is TLS 1.2 at least', async () => {
    const { to } = await broker(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await refused(connect(to, trusting()), /TLS/);
    const { to: newer, seen } = await broker(server, { maxVersion: 'TLSv1.2' });
    await connect(newer, trusting());
    assert.equal(seen.protocol, 'TLSv1.2');
  });

  it('is TLS: another one is told from it', async () => {
    const to = await ScriptedBroker.start((peer) => peer.socket.write('ERROR\nmessage:hello\n\n\0'));
    cleanUp.push(() => to.stop());
    await refused(connect(to, trusting()), /no TLS is spoken/);
  });
});

/** As a broker that lets nobody in without a certificate. */
const asking = (): tls.TlsOptions => ({ requestCert: true, rejectUnauthorized: true, ca: [ca.certificatePem] });

describe('our certificate', () => {
  it('is shown', async () => {
    const { to, seen } = await broker(server, asking());
    await connect(to, trusting(identity(client)));
    assert.equal(seen.client, 'client');
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`is missed by the broker, in ${version}`, async () => {
      const { to } = await broker(server, { ...asking(), minVersion: version, maxVersion: version });
      await refused(connect(to, trusting()), /certificate/);
    });

    it(`is refused by the broker, in ${version}`, async () => {
      const { to } = await broker(server, { ...asking(), minVersion: version, maxVersion: version });
      const stranger = createCertificate({ subject: '/CN=stranger', issuer: otherCa });
      await refused(connect(to, trusting(identity(stranger))), /refuses the client certificate/);
      const expired = createCertificate({ subject: '/CN=old', issuer: ca, notBefore: new Date(0), notAfter: new Date(DAY) });
      await refused(connect(to, trusting(identity(expired))), /refuses the client certificate/);
    });
  }

  it('is of no use without its key, with another one, or damaged', async () => {
    const { to } = await broker(server);
    await refused(connect(to, trusting({ certificate: client.certificatePem, key: server.keyPem })), /client certificate, its key/);
    await refused(connect(to, trusting({ certificate: 'damaged', key: client.keyPem })), /client certificate, its key/);
    await refused(
      connect(to, () => {
        throw new Error('EACCES: hostkey.pem');
      }),
      /EACCES/,
    );
  });

  it('never appears in an error', async () => {
    const { to } = await broker(server);
    const error = await rejection(connect(to, trusting({ certificate: client.certificatePem, key: server.keyPem })), 'tls-failed');
    assert.ok(!JSON.stringify([error.message, error.stack, String(error.cause)]).includes('PRIVATE KEY'));
  });
});

it('asks for the settings at each connect, so that renewed certificates are used', async () => {
  const { to, seen } = await broker(server, { requestCert: true, rejectUnauthorized: true, ca: [ca.certificatePem] });
  const renewed = createCertificate({ subject: '/CN=renewed', issuer: ca });
  let asked = 0;
  const settings = (): TransportTls => {
    asked += 1;
    return trusting(identity(asked === 1 ? client : renewed))();
  };
  const publisher = createStompPublisher({
    brokers: [{ ...to.address, tls: settings }],
    destination: '/queue/test',
    backoff: { initialMs: 1, maximumMs: 1 },
  });
  await within(publisher.publish({ id: '1', body: Buffer.from('x') }, never), 'the first');
  assert.equal(seen.client, 'client');
  to.cut();
  await within(publisher.publish({ id: '2', body: Buffer.from('x') }, never), 'the second');
  assert.equal(seen.client, 'renewed');
  assert.equal(asked, 2);
  await within(publisher.drain(never), 'drained');
});

const contextOf = (settings: TransportTls): tls.SecureContext | undefined => connectionOptions('127.0.0.1', settings).secureContext;

it('reads certificates and key once for all attempts, until something is another one', () => {
  const [plain, own] = [trusting(), trusting(identity(client))];
  const [first, second] = [contextOf(plain()), contextOf(own())];
  assert.ok(first !== undefined && second !== undefined && first !== second);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    assert.equal(contextOf({ ...plain(), serverName: 'broker.example' }), first);
    assert.equal(contextOf(own()), second);
  }
  const otherKey = createCertificate({ subject: '/CN=client', issuer: ca, eku: ['clientAuth'] });
  assert.notEqual(contextOf(trusting(identity(otherKey))()), second);
  assert.notEqual(contextOf(trusting({ ca: [otherCa.certificatePem] })()), first);
  assert.notEqual(contextOf(trusting({ ca: [ca.certificatePem, otherCa.certificatePem] })()), first);
});
