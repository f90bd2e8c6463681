import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Message } from '../src/message.js';
import { Queue } from '../src/queue.js';

const numbered = (count: number): Message[] => Array.from({ length: count }, (_, index) => new Message(index, 'q', [], Buffer.alloc(0)));

describe('Queue', () => {
  it('keeps the order over many messages, takes and returns', () => {
    const queue = new Queue('q');
    for (const message of numbered(5000)) queue.add(message);
    const taken = Array.from({ length: 3000 }, () => queue.take()).filter((message) => message !== undefined);
    for (const message of taken.filter(({ sequence }) => sequence % 2 === 0)) queue.settle(message);
    queue.giveBack(taken.toReversed());
    assert.equal(queue.depth, 3500);
    assert.equal(queue.waiting, 3500);
    const order = Array.from({ length: 3500 }, () => queue.take()?.sequence ?? Number.NaN);
    assert.deepEqual(order.slice(0, 3), [1, 3, 5]);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    assert.equal(queue.take(), undefined);
    assert.equal(queue.messages().length, 3500);
  });

  it('passes over consumers that are not ready', () => {
    const queue = new Queue('q');
    const got: number[] = [];
    const consumer = { ready: false, deliver: (message: Message) => void got.push(message.sequence) };
    const idle = { ready: false, deliver: () => assert.fail() };
    queue.addConsumer(idle);
    queue.addConsumer(consumer);
    for (const message of numbered(3)) queue.add(message);
    queue.dispatch();
    assert.deepEqual(got, []);
    consumer.ready = true;
    queue.dispatch();
    assert.deepEqual(got, [0, 1, 2]);
    queue.removeConsumer(consumer);
    queue.removeConsumer(consumer);
    assert.equal(queue.unused, false);
  });
});
