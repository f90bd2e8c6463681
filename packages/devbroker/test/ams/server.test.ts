import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AmsBench, type Answer } from './client.js';

const message = (text: string, empaid = 'id'): object => ({ data: Buffer.from(text).toString('base64'), attributes: { empaid } });

function failsWith(answer: Answer, code: number, text: RegExp): void {
  assert.equal(answer.status, code, answer.text);
  const { error } = answer.json() as { error: { code: number; message: string; status: string } };
  assert.equal(error.code, code);
  assert.match(error.message, text);
  assert.notEqual(error.status, '');
}

describe('the AMS server', () => {
  it('publishes, pulls from the first that is not acknowledged, and acknowledges cumulatively', async (t) => {
    const bench = await AmsBench.start(t);
    assert.deepEqual((await bench.publish(message('a'), message('b'), message('c'))).json(), { messageIds: ['0', '1', '2'] });
    const [first, second] = await bench.pull('2');
    assert.equal(first?.ackId, 'projects/p/subscriptions/t:0');
    assert.equal(Buffer.from(second?.message.data ?? '', 'base64').toString(), 'b');
    assert.deepEqual(second?.message.attributes, { empaid: 'id' });
    // Nothing is hidden after a pull: the same come again.
    assert.equal((await bench.pull('2'))[0]?.message.messageId, '0');
    assert.equal((await bench.acknowledge(1)).text, '{}');
    assert.deepEqual(
      (await bench.pull()).map(({ ackId }) => ackId),
      ['projects/p/subscriptions/t:2'],
    );
    assert.deepEqual((await bench.call('GET', 'subscriptions/t:offsets')).json(), { max: 3, min: 0, current: 2 });
  });

  it('refuses a second acknowledgement, one of what was not pulled, and one that is late', async (t) => {
    let now = Date.now();
    const bench = await AmsBench.start(t, { now: () => new Date(now) });
    failsWith(await bench.acknowledge(0), 500, /^no ack pending$/);
    await bench.publish(message('a'), message('b'));
    await bench.pull('1');
    failsWith(await bench.acknowledge(1), 500, /^wrong ack$/);
    assert.equal((await bench.acknowledge(0)).status, 200);
    failsWith(await bench.acknowledge(0), 500, /^no ack pending$/);
    await bench.pull();
    now += 10_001;
    failsWith(await bench.acknowledge(1), 408, /^ack timeout$/);
    assert.equal((await bench.pull())[0]?.message.messageId, '1');
    assert.equal((await bench.call('POST', 'subscriptions/t:modifyAckDeadline', { ackDeadlineSeconds: 60 })).text, '');
    now += 59_000;
    assert.equal((await bench.acknowledge(1)).status, 200);
    failsWith(await bench.call('POST', 'subscriptions/t:modifyAckDeadline', { ackDeadlineSeconds: 601 }), 400, /between 0 and 600/);
  });

  it('wants texts in a pull', async (t) => {
    const bench = await AmsBench.start(t);
    for (const body of [{ maxMessages: 10 }, { returnImmediately: true }, '[]', 'nonsense'])
      failsWith(await bench.call('POST', 'subscriptions/t:pull', body), 400, /Pull Parameters/);
    failsWith(await bench.call('POST', 'subscriptions/t:acknowledge', { ackIds: ['projects/p/subscriptions/other:0'] }), 400, /ack id/);
    failsWith(await bench.call('POST', 'topics/t:publish', { messages: [{ data: 1 }] }), 400, /Message/);
  });

  it('waits for a message where it is not to return at once', async (t) => {
    const bench = await AmsBench.start(t);
    const waiting = bench.call('POST', 'subscriptions/t:pull', { maxMessages: '1', returnImmediately: 'false' });
    await bench.publish(message('late'));
    assert.match((await waiting).text, /projects\/p\/subscriptions\/t:0/);
  });

  it('refuses what is too large, and keeps what came before it in the list', async (t) => {
    const bench = await AmsBench.start(t, { maximumMessageBytes: 1000 });
    failsWith(await bench.publish(message('a'), message('x'.repeat(800)), message('c')), 413, /too large/);
    failsWith(await bench.publish(message('x'.repeat(2000))), 500, /Backend Error/);
    assert.equal((await bench.pull()).length, 1);
  });

  it('is spoilt by an attribute that needs escaping', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.publish(message('a', 'quote " here'));
    failsWith(await bench.call('POST', 'subscriptions/t:pull', { maxMessages: '1' }), 500, /invalid JSON/);
  });

  it('loses what has grown too old', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.publish(message('a'), message('b'));
    bench.server.trim('t', 1);
    assert.equal((await bench.pull())[0]?.message.messageId, '1');
    assert.deepEqual(bench.server.offsets('t'), { max: 2, min: 1, current: 1 });
  });

  it('knows who may do what', async (t) => {
    const bench = await AmsBench.start(t, {
      users: [
        { name: 'all', token: 'all' },
        { name: 'other', token: 'other', resources: ['u'] },
      ],
      topics: ['t', 'u'],
    });
    failsWith(await bench.publish(message('a')), 401, /Unauthorized/);
    failsWith(await bench.call('GET', 'subscriptions/t:offsets', undefined, 'other'), 403, /forbidden/);
    failsWith(await bench.call('GET', 'subscriptions/none:offsets', undefined, 'all'), 404, /Subscription doesn't exist/);
    failsWith(await bench.call('PUT', 'topics/t', '', 'all'), 409, /already exists/);
    failsWith(await bench.request({ path: '/v1/projects/q/topics/t', headers: { 'x-api-key': 'all' } }), 404, /Project/);
    failsWith(await bench.request({ path: '/v1/projects/p/topics/t?key=all' }), 401, /Unauthorized/);
    assert.equal((await bench.request({ path: '/v1/status' })).status, 200);
  });

  it('gives a token for a certificate that it knows, over mutual TLS only', async (t) => {
    const bench = await AmsBench.start(t);
    const { sites, untrusted } = bench.pki;
    assert.deepEqual((await bench.authenticate(sites[0])).json(), { token: 'secret' });
    failsWith(await bench.authenticate(sites[1]), 404, /Binding was not found/);
    await assert.rejects(bench.authenticate(untrusted));
    await assert.rejects(bench.request({ port: bench.server.authPort, path: '/v1/service-types/ams/hosts/localhost:authx509' }));
    bench.server.renewTokens();
    failsWith(await bench.publish(message('a')), 401, /Unauthorized/);
    const { token } = (await bench.authenticate(sites[0])).json();
    assert.equal(token, bench.server.token('site'));
    assert.notEqual(token, 'secret');
  });

  it('misbehaves when it is told to, so often and for such requests as it is told', async (t) => {
    const bench = await AmsBench.start(t);
    const { server } = bench;
    server.inject({
      call: 'publish',
      times: 2,
      when: (body) => body.includes('bad'),
      fault: { type: 'answer', status: 429, body: 'slow' },
    });
    const bad = { data: 'bad=', attributes: {} };
    assert.equal((await bench.publish(message('good'))).status, 200);
    for (const status of [429, 429, 200]) assert.equal((await bench.publish(bad)).status, status);
    server.inject({ call: 'publish', fault: { type: 'publish-some', count: 1 } });
    failsWith(await bench.publish(message('a'), message('b')), 500, /Backend/);
    assert.equal(server.offsets('t').max, 3);
    server.inject({ call: 'publish', fault: { type: 'cut', when: 'before' } });
    await assert.rejects(bench.publish(message('a')));
    assert.equal(server.offsets('t').max, 3);
    for (const when of ['after', 'within'] as const) {
      server.inject({ call: 'publish', fault: { type: 'cut', when } });
      await assert.rejects(bench.publish(message('a')));
    }
    assert.equal(server.offsets('t').max, 5);
    server.inject({ fault: { type: 'delay', ms: 5 } });
    assert.equal((await bench.publish(message('a'))).status, 200);
  });
});
