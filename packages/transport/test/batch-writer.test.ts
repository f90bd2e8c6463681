import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { Deferred } from '../src/deferred.js';
import { BatchWriter } from '../src/stomp/batch-writer.js';

const server = createServer();

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => void server.close());

async function connected(): Promise<{ here: Socket; there: Socket }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const here = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  const [[there]] = await Promise.all([accepted, once(here, 'connect')]);
  return { here, there };
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function flush(writer: BatchWriter): Promise<void> {
  const done = new Deferred<void>();
  writer.afterFlush(() => done.resolve());
  await done.promise;
}

/** On both sides of what one write holds. */
const SIZES = [0, 1, 5000, 100_000, 262_143, 262_144, 262_145, 900_001];

test('what is written arrives as it is, in its order, however large its pieces are', async () => {
  const { here, there } = await connected();
  const arrives = readAll(there);
  const writer = new BatchWriter(here);
  const expected: Buffer[] = [];
  for (const [round, first] of SIZES.entries()) {
    for (const size of [first, ...SIZES]) {
      const head = `SEND\nid:${size} Grüße\n\n`;
      const body = Buffer.alloc(size, `${round}:${size}|`);
      for (const piece of [head, body, '\0\n']) {
        writer.write(piece);
        expected.push(Buffer.from(piece));
      }
    }
    // Every other round comes while the system still takes the one before it.
    if (round % 2 === 1) await flush(writer);
  }
  await flush(writer);
  here.end();
  assert.ok(Buffer.concat(expected).equals(await arrives));
});
