import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@ssm/test-support';
import { login, start, subscribe } from './raw-client.js';

const QUEUE = '/queue/q';
const SIZE = 512 * 1024;
const COUNT = 64;

describe('a client that does not read', () => {
  it('gets no more than a little into its buffer, and the rest when it reads', async (t) => {
    const broker = await start(t);
    const client = await login(t, broker);
    client.socket.pause();
    for (let index = 0; index < COUNT; index += 1) broker.publish(QUEUE, {}, Buffer.alloc(SIZE, index));
    client.write(subscribe('client-individual'));
    await eventually(() => assert.ok(broker.counters.deliveries > 0));
    const before = broker.counters.deliveries;
    assert.ok(before < COUNT / 2, `${before} deliveries`);
    client.socket.resume();
    const messages = await client.take(COUNT);
    for (const [index, { body }] of messages.entries()) assert.equal(body.equals(Buffer.alloc(SIZE, index)), true);
    assert.equal(broker.counters.deliveries, COUNT);
  });
});
