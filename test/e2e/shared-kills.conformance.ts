import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, namesInDirq, requireTools } from '@ssm/test-support';
import type { Service } from '../support/services.js';
import { alarmed, quiet, SharedWorld } from './shared.js';
import { addToDirq } from './world.js';

// Two receivers with a volume each share their record through a real server; one is killed, and the other gets its messages.

const skip = requireTools('redis');
const MESSAGES = 16;
const KILL_AT = 3;
/** From the claim of a message until it is told that it is stored, others must wait for it. */
const BOUNDARIES = [
  { stage: 'stage', isHalfWay: false },
  { stage: 'record', isHalfWay: true },
  { stage: 'store', isHalfWay: true },
  { stage: 'tell', isHalfWay: false },
  { stage: 'acknowledge', isHalfWay: false },
];

async function dies({ child, name }: Service): Promise<void> {
  await eventually(() => child.exit !== undefined, { timeout: 30_000, what: `${name} killed by its hook` });
  assert.equal(child.exit?.signal, 'SIGKILL', child.output());
}

it('a receiver killed between stage and acknowledge that comes back: each message is once in one of the volumes', {
  skip,
}, async (test) => {
  const shared = await SharedWorld.create(test);
  const { world } = shared;
  const { receiver: other } = await shared.receiver(2);
  const sender = await world.sender();
  const hashes: string[] = [];
  for (const { stage, isHalfWay } of BOUNDARIES) {
    const { receiver: victim } = await shared.receiver(1, { killAt: { stage, count: KILL_AT } });
    await Promise.all([victim, other, sender].map((service) => service.ready()));
    hashes.push(...addToDirq(world.outgoing, MESSAGES));
    await dies(victim);
    if (isHalfWay)
      await eventually(async () => assert.ok((await other.metric('ssm_held_messages')) > 0), { timeout: 30_000, what: 'held' });
    const { receiver: again } = await shared.receiver(1);
    await again.ready();
    await shared.eachOnce(hashes, [1, 2]);
    await quiet(again, other);
    await shared.eachOnce(hashes, [1, 2]);
    assert.equal(await again.stop(), 0);
  }
  assert.equal(await other.metric('ssm_local_troubles_total'), 0);
  assert.equal(namesInDirq(world.outgoing).length, 0);
  assert.deepEqual(await Promise.all([sender.stop(), other.stop()]), [0, 0]);
});

describe('a receiver killed that does not come back', () => {
  for (const { stage } of BOUNDARIES.filter(({ isHalfWay }) => isHalfWay))
    it(`at ${stage}: the other stops within the limit, and an operator adopts what was half-way`, { skip }, async (test) => {
      const shared = await SharedWorld.create(test);
      const { world } = shared;
      // So that the killed one has exactly one message in work, and the other does not take all before.
      const args = ['--window=1', '--broker.window=1'];
      const victim = await shared.receiver(1, { killAt: { stage, count: KILL_AT }, args });
      const other = await shared.receiver(2, { holdLimit: '2s', args });
      await Promise.all([victim, other].map(({ receiver }) => receiver.ready()));
      const hashes = addToDirq(world.outgoing, MESSAGES);
      const sender = await world.sender();
      await dies(victim.receiver);

      const lost = shared.nameOf(1);
      await alarmed(other.receiver, new RegExp(`half-way on another volume: ${lost} \\(receiver-1 `));
      // Nothing is tried with a message while it lasts: probes go on, deliveries do not.
      const received = await other.receiver.metric('ssm_received_messages_total');
      const probed = async (): Promise<number> => other.receiver.metric('ssm_local_troubles_total', { component: 'delivery-record' });
      const probes = await probed();
      await eventually(async () => assert.ok((await probed()) >= probes + 2), { timeout: 60_000, what: 'two more probes' });
      assert.equal(await other.receiver.metric('ssm_received_messages_total'), received);
      assert.equal(await other.receiver.metric('ssm_held_messages'), 1);

      const shown = await shared.adopt(other);
      assert.equal(shown.code, 0);
      assert.match(shown.text, new RegExp(`"volume":"${lost}".*"halfWay":1`));
      const refused = await shared.adopt(other, '--volume', lost);
      assert.equal(refused.code, 1);
      assert.match(refused.text, /may still store what it has half-way/);
      const adopted = await shared.adopt(other, '--volume', lost, '--force');
      assert.equal(adopted.code, 0, adopted.text);
      assert.match(adopted.text, /will be there twice/);

      await other.receiver.ready(60_000);
      assert.equal(await other.receiver.metric('ssm_held_messages'), 0);
      const twice = stage === 'store' ? 1 : 0;
      await shared.eachOnce(hashes, [1, 2], twice);
      // What the lost one had not shown to its loader is thrown away when it comes back.
      const back = await shared.receiver(1);
      await back.receiver.ready();
      await quiet(back.receiver, other.receiver);
      await shared.eachOnce(hashes, [1, 2], twice);
      assert.equal(await back.receiver.metric('ssm_stored_twice_messages_total'), twice);
      assert.match(back.receiver.child.output(), stage === 'store' ? /are here and on another volume/ : /was thrown away/);
      assert.deepEqual(await Promise.all([sender, back.receiver, other.receiver].map((service) => service.stop())), [0, 0, 0]);
    });
});
