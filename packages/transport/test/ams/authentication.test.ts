import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { AmsPublisherOptions, TransportTls } from '../../src/index.js';
import { rejection, until, within } from '../helpers.js';
import { AmsBench, listen, message, never, Reader, troubles } from './bench.js';
import { tlsOf } from './harness.js';

const x509 = ({ server }: AmsBench): Pick<AmsPublisherOptions, 'authentication'> => ({
  authentication: { type: 'x509', port: server.authPort },
});

describe('getting into AMS', () => {
  it('exchanges its certificate for a token, once, at a port of its own', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher(x509(bench));
    await within(Promise.all(['a', 'b'].map((id) => publisher.publish(message(id), never))), 'published');
    assert.deepEqual(
      bench.calls('authx509').map(({ url, headers }) => [url, headers['x-api-key']]),
      [['/v1/service-types/ams/hosts/127.0.0.1:authx509', undefined]],
    );
  });

  it('tells both ends when the certificate of the server expires', async (t) => {
    const bench = await AmsBench.start(t);
    const [publisher, subscriber] = [bench.publisher(), bench.subscriber()];
    const statuses = [listen(publisher), listen(subscriber)];
    await within(publisher.publish(message('a'), never), 'published');
    await within(new Reader(subscriber).take(1), 'taken');
    const told = statuses.map((list) => list.flatMap((status) => (status.type === 'connected' ? [status.certificateExpires] : [])));
    assert.deepEqual(
      told.map((list) => list.map((expires) => Number(expires) > Date.now())),
      [[true], [true]],
    );
  });

  it('gets a new token when the old one is refused, and nobody notices', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher(x509(bench));
    const subscriber = bench.subscriber(x509(bench));
    const statuses = [listen(publisher), listen(subscriber)];
    await within(publisher.publish(message('a'), never), 'published');
    const reader = new Reader(subscriber);
    await (await reader.take(1))[0]!.acknowledge();
    bench.server.renewTokens();
    await within(publisher.publish(message('b'), never), 'published');
    const [second] = await reader.take(1);
    bench.server.renewTokens();
    await within(second!.acknowledge(), 'acknowledged');
    assert.deepEqual(statuses.flatMap(troubles), []);
  });

  it('asks for one new token and not for ever more when that is refused as well', async (t) => {
    const bench = await AmsBench.start(t);
    bench.server.inject({ call: 'publish', times: 4, fault: { type: 'answer', status: 403 } });
    const publisher = bench.publisher(x509(bench));
    const statuses = listen(publisher);
    await within(publisher.publish(message('a'), never), 'published');
    assert.deepEqual(troubles(statuses), ['unauthorised', 'unauthorised']);
    // The first, and one after each refusal.
    assert.equal(bench.calls('authx509').length, 3);
  });

  it('says that its certificate is bound to nobody', async (t) => {
    const bench = await AmsBench.start(t, { users: [] });
    const publisher = bench.publisher(x509(bench));
    const statuses = listen(publisher);
    await until(() => troubles(statuses).length > 0, 'refused');
    assert.deepEqual(troubles(statuses).slice(0, 1), ['unauthorised']);
    const [first] = statuses.flatMap((status) => (status.type === 'disconnected' ? [status.error?.message] : []));
    assert.match(String(first), /authx509: the server answers 404: Binding was not found$/);
  });

  for (const [status, text] of [
    [200, 'a secret'],
    [200, '{"token":"a secret"'],
    [201, '{"token":"a secret"}'],
    [302, '{"token":"a secret"}'],
    [302, '{"error":{"message":"a secret"}}'],
    [403, '{"token":"a secret"}'],
    [500, 'a secret'],
  ] as const)
    it(`shows nothing of ${status} ${text}`, async (t) => {
      const bench = await AmsBench.start(t);
      bench.server.inject({ call: 'authx509', fault: { type: 'answer', status, body: text } });
      const statuses = listen(bench.publisher(x509(bench)));
      await until(() => statuses.some(({ type }) => type === 'disconnected'), 'failed');
      assert.match(inspect(statuses, { depth: 9 }), /authx509: the (server|answer)/);
      assert.doesNotMatch(inspect(statuses, { depth: 9, showHidden: true }), /secret/);
    });

  const failing: Readonly<Record<string, (bench: AmsBench) => Partial<TransportTls>>> = {
    'a CA that did not sign the server': ({ pki }) => ({ ca: [pki.untrustedCa.certificatePem] }),
    'no CA at all': () => ({ ca: [] }),
    'another name': () => ({ serverName: 'other.example.org' }),
    'a certificate of an unknown CA': ({ pki }) => ({
      certificate: pki.untrusted.issued.certificatePem,
      key: pki.untrusted.issued.keyPem,
    }),
    'a key that is none': () => ({ key: 'nonsense' }),
  };
  for (const [what, change] of Object.entries(failing))
    it(`does not go on with ${what}`, async (t) => {
      const bench = await AmsBench.start(t);
      const publisher = bench.publisher({ ...x509(bench), tls: () => ({ ...tlsOf(bench.pki), ...change(bench) }) });
      const statuses = listen(publisher);
      const closed = rejection(publisher.publish(message('a'), never), 'closed');
      await until(() => troubles(statuses).length > 0, 'refused');
      assert.equal(troubles(statuses)[0], 'tls-failed');
      assert.equal(bench.requests.length, 0);
      await publisher.drain(AbortSignal.abort());
      await closed;
    });

  it('shows no certificate where it shows its token', async (t) => {
    const bench = await AmsBench.start(t);
    let asked = 0;
    const tls = (): TransportTls => {
      asked += 1;
      return { ...tlsOf(bench.pki), key: 'nonsense that would fail' };
    };
    await within(bench.publisher({ tls }).publish(message('a'), never), 'published');
    assert.ok(asked > 0);
  });
});
