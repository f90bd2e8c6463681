import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { addElement, eventually } from '@ssm/test-support';
import { settled } from '../e2e/delivery-suite.js';
import { addToDirq } from '../e2e/world.js';
import { quarantined } from '../stage/outgoing.js';
import { meet, type QueueType, type Venue } from './venue.js';

const NEIGHBOURS = 20;
/** Times that a sealed message of random bytes is larger than its file, at least. */
const MARGIN = 1.2;

/** The broker's limit, as the sender meets it. */
export function refusesTheLargeOneOnly(venue: Venue, type: QueueType, largest: number): void {
  it(`puts a file that the broker does not take into quarantine, and delivers its neighbours, ${type}`, async (test) => {
    const { world } = await meet(test, venue, type);
    const receiver = await world.receiver();
    await receiver.ready(60_000);
    // Between the others, so that it is in flight with them.
    const hashes = addToDirq(world.outgoing, NEIGHBOURS / 2);
    const large = randomBytes(Math.ceil(largest * MARGIN));
    addElement(world.outgoing, large);
    hashes.push(...addToDirq(world.outgoing, NEIGHBOURS / 2));
    const sender = await world.sender();
    let retried = 0;
    const isQuarantined = async (): Promise<void> => {
      const now = await sender.metric('ssm_messages_total', { result: 'retried' });
      // That others pass shows that it is not the queue that is full.
      if (now > retried) hashes.push(...addToDirq(world.outgoing, 1));
      retried = now;
      assert.equal(quarantined(world.outgoing).length, 1);
    };
    await eventually(isQuarantined, { timeout: 90_000, what: 'the large one in quarantine' });
    await settled(world, receiver, hashes);

    const element = path.join(world.outgoing, '.quarantine', quarantined(world.outgoing)[0] ?? '');
    assert.ok(readFileSync(path.join(element, 'body')).equals(large));
    const reason = readFileSync(path.join(element, 'error'), 'utf8');
    const { host, tlsPort } = venue.broker;
    assert.match(reason, /^message-refused: /);
    assert.ok(reason.includes(`${host}:${tlsPort}: `), reason);
    const [, bytes] = /(\d+) bytes\b(?! at most)/.exec(reason) ?? [];
    assert.ok(Number(bytes) > largest, reason);
    // In flight with the others, twice alone, and alone each time that it was tried again.
    assert.ok((await sender.metric('ssm_broker_disconnects_total')) <= 3 + retried);
    await sender.ready();
    assert.equal(await sender.metric('ssm_messages_total', { result: 'sent' }), hashes.length);
    assert.deepEqual(await Promise.all([sender, receiver].map((service) => service.stop())), [0, 0]);
  });
}
