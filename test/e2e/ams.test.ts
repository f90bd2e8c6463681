import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, type Scope } from '@ssm/test-support';
import { AMS_TOKEN, type AmsProcess, amsConfig, startAmsProcess } from '../support/ams.js';
import type { Service } from '../support/services.js';
import { diesByHook, settled } from './delivery-suite.js';
import { addToDirq, type StartOptions, World } from './world.js';

// Real services over AMS, which they get into by their certificates.

const MESSAGES = 30;
const KILL_AT = 4;

interface Stage {
  readonly world: World;
  readonly ams: AmsProcess;
  readonly sender: (options?: StartOptions) => Promise<Service>;
  readonly receiver: (options?: StartOptions) => Promise<Service>;
}

async function stage(scope: Scope): Promise<Stage> {
  const world = await World.create(scope);
  const ams = await startAmsProcess(scope, world.pki);
  return {
    world,
    ams,
    sender: (options = {}) => world.sender({ ...options, config: amsConfig(ams, 'sender') }),
    receiver: (options = {}) => world.receiver({ ...options, config: amsConfig(ams, 'receiver') }),
  };
}

describe('over AMS', () => {
  it('every message arrives, once, and the receiver says how many wait', async (test) => {
    const all = await stage(test);
    const [sender, receiver] = await Promise.all([all.sender(), all.receiver()]);
    await Promise.all([sender.ready(), receiver.ready()]);
    const hashes = addToDirq(all.world.outgoing, MESSAGES * 3);
    await settled(all.world, receiver, hashes);
    assert.equal(await sender.metric('ssm_messages_total', { result: 'sent' }), hashes.length);
    assert.equal(await receiver.metric('ssm_messages_total', { result: 'stored' }), hashes.length);
    await eventually(async () => assert.equal(await receiver.metric('ssm_unacknowledged_messages_total'), 0), { what: 'acknowledged' });
    const metrics = await (await fetch(`${receiver.url}/metrics`)).text();
    assert.match(metrics, new RegExp(`^ssm_broker_lag_messages\\{broker="127.0.0.1:${all.ams.port}"\\} \\d+$`, 'm'));
    assert.equal(await sender.stop(), 0);
    assert.equal(await receiver.stop(), 0);
    for (const service of [sender, receiver]) assert.doesNotMatch(service.child.output(), /secret-of/);
  });

  it('a sender that was told to send once ends when all is there', async (test) => {
    const all = await stage(test);
    const hashes = addToDirq(all.world.outgoing, MESSAGES);
    const receiver = await all.receiver();
    // With a token nothing is asked of the port for certificates.
    const config = amsConfig(all.ams, 'sender', { token: AMS_TOKEN, authPort: 1 });
    const once = await all.world.sender({ args: ['--once'], config });
    assert.deepEqual(await once.child.exited, { code: 0, signal: null });
    await settled(all.world, receiver, hashes);
    assert.equal(await receiver.stop(), 0);
    assert.doesNotMatch(once.child.output(), new RegExp(AMS_TOKEN));
  });

  for (const at of ['publish', 'confirm'])
    it(`a sender killed at ${at} loses nothing and repeats nothing`, async (test) => {
      const all = await stage(test);
      const hashes = addToDirq(all.world.outgoing, MESSAGES);
      const receiver = await all.receiver();
      await diesByHook(await all.sender({ killAt: { stage: at, count: KILL_AT } }));
      const again = await all.sender();
      await settled(all.world, receiver, hashes);
      assert.equal(await again.stop(), 0);
      assert.equal(await receiver.stop(), 0);
    });

  for (const at of ['record', 'store', 'acknowledge'])
    it(`a receiver killed at ${at} loses nothing and repeats nothing`, async (test) => {
      const all = await stage(test);
      const hashes = addToDirq(all.world.outgoing, MESSAGES);
      const first = await all.receiver({ killAt: { stage: at, count: KILL_AT } });
      const sender = await all.sender();
      await diesByHook(first);
      const again = await all.receiver();
      await settled(all.world, again, hashes);
      assert.equal(await sender.stop(), 0);
      assert.equal(await again.stop(), 0);
    });

  it('survives a server that is restarted, with everything that it had forgotten', async (test) => {
    const all = await stage(test);
    const [sender, receiver] = await Promise.all([all.sender(), all.receiver()]);
    const before = addToDirq(all.world.outgoing, MESSAGES);
    await settled(all.world, receiver, before);
    all.ams.child.signal('SIGKILL');
    await all.ams.child.exited;
    const during = addToDirq(all.world.outgoing, MESSAGES);
    await eventually(async () => assert.equal((await fetch(`${sender.url}/health/ready`)).status, 503), {
      timeout: 20_000,
      what: 'not ready',
    });
    await startAmsProcess(test, all.world.pki, ['--port', String(all.ams.port), '--auth-port', String(all.ams.authPort)]);
    await settled(all.world, receiver, [...before, ...during]);
    await Promise.all([sender.ready(), receiver.ready()]);
    assert.equal(await sender.stop(), 0);
    assert.equal(await receiver.stop(), 0);
  });
});
