import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '@ssm/test-support';
import { replicas } from './delivery-suite.js';
import { addToDirq, eachExactlyOnce, World } from './world.js';

// Two receivers on one volume share the record of what was delivered.

/** Boundaries between the claim of a message and its acknowledgement. */
const BOUNDARIES = ['record', 'store'];

for (const stage of BOUNDARIES)
  it(`a replica that dies at ${stage} leaves a message that another, already running, gets again: it is there once`, async (test) => {
    const world = await World.create(test);
    const victim = await world.receiver({ instance: 'receiver-1', killAt: { stage, count: 4 } });
    const other = await world.receiver({ instance: 'receiver-2' });
    await Promise.all([victim, other].map((replica) => replica.ready()));
    const hashes = addToDirq(world.outgoing, 24);
    const sender = await world.sender();
    await eventually(() => victim.child.exit !== undefined, { timeout: 20_000, what: 'killed by its hook' });
    assert.equal(victim.child.exit?.signal, 'SIGKILL', victim.child.output());
    await eachExactlyOnce(world, hashes);
    await eventually(async () => assert.equal(await sender.metric('ssm_messages_total', { result: 'sent' }), hashes.length), {
      timeout: 20_000,
      what: `all ${hashes.length} sent`,
    });
    await eventually(async () => assert.equal(await other.metric('ssm_in_flight_messages'), 0), { what: 'nothing in work' });
    // The dead one had claimed it: without its record the other would have stored it again.
    assert.ok((await other.metric('ssm_messages_total', { result: 'duplicate' })) > 0);
    assert.deepEqual(
      [...(await world.arrived()).values()].filter((count) => count !== 1),
      [],
      'stored more than once',
    );
    assert.deepEqual(await Promise.all([sender, other].map((service) => service.stop())), [0, 0]);
  });

replicas({ messages: 150, rounds: 3 }, { world: (scope) => World.create(scope) });
