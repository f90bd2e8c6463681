import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@ssm/test-support';
import { leftInDirq } from '../stage/outgoing.js';
import type { Service } from '../support/services.js';
import { addToDirq, eachExactlyOnce, World } from './world.js';

// Real processes that die by SIGKILL at a stage boundary, and are started again: each message exactly once in incoming.

const MESSAGES = 12;
const KILL_AT = 4;

const SENDER_STAGES = ['claim', 'seal', 'publish', 'confirm', 'remove'];
const RECEIVER_STAGES = ['deliver', 'open', 'authorise', 'stage', 'record', 'store', 'acknowledge'];

/** Dead by the hook, not by a fault of its own. */
async function diesByHook(service: Service): Promise<void> {
  await eventually(() => service.child.exit !== undefined, { timeout: 20_000, what: `${service.name} killed by its hook` });
  assert.equal(service.child.exit?.signal, 'SIGKILL', service.child.output());
}

/** All is quiet: nothing is left to send, nothing waits at the broker, nothing is in work. */
async function allQuiet(world: World, receiver: Service): Promise<void> {
  await eventually(() => leftInDirq(world.outgoing).length === 0, { timeout: 30_000, what: 'an empty outgoing queue' });
  await eventually(async () => (await receiver.metric('ssm_in_flight_messages')) === 0, { what: 'nothing in work' });
}

async function settled(world: World, receiver: Service, hashes: readonly string[]): Promise<void> {
  await eachExactlyOnce(world, hashes);
  await allQuiet(world, receiver);
  const arrived = await world.arrived();
  assert.deepEqual(
    [...arrived.values()].filter((count) => count !== 1),
    [],
    'stored more than once',
  );
  assert.equal(arrived.size, hashes.length, 'something else was stored');
}

describe('a sender killed', () => {
  for (const stage of SENDER_STAGES)
    it(`at ${stage} loses nothing and repeats nothing`, async (test) => {
      const world = await World.create(test);
      const hashes = addToDirq(world.outgoing, MESSAGES);
      const receiver = await world.receiver();
      await receiver.ready();
      await diesByHook(await world.sender({ killAt: { stage, count: KILL_AT } }));
      const again = await world.sender();
      await again.ready();
      await settled(world, receiver, hashes);
      assert.equal(await again.stop(), 0);
      assert.equal(await receiver.stop(), 0);
    });
});

describe('a receiver killed', () => {
  for (const stage of RECEIVER_STAGES)
    it(`at ${stage} loses nothing and repeats nothing`, async (test) => {
      const world = await World.create(test);
      const hashes = addToDirq(world.outgoing, MESSAGES);
      const first = await world.receiver({ killAt: { stage, count: KILL_AT } });
      const sender = await world.sender();
      await diesByHook(first);
      const again = await world.receiver();
      await again.ready();
      await settled(world, again, hashes);
      assert.equal(await sender.stop(), 0);
      assert.equal(await again.stop(), 0);
    });
});
