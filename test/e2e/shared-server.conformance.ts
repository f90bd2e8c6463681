import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, requireTools } from '@ssm/test-support';
import { alarmed, quiet, SharedWorld, type Volume } from './shared.js';
import { addToDirq } from './world.js';

// Two receivers with a volume each, and the server of their record in trouble while messages flow.

const skip = requireTools('redis');
const MESSAGES = 60;

interface Flow {
  readonly shared: SharedWorld;
  readonly volumes: readonly [Volume, Volume];
  readonly hashes: string[];
  /** Adds messages, and waits until some have come through. */
  readonly add: () => Promise<void>;
}

async function flow(test: Parameters<typeof SharedWorld.create>[0], config: readonly string[] = []): Promise<Flow> {
  const shared = await SharedWorld.create(test, { config });
  const volumes = [await shared.receiver(1), await shared.receiver(2)] as const;
  const sender = await shared.world.sender();
  await Promise.all([...volumes.map(({ receiver }) => receiver), sender].map((service) => service.ready()));
  const hashes: string[] = [];
  const add = async (): Promise<void> => {
    const before = (await shared.counts(1, 2)).size;
    hashes.push(...addToDirq(shared.world.outgoing, MESSAGES));
    await eventually(async () => (await shared.counts(1, 2)).size > before, { timeout: 30_000, what: 'messages arriving' });
  };
  await add();
  return { shared, volumes, hashes, add };
}

async function done({ hashes, shared, volumes }: Flow): Promise<void> {
  const receivers = volumes.map(({ receiver }) => receiver);
  await Promise.all(receivers.map((receiver) => receiver.ready(60_000)));
  await shared.eachOnce(hashes, [1, 2]);
  await quiet(...receivers);
  await shared.eachOnce(hashes, [1, 2]);
  assert.deepEqual(await Promise.all(receivers.map((receiver) => receiver.stop())), [0, 0]);
}

describe('the server of a shared record', { skip }, () => {
  it('killed during a burst and started again: nothing is consumed meanwhile, nothing lost, nothing stored twice', async (test) => {
    const all = await flow(test);
    await all.shared.server.kill();
    all.hashes.push(...addToDirq(all.shared.world.outgoing, MESSAGES));
    for (const { receiver } of all.volumes) await alarmed(receiver, /cannot be asked/);
    const arrived = (await all.shared.counts(1, 2)).size;
    assert.ok(arrived < all.hashes.length);
    await all.shared.server.start();
    await done(all);
  });

  it('silent during a burst: the same, and nothing hangs', async (test) => {
    const all = await flow(test);
    all.shared.server.freeze();
    all.hashes.push(...addToDirq(all.shared.world.outgoing, MESSAGES));
    for (const { receiver } of all.volumes) await alarmed(receiver, /no answer within 2000 ms/);
    all.shared.server.thaw();
    await done(all);
  });

  it('away while there is nothing to do: it is noticed without a message', async (test) => {
    const all = await flow(test);
    await all.shared.eachOnce(all.hashes, [1, 2]);
    await quiet(...all.volumes.map(({ receiver }) => receiver));
    await all.shared.server.stop();
    for (const { receiver } of all.volumes) await alarmed(receiver);
    const { receiver: third } = await all.shared.receiver(3);
    await alarmed(third);
    await all.shared.server.start();
    await third.ready(60_000);
    assert.equal(await third.stop(), 0);
    await all.add();
    await done(all);
  });

  it('that forgot everything stops the receivers, until an operator accepts it', async (test) => {
    const all = await flow(test, ['--appendonly', 'no']);
    assert.match(all.volumes[0].receiver.child.output(), /server-not-durable/);
    await all.shared.server.kill();
    await all.shared.server.start();
    all.hashes.push(...addToDirq(all.shared.world.outgoing, MESSAGES));
    for (const { receiver } of all.volumes) await alarmed(receiver, /has lost what it knew of deliveries/);
    // The alarm comes first, what the volumes remember is told behind it.
    const bothWait = async (): Promise<void> => {
      const shown = await all.shared.adopt(all.volumes[0]);
      assert.equal([...shown.text.matchAll(/"waitsForAcceptance":true/g)].length, 2, shown.text);
    };
    await eventually(bothWait, { timeout: 60_000, interval: 500, what: 'both volumes waiting' });
    assert.equal((await all.shared.adopt(all.volumes[0], '--emptyServer')).code, 0);
    await done(all);
  });
});
