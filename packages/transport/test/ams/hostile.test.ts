import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { isPending, rejection, until, within } from '../helpers.js';
import { AmsBench, ids, listen, message, messages, NAME, never, Reader, troubles } from './bench.js';
import { pkiOf } from './harness.js';

const ackId = (offset: number): string => `projects/accounting/subscriptions/${NAME}:${offset}`;

describe('an AMS server that cannot be trusted', () => {
  const answers: Readonly<Record<string, string>> = {
    'no JSON': 'nonsense',
    'a number': '17',
    'a list': '[]',
    null: 'null',
    'no messages': '{}',
    'messages that are none': '{"receivedMessages":[1]}',
    'a message without ackId': '{"receivedMessages":[{"message":{"data":""}}]}',
    "another subscription's ackId": '{"receivedMessages":[{"ackId":"projects/accounting/subscriptions/other:1","message":{"data":""}}]}',
    'an ackId without a number': `{"receivedMessages":[{"ackId":"projects/accounting/subscriptions/${NAME}:-1","message":{"data":""}}]}`,
    'an ackId twice': JSON.stringify({ receivedMessages: [0, 0].map((offset) => ({ ackId: ackId(offset), message: { data: '' } })) }),
    'a broken text': '{"receivedMessages":[',
  };
  for (const [what, body] of Object.entries(answers))
    it(`answers a pull with ${what}`, async (t) => {
      const bench = await AmsBench.start(t);
      await bench.fill(messages(1));
      bench.server.inject({ call: 'pull', times: 2, fault: { type: 'answer', status: 200, body } });
      const subscriber = bench.subscriber();
      const statuses = listen(subscriber);
      assert.deepEqual(ids(await new Reader(subscriber).take(1)), ['m-0']);
      assert.deepEqual(troubles(statuses), ['protocol-error', 'protocol-error']);
    });

  it('answers without an end', async (t) => {
    const bench = await AmsBench.start(t);
    const endless = { type: 'endless', head: '{"messageIds":["' } as const;
    bench.server.inject({ call: 'publish', fault: endless });
    bench.server.inject({ call: 'publish', fault: endless });
    const publisher = bench.publisher();
    const statuses = listen(publisher);
    await within(publisher.publish(message('a'), never), 'published');
    assert.deepEqual(troubles(statuses), ['protocol-error', 'protocol-error']);
  });

  it('answers a pull without an end', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(1));
    bench.server.inject({ call: 'pull', fault: { type: 'endless', head: '{"receivedMessages":[' } });
    const subscriber = bench.subscriber({ batch: 1 });
    const statuses = listen(subscriber);
    const before = process.memoryUsage().arrayBuffers;
    assert.deepEqual(ids(await new Reader(subscriber).take(1)), ['m-0']);
    assert.deepEqual(troubles(statuses), ['protocol-error']);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
  });

  it('answers a pull with little text and very many values', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(1));
    const body = `{"receivedMessages":[],"x":[${'{},'.repeat(5_000_000)}0]}`;
    bench.server.inject({ call: 'pull', fault: { type: 'answer', status: 200, body } });
    const subscriber = bench.subscriber();
    const statuses = listen(subscriber);
    assert.deepEqual(ids(await new Reader(subscriber).take(1)), ['m-0']);
    const [error] = statuses.flatMap((status) => (status.type === 'disconnected' && status.error ? [status.error.message] : []));
    assert.equal(error, `${bench.broker}: pull: the answer has more than 270000 values`);
  });

  it('answers with a message full of attributes', async (t) => {
    const bench = await AmsBench.start(t);
    const attributes = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`a${index}`, '']));
    const body = JSON.stringify({ receivedMessages: [{ ackId: ackId(0), message: { data: 'eA==', attributes } }] });
    bench.server.inject({ call: 'pull', fault: { type: 'answer', status: 200, body } });
    assert.equal((await new Reader(bench.subscriber({ batch: 1 })).take(1)).length, 1);
  });

  it('announces more than is taken, or compresses', async (t) => {
    const bench = await AmsBench.start(t);
    const large = { 'content-length': String(10 ** 12) };
    bench.server.inject({ call: 'publish', fault: { type: 'answer', status: 200, headers: large, body: '{' } });
    const headers = { 'content-encoding': 'gzip' };
    bench.server.inject({ call: 'publish', fault: { type: 'answer', status: 200, headers, body: gzipSync('{"messageIds":[]}') } });
    const publisher = bench.publisher();
    const statuses = listen(publisher);
    await within(publisher.publish(message('a'), never), 'published');
    assert.deepEqual(troubles(statuses), ['protocol-error', 'protocol-error']);
  });

  it('repeats the token in what it says', async (t) => {
    const bench = await AmsBench.start(t);
    const body = JSON.stringify({ error: { code: 401, message: `bad token ${bench.server.token('site')}\n\u001b[31m`, status: 'X' } });
    bench.server.inject({ call: 'publish', fault: { type: 'answer', status: 401, body } });
    const headers = { server: `AMS of ${bench.server.token('site')}` };
    bench.server.inject({ call: 'publish', fault: { type: 'answer', status: 200, headers, body: '{"messageIds":[]}' } });
    const publisher = bench.publisher();
    const statuses = listen(publisher);
    await within(publisher.publish(message('a'), never), 'published');
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'connected' ? [status.server] : [])),
      ['AMS of ***'],
    );
    const [error] = statuses.flatMap((status) => (status.type === 'disconnected' && status.error ? [status.error.message] : []));
    assert.equal(error, `${bench.broker}: publish: the server answers 401: bad token *** [31m`);
  });

  it('speaks something else, very slowly, or not at all', async (t) => {
    let connection = 0;
    const timers: NodeJS.Timeout[] = [];
    const port = await serve(t, (socket) => {
      connection += 1;
      if (connection === 1) socket.end('220 smtp.example.org ESMTP\r\n');
      if (connection !== 2) return;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      timers.push(setInterval(() => socket.write('x'), 20));
    });
    t.after(() => {
      for (const timer of timers) clearInterval(timer);
    });
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher({ port, requestTimeoutMs: 150, connectTimeoutMs: 1000 });
    const statuses = listen(publisher);
    const published = publisher.publish(message('a'), never);
    await until(() => troubles(statuses).length >= 3, 'three attempts');
    assert.deepEqual(troubles(statuses).slice(0, 3), ['protocol-error', 'receipt-timeout', 'receipt-timeout']);
    assert.ok(await isPending(published));
    published.catch(() => undefined);
  });

  it('confirms a message that it cannot have yet', async (t) => {
    const bench = await AmsBench.start(t);
    const port = await hasty(t, '200 OK', '{"messageIds":["1"]}');
    const publisher = bench.publisher({ port, serverLimitBytes: 2 * LARGE });
    const statuses = listen(publisher);
    const published = rejection(publisher.publish({ id: 'a', body: Buffer.alloc(LARGE) }, never), 'closed');
    await until(() => troubles(statuses).length > 0, 'its end');
    assert.equal(troubles(statuses)[0], 'connection-lost');
    await publisher.drain(AbortSignal.abort());
    await published;
  });

  it('refuses a message before it has it, and ends the connection', async (t) => {
    const bench = await AmsBench.start(t);
    const port = await hasty(t, '413 Payload Too Large', '');
    const publisher = bench.publisher({ port, serverLimitBytes: 2 * LARGE });
    const statuses = listen(publisher);
    const published = rejection(publisher.publish({ id: 'a', body: Buffer.alloc(LARGE) }, never), 'message-refused');
    await published;
    assert.ok(troubles(statuses).every((code) => code === 'connection-lost'));
  });

  it('switches to another protocol', async (t) => {
    const port = await serve(t, (socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: Upgrade\r\n\r\n'));
    });
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher({ port });
    const subscriber = bench.subscriber({ port });
    const ends = [publisher, subscriber].map((end) => listen(end));
    const published = rejection(publisher.publish(message('a'), never), 'closed');
    const next = new Reader(subscriber).next();
    for (const statuses of ends) {
      await until(() => troubles(statuses).length >= 2, 'two attempts');
      assert.equal(troubles(statuses)[0], 'protocol-error');
    }
    await within(Promise.all([publisher.drain(AbortSignal.timeout(50)), subscriber.drain(never)]), 'drained');
    await published;
    assert.equal((await next).done, true);
  });
});

/** More than the system takes of a connection that nobody reads. */
const LARGE = 64 * 1024 * 1024;

const answer = (line: string, text: string): string => `HTTP/1.1 ${line}\r\ncontent-length: ${text.length}\r\n\r\n${text}`;

/** A server that reads only the beginning of a large request, answers this, and ends the connection. To small ones it says that all is well. */
function hasty(t: TestContext, status: string, body: string): Promise<number> {
  return serve(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      const length = Number(/content-length: (\d+)/.exec(bytes.toString())?.[1] ?? 0);
      if (length === 0) return;
      if (length < LARGE) {
        socket.write(answer('200 OK', length < 20 ? '{"messageIds":[]}' : '{"messageIds":["1"]}'));
        return;
      }
      socket.pause();
      socket.write(answer(status, body), () => socket.destroy());
    });
  });
}

/** A server that speaks TLS, and then whatever it is told to. Gives its port. */
async function serve(t: TestContext, talk: (socket: TLSSocket) => void): Promise<number> {
  const { broker, ca } = pkiOf(t);
  const sockets: TLSSocket[] = [];
  const server = createServer({ key: broker.issued.keyPem, cert: broker.issued.certificatePem, ca: ca.certificatePem }, (socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return port;
}
