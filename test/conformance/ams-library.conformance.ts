import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type AmsServer, startAmsServer } from '@ssm/devbroker';
import { createDemoPki, type DemoPki, requireTools, type Scope, temporaryDirectory } from '@ssm/test-support';
import { createAmsPublisher, createAmsSubscriber, type TransportTls } from '@ssm/transport';
import { ArgoLibrary } from '../support/argo-library.js';

// The development server against a client of AMS that nobody wrote for it.

const TOKEN = 'a-token';
const never = new AbortController().signal;

async function start(scope: Scope): Promise<{ server: AmsServer; pki: DemoPki; library: ArgoLibrary }> {
  const pki = createDemoPki(path.join(temporaryDirectory(scope), 'pki'));
  const { broker, ca, sites } = pki;
  const server = await startAmsServer({
    tls: { key: broker.issued.keyPem, cert: broker.issued.certificatePem, ca: ca.certificatePem },
    project: 'accounting',
    users: [{ name: 'site', token: TOKEN, dn: sites[0].dn }],
  });
  scope.after(() => server.close());
  const where = { endpoint: `localhost:${server.port}`, project: 'accounting', ca: pki.caPath };
  const library = await ArgoLibrary.start(scope, { ...where, token: TOKEN });
  await library.ask('create', { topic: 'records' });
  return { server, pki, library };
}

describe('argo-ams-library and our transport', { skip: requireTools('argo-ams-library') }, () => {
  it('read what the other published', async (t) => {
    const { server, pki, library } = await start(t);
    const tls = (): TransportTls => ({ ca: [pki.ca.certificatePem] });
    const authentication = { type: 'token', token: TOKEN } as const;
    const options = { host: '127.0.0.1', port: server.port, project: 'accounting', authentication, tls };
    const bodies = [Buffer.from('plain'), randomBytes(200_000), Buffer.from('\0')];
    const messages = bodies.map((body, index) => ({ id: `8hex/${index}`, body }));

    const publisher = createAmsPublisher({ ...options, topic: 'records' });
    await Promise.all(messages.map((message) => publisher.publish(message, never)));
    await publisher.drain(never);
    const pulled = await library.pull('records', 10);
    assert.deepEqual(
      pulled.map(({ id, body }) => ({ id, body })),
      messages,
    );
    await library.ask('acknowledge', { subscription: 'records', ids: pulled.map(({ ackId }) => ackId) });

    await library.publish('records', messages);
    const subscriber = createAmsSubscriber({ ...options, subscription: 'records' });
    const iterator = subscriber.deliveries(never)[Symbol.asyncIterator]();
    for (const { id, body } of messages) {
      const { value } = await iterator.next();
      assert.equal(value?.empaId, id);
      assert.deepEqual(Buffer.from(value?.body ?? []), body);
      void value?.acknowledge();
    }
    await subscriber.drain(never);
    assert.deepEqual(await library.pull('records', 10), []);
  });
});

describe('argo-ams-library on the development AMS server', { skip: requireTools('argo-ams-library') }, () => {
  it('makes a topic and a subscription, publishes, pulls and acknowledges', async (t) => {
    const { library } = await start(t);
    const bodies = [Buffer.from('first'), randomBytes(100_000), Buffer.from('third\r\n')];
    const messages = bodies.map((body, index) => ({ id: `id-${index}`, body }));
    assert.deepEqual(await library.publish('records', messages), { messageIds: ['0', '1', '2'] });
    const pulled = await library.pull('records', 2);
    assert.deepEqual(
      pulled.map(({ id, body }) => ({ id, body })),
      messages.slice(0, 2),
    );
    assert.deepEqual(await library.ask('acknowledge', { subscription: 'records', ids: pulled.map(({ ackId }) => ackId) }), { done: true });
    assert.deepEqual(await library.ask('offsets', { subscription: 'records' }), { max: 3, min: 0, current: 2 });
    assert.deepEqual(
      (await library.pull('records', 10)).map(({ id }) => id),
      ['id-2'],
    );
  });

  it('is told of errors as it expects them', async (t) => {
    const { server, library } = await start(t);
    const failure = async (name: string, more: object): Promise<unknown[]> => {
      const { error, code } = await library.ask(name, more);
      return [error, code];
    };
    const ids = ['projects/accounting/subscriptions/records:0'];
    assert.deepEqual(await failure('pull', { subscription: 'none', count: 1 }), ['AmsServiceException', 404]);
    assert.deepEqual(await failure('acknowledge', { subscription: 'records', ids }), ['AmsBalancerException', 500]);
    const large = [{ id: 'x', body: randomBytes(800_000).toString('base64') }];
    assert.deepEqual(await failure('publish', { topic: 'records', messages: large }), ['AmsServiceException', 413]);
    server.renewTokens();
    assert.deepEqual(await failure('pull', { subscription: 'records', count: 1 }), ['AmsServiceException', 401]);
  });

  it('exchanges a certificate for a token', async (t) => {
    const { server, pki } = await start(t);
    const { certificatePath: certificate, keyPath: key } = pki.sites[0];
    const where = { endpoint: `localhost:${server.port}`, project: 'accounting', ca: pki.caPath };
    const library = await ArgoLibrary.start(t, { ...where, certificate, key, authPort: server.authPort });
    assert.equal(library.token, TOKEN);
    assert.deepEqual(await library.publish('records', [{ id: 'a', body: Buffer.from('a') }]), { messageIds: ['0'] });
  });
});
