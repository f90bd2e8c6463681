import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATUS_BUFFER, StatusFeed } from '../src/status.js';
import type { Status } from '../src/transport.js';

const connecting = (number: number): Status => ({ type: 'connecting', broker: String(number) });

async function all(statuses: AsyncIterable<Status>): Promise<string[]> {
  const brokers: string[] = [];
  for await (const { broker } of statuses) brokers.push(broker);
  return brokers;
}

describe('StatusFeed', () => {
  it('gives each reader everything since it asked, and then ends', async () => {
    const feed = new StatusFeed();
    feed.emit(connecting(0));
    const early = feed.read();
    feed.emit(connecting(1));
    const late = feed.read();
    feed.emit(connecting(2));
    feed.close();
    assert.deepEqual(await all(early), ['1', '2']);
    assert.deepEqual(await all(late), ['2']);
    assert.deepEqual(await all(feed.read()), []);
  });

  it('wakes a reader that waits', async () => {
    const feed = new StatusFeed();
    const reading = all(feed.read());
    await Promise.resolve();
    feed.emit(connecting(1));
    feed.close();
    assert.deepEqual(await reading, ['1']);
  });

  it('drops the oldest for a reader that does not read', async () => {
    const feed = new StatusFeed();
    const reader = feed.read();
    for (let number = 0; number < STATUS_BUFFER + 10; number += 1) feed.emit(connecting(number));
    feed.close();
    const brokers = await all(reader);
    assert.equal(brokers.length, STATUS_BUFFER);
    assert.equal(brokers[0], '10');
  });

  it('forgets a reader that stopped', async () => {
    const feed = new StatusFeed();
    feed.emit(connecting(0));
    const reader = feed.read();
    feed.emit(connecting(1));
    for await (const status of reader) {
      assert.equal(status.broker, '1');
      break;
    }
    feed.emit(connecting(2));
    assert.deepEqual(await all(reader), []);
  });
});
