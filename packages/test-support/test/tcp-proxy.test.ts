import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, startTcpProxy, type TcpProxy } from '../src/index.js';

interface Line {
  readonly socket: Socket;
  received: Buffer;
  ended: boolean;
  error: NodeJS.ErrnoException | undefined;
}

function watch(socket: Socket): Line {
  const line: Line = { socket, received: Buffer.alloc(0), ended: false, error: undefined };
  socket.on('data', (bytes: Buffer) => {
    line.received = Buffer.concat([line.received, bytes]);
  });
  socket.on('end', () => {
    line.ended = true;
  });
  socket.on('error', (error) => {
    line.error = error;
  });
  return line;
}

/** A server that remembers its connections, and a proxy in front of it. */
async function setUp(t: TestContext): Promise<{ proxy: TcpProxy; served: Line[]; dial: () => Line }> {
  const served: Line[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => served.push(watch(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const proxy = await startTcpProxy(t, { port: address.port });
  const dialled: Line[] = [];
  t.after(() => {
    for (const { socket } of [...served, ...dialled]) socket.destroy();
    server.close();
  });
  const dial = (): Line => {
    const line = watch(connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true }));
    dialled.push(line);
    return line;
  };
  return { proxy, served, dial };
}

async function peer(served: readonly Line[], index = 0): Promise<Line> {
  return await eventually(() => served[index] ?? false);
}

describe('startTcpProxy', () => {
  it('passes bytes and the end of each stream', async (t) => {
    const { proxy, served, dial } = await setUp(t);
    const client = dial();
    const sent = randomBytes(3_000_000);
    client.socket.end(sent);
    const server = await peer(served);
    await eventually(() => server.ended);
    assert.equal(server.received.equals(sent), true);
    assert.equal(client.ended, false);
    server.socket.end(sent);
    await eventually(() => client.ended);
    assert.equal(client.received.equals(sent), true);
    assert.deepEqual(proxy.forwarded, { toTarget: sent.length, toClient: sent.length });
    await eventually(() => proxy.open === 0);
    assert.equal(proxy.accepted, 1);
  });

  it('cuts what is open and serves what comes next', async (t) => {
    const { proxy, served, dial } = await setUp(t);
    const client = dial();
    client.socket.write('a');
    const server = await peer(served);
    await eventually(() => server.received.length === 1);
    proxy.cutAll();
    await eventually(() => assert.equal(client.error?.code, 'ECONNRESET'));
    await eventually(() => assert.equal(server.error?.code, 'ECONNRESET'));
    const next = dial();
    next.socket.write('b');
    const second = await peer(served, 1);
    await eventually(() => second.received.length === 1);
    proxy.cutAll('end');
    await eventually(() => next.ended && second.ended);
    assert.equal(next.error, undefined);
  });

  it('passes a reset on', async (t) => {
    const { served, dial } = await setUp(t);
    const client = dial();
    const server = await peer(served);
    server.socket.resetAndDestroy();
    await eventually(() => assert.equal(client.error?.code, 'ECONNRESET'));
  });

  it('refuses, keeps what is open, and serves the same port again', async (t) => {
    const { proxy, served, dial } = await setUp(t);
    const early = dial();
    const server = await peer(served);
    await proxy.setMode({ type: 'refuse' });
    const refused = dial();
    await eventually(() => assert.equal(refused.error?.code, 'ECONNREFUSED'));
    early.socket.write('still here');
    await eventually(() => assert.equal(server.received.toString(), 'still here'));
    await proxy.setMode({ type: 'pass' });
    dial();
    await peer(served, 1);
  });

  it('is a black hole, for open connections and new ones, until it is none', async (t) => {
    const { proxy, served, dial } = await setUp(t);
    const early = dial();
    const server = await peer(served);
    await proxy.setMode({ type: 'black-hole' });
    const late = dial();
    await once(late.socket, 'connect');
    const sent = randomBytes(5_000_000);
    early.socket.end(sent);
    late.socket.write('late');
    server.socket.write('to the client');
    await sleep(50);
    assert.equal(server.received.length + early.received.length, 0);
    assert.equal(server.ended, false);
    assert.equal(served.length, 1);
    await proxy.setMode({ type: 'pass' });
    await eventually(() => server.ended);
    assert.equal(server.received.equals(sent), true);
    await eventually(() => assert.equal(early.received.toString(), 'to the client'));
    const second = await peer(served, 1);
    await eventually(() => assert.equal(second.received.toString(), 'late'));
  });

  it('delays each way without reordering', async (t) => {
    const { proxy, served, dial } = await setUp(t);
    await proxy.setMode({ type: 'delay', ms: 60 });
    const client = dial();
    const server = await peer(served);
    const start = performance.now();
    client.socket.write('1');
    await sleep(5);
    client.socket.write('2');
    await eventually(() => assert.equal(server.received.toString(), '12'));
    assert.ok(performance.now() - start >= 60);
  });

  it('throttles', async (t) => {
    const { proxy, served, dial } = await setUp(t);
    await proxy.setMode({ type: 'throttle', bytesPerSecond: 100_000 });
    const client = dial();
    const start = performance.now();
    client.socket.end(Buffer.alloc(20_000));
    const server = await peer(served);
    await eventually(() => server.ended);
    assert.equal(server.received.length, 20_000);
    assert.ok(performance.now() - start >= 150);
  });
});
