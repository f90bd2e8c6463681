/** What must be so between a sender and a receiver, on whatever broker: real processes, some of which die by SIGKILL and are started again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, namesInDirq, type Scope } from '@ssm/test-support';
import type { ConfigFile, Service } from '../support/services.js';
import { addToDirq, eachExactlyOnce, type World } from './world.js';

const MESSAGES = 12;
const KILL_AT = 4;

export interface Setting {
  readonly world: (scope: Scope) => Promise<World>;
  /** For both services. */
  readonly config?: ConfigFile;
}

/** Dead by the hook, not by a fault of its own. */
export async function diesByHook(service: Service): Promise<void> {
  await eventually(() => service.child.exit !== undefined, { timeout: 60_000, what: `${service.name} killed by its hook` });
  assert.equal(service.child.exit?.signal, 'SIGKILL', service.child.output());
}

/** All is quiet: nothing is left to send, nothing waits at the broker, nothing is in work. */
async function allQuiet(world: World, receiver: Service): Promise<void> {
  await eventually(() => namesInDirq(world.outgoing).length === 0, { timeout: 60_000, what: 'an empty outgoing queue' });
  await eventually(async () => (await receiver.metric('ssm_in_flight_messages')) === 0, { what: 'nothing in work' });
}

/** Every message is in incoming, once, and nothing else. */
export async function settled(world: World, receiver: Service, hashes: readonly string[]): Promise<void> {
  await world.freeStuck(async () => (await world.arrived()).size >= hashes.length);
  await eachExactlyOnce(world, hashes, 60_000);
  await allQuiet(world, receiver);
  const arrived = await world.arrived();
  assert.deepEqual(
    [...arrived.values()].filter((count) => count !== 1),
    [],
    'stored more than once',
  );
  assert.equal(arrived.size, hashes.length, 'something else was stored');
}

export function senderKills(stages: readonly string[], { world: create, config = {} }: Setting): void {
  describe('a sender killed', () => {
    for (const stage of stages)
      it(`at ${stage} loses nothing and repeats nothing`, async (test) => {
        const world = await create(test);
        const hashes = addToDirq(world.outgoing, MESSAGES);
        const receiver = await world.receiver({ config });
        await receiver.ready(60_000);
        await diesByHook(await world.sender({ config, killAt: { stage, count: KILL_AT } }));
        const again = await world.sender({ config });
        await again.ready(60_000);
        await settled(world, receiver, hashes);
        assert.equal(await again.stop(), 0);
        assert.equal(await receiver.stop(), 0);
      });
  });
}

export function receiverKills(stages: readonly string[], { world: create, config = {} }: Setting): void {
  describe('a receiver killed', () => {
    for (const stage of stages)
      it(`at ${stage} loses nothing and repeats nothing`, async (test) => {
        const world = await create(test);
        const hashes = addToDirq(world.outgoing, MESSAGES);
        const first = await world.receiver({ config, killAt: { stage, count: KILL_AT } });
        const sender = await world.sender({ config });
        await diesByHook(first);
        const again = await world.receiver({ config });
        await again.ready(60_000);
        await settled(world, again, hashes);
        assert.equal(await sender.stop(), 0);
        assert.equal(await again.stop(), 0);
      });
  });
}

/** Two receivers on one volume share the record of what was delivered. */
export function replicas(
  { messages, rounds }: { readonly messages: number; readonly rounds: number },
  { world: create, config = {} }: Setting,
): void {
  it('two receivers on one volume, killed in turn, store each message exactly once', async (test) => {
    const world = await create(test);
    const receiver = (index: number): Promise<Service> => world.receiver({ config, instance: `receiver-${index + 1}` });
    const receivers = [await receiver(0), await receiver(1)];
    const sender = await world.sender({ config });
    await Promise.all([...receivers, sender].map((service) => service.ready(60_000)));

    const hashes: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const index of [0, 1]) {
        hashes.push(...addToDirq(world.outgoing, messages / rounds / 2));
        await eventually(async () => (await world.arrived()).size > hashes.length - 20, { timeout: 60_000, what: 'messages arriving' });
        await receivers[index]!.kill();
        receivers[index] = await receiver(index);
      }
    }

    await Promise.all(receivers.map((each) => each.ready(60_000)));
    await settled(world, receivers[0]!, hashes);
    await eventually(async () => assert.equal(await sender.metric('ssm_messages_total', { result: 'sent' }), hashes.length), {
      what: `all ${hashes.length} sent`,
    });
    assert.deepEqual(await Promise.all([sender, ...receivers].map((service) => service.stop())), [0, 0, 0]);
  });
}
