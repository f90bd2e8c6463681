import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type ListenOptions, Server, type Socket } from 'node:net';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { createHealth } from '../src/health.js';
import { createMetrics } from '../src/metrics.js';
import { OPS_LIMITS, type OpsServer, startOpsServer } from '../src/ops-server.js';

const health = createHealth({ stuckAfterMs: 1_000 });
const metrics = createMetrics({ service: 'sender', version: '1' });

async function start(t: TestContext, options: Partial<Parameters<typeof startOpsServer>[0]> = {}): Promise<OpsServer> {
  const server = await startOpsServer({ host: '127.0.0.1', port: 0, health, metrics, ...options });
  t.after(() => server.close());
  return server;
}

async function ask(server: OpsServer, path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${server.url}${path}`, { agent: false, ...options }, resolve)
      .on('error', reject)
      .end(options.body);
  });
  const body = (await answer.setEncoding('utf8').toArray()).join('');
  return { status: answer.statusCode, headers: answer.headers, body };
}

/** Sends raw bytes and reads until the server closes. */
async function raw(t: TestContext, server: OpsServer, bytes: string): Promise<string> {
  const socket: Socket = connect(server.port, server.host);
  t.after(() => socket.destroy());
  socket.write(bytes);
  return (await socket.setEncoding('utf8').toArray()).join('');
}

test('readiness: 200 or 503, each component with its reason', async (t) => {
  const own = createHealth({ stuckAfterMs: 1_000 });
  const server = await start(t, { health: own });
  own.require('broker');
  const before = await ask(server, '/health/ready');
  assert.equal(before.status, 503);
  assert.deepEqual(JSON.parse(before.body), { ready: false, components: { broker: { ready: false, reason: 'not started' } } });
  own.set('broker', true);
  const after = await ask(server, '/health/ready');
  assert.equal(after.status, 200);
  assert.deepEqual(JSON.parse(after.body), { ready: true, components: { broker: { ready: true } } });
  assert.match(after.headers['content-type'] ?? '', /^application\/json/);
  assert.equal(after.headers['cache-control'], 'no-store');
});

test('liveness', async (t) => {
  let now = 0;
  const own = createHealth({ stuckAfterMs: 1_000, now: () => now });
  own.pending(() => true);
  const server = await start(t, { health: own });
  assert.equal((await ask(server, '/health/live')).status, 200);
  now = 2_000;
  const stuck = await ask(server, '/health/live');
  assert.equal(stuck.status, 503);
  assert.equal(JSON.parse(stuck.body).live, false);
});

test('metrics', async (t) => {
  const { status, headers, body } = await ask(await start(t), '/metrics');
  assert.equal(status, 200);
  assert.equal(headers['content-type'], metrics.contentType);
  assert.match(body, /^ssm_build_info\{/m);
});

test('a scrape that fails says nothing of the reason', async (t) => {
  const server = await start(t, { metrics: { contentType: 'x', render: () => Promise.reject(new Error('secret reason')) } });
  const { status, body } = await ask(server, '/metrics');
  assert.equal(status, 500);
  assert.ok(!body.includes('secret'));
});

test('HEAD, unknown paths, other methods, bodies', async (t) => {
  const server = await start(t);
  const head = await ask(server, '/health/live', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body], [200, '']);
  for (const path of ['/', '/health', '/metrics/', '/%2e%2e/etc/passwd', '/health/live%00']) {
    const { status, body } = await ask(server, path);
    assert.equal(status, 404, path);
    assert.deepEqual(JSON.parse(body), { error: 'not found' });
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
    const { status, headers } = await ask(server, '/metrics', { method });
    assert.equal(status, 405, method);
    assert.equal(headers.allow, 'GET, HEAD');
  }
  assert.equal((await ask(server, '/metrics', { body: 'x', headers: { 'content-length': '1' } })).status, 413);
  assert.equal((await ask(server, '/metrics', { method: 'POST', body: 'x'.repeat(1_000_000) })).status, 405);
});

test('nothing tells what serves, also when the request is broken', async (t) => {
  const server = await start(t);
  const { headers } = await ask(server, '/health/live');
  assert.deepEqual(Object.keys(headers).toSorted(), ['cache-control', 'connection', 'content-length', 'content-type', 'date']);
  const answers = [
    await raw(t, server, 'NONSENSE\r\n\r\n'),
    await raw(t, server, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(OPS_LIMITS.headerBytes)}\r\n\r\n`),
    await raw(t, server, 'GET /health/live HTTP/1.1\r\n\r\n'),
  ];
  for (const answer of answers) {
    assert.match(answer, /^HTTP\/1\.1 4\d\d /);
    assert.doesNotMatch(answer, /fastify|node/i);
  }
  assert.match(answers[1] ?? '', /^HTTP\/1\.1 431 /);
});

test('a connection is for one question, whatever the client would like', async (t) => {
  const server = await start(t);
  const answers = await raw(t, server, 'GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: keep-alive\r\n\r\n'.repeat(3));
  assert.match(answers, /^HTTP\/1\.1 200 OK\r\n[^{]*connection: close\r\n/i);
  assert.equal(answers.split('{"live":true}').length, 2);
});

test('a question that does not come to its end is given up in time', async (t) => {
  const server = await start(t, { limits: { requestMs: 500 } });
  const sockets = ['', 'GET /health/live HTTP/1.1\r\nX: '].map((bytes) => {
    const socket = connect(server.port, server.host).on('error', () => undefined);
    if (bytes !== '') socket.write(bytes);
    const timer = setInterval(() => socket.write(bytes === '' ? '' : 'a'), 100);
    t.after(() => {
      clearInterval(timer);
      socket.destroy();
    });
    return socket.resume();
  });
  // Node.js looks every 30 s, unless it is told otherwise.
  await eventually(() => sockets.every((socket) => socket.readableEnded || socket.closed), { timeout: 10_000 });
});

test('who reads an answer too slowly does not get all of it', async (t) => {
  const text = 'x'.repeat(100_000_000);
  const connectionMs = 1_000;
  const server = await start(t, { limits: { connectionMs }, metrics: { contentType: 'x', render: () => Promise.resolve(text) } });
  const socket = connect(server.port, server.host).on('error', () => undefined);
  t.after(() => socket.destroy());
  socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
  let length = 0;
  socket.on('data', (chunk) => {
    length += chunk.length;
    // Something moves all the time.
    socket.pause();
    setTimeout(() => socket.resume(), 50);
  });
  await sleep(2 * connectionMs);
  socket.removeAllListeners('data').on('data', (chunk) => {
    length += chunk.length;
  });
  socket.resume();
  await closeOf(socket);
  assert.ok(length > 0 && length < text.length, `${length} bytes`);
});

test('more connections than the limit: the oldest are closed, and who comes is answered', async (t) => {
  const server = await start(t);
  const sockets = Array.from({ length: OPS_LIMITS.connections + 5 }, () => connect(server.port, server.host).on('error', () => undefined));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const closed = (): number => sockets.filter((socket) => socket.closed || socket.readableEnded).length;
  for (const socket of sockets) socket.resume();
  await eventually(() => closed() === 5);
  for (let asked = 0; asked < 3; asked += 1) {
    assert.equal((await ask(server, '/health/live')).status, 200);
    // The first took a place, which it left to the others.
    await eventually(() => closed() === 6);
  }
});

test('an address in use or unknown is a coded error', async (t) => {
  const server = await start(t);
  const again = { host: server.host, port: server.port, health, metrics };
  await assert.rejects(startOpsServer(again), { code: 'ops-listen-failed' });
  await assert.rejects(startOpsServer({ ...again, host: '192.0.2.1' }), { code: 'ops-listen-failed' });
});

test('IPv6', async (t) => {
  const server = await start(t, { host: '::1' });
  assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
  assert.equal((await ask(server, '/health/live')).status, 200);
});

test(':: is every address', async (t) => {
  const { host, port, url } = await start(t, { host: '::' });
  assert.deepEqual([host, url], ['::', `http://[::]:${port}`]);
  for (const at of ['127.0.0.1', '[::1]']) assert.equal((await fetch(`http://${at}:${port}/health/live`)).status, 200, at);
});

/** A system that has no IPv6: listening at one of its addresses fails. */
function withoutIpv6(t: TestContext, code: string): void {
  const real = Reflect.get(Server.prototype, 'listen') as (this: Server, options: ListenOptions, ...more: unknown[]) => Server;
  t.mock.method(Server.prototype, 'listen', function (this: Server, options: ListenOptions, ...more: unknown[]): Server {
    if (options.host?.includes(':') !== true) return real.call(this, options, ...more);
    process.nextTick(() => this.emit('error', Object.assign(new Error('no IPv6 here'), { code })));
    return this;
  });
}

for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL'])
  test(`:: is every IPv4 address where the system has no IPv6 (${code})`, async (t) => {
    withoutIpv6(t, code);
    const server = await start(t, { host: '::' });
    assert.equal(server.url, `http://0.0.0.0:${server.port}`);
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/health/live`)).status, 200);
    await assert.rejects(startOpsServer({ host: '::', port: server.port, health, metrics }), { code: 'ops-listen-failed' });
    await assert.rejects(startOpsServer({ host: '::1', port: 0, health, metrics }), { code: 'ops-listen-failed' });
  });

test('close ends idle, busy and half-open connections at once', async (t) => {
  let scraping = false;
  const render = (): Promise<string> => {
    scraping = true;
    return new Promise(() => undefined);
  };
  const server = await startOpsServer({ host: '127.0.0.1', port: 0, health, metrics: { contentType: 'x', render } });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await new Promise<void>((resolve) => {
    request(`${server.url}/health/live`, { agent }, (answer) => answer.resume().on('end', resolve)).end();
  });
  const busy = request(`${server.url}/metrics`, { agent: false }).on('error', () => undefined);
  busy.end();
  const half = connect(server.port, server.host).on('error', () => undefined);
  await once(half, 'connect');
  half.write('GET /metr');
  await eventually(() => scraping);
  const ended = Promise.all([closeOf(busy), closeOf(half)]);
  // Without force the limit of a question would end them, later than this.
  const late = sleep(OPS_LIMITS.requestMs / 2, 'late', { ref: false });
  assert.notEqual(await Promise.race([server.close(), late]), 'late');
  await ended;
});

function closeOf(emitter: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => emitter.once('close', resolve));
}
