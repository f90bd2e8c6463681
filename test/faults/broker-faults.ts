import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import type { Slot } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import { type Fault, type Pace, secondsSince } from './fault.js';

// The broker restarts, dies, is away, is the wrong one.

const MESSAGES = 60;
const AWAY_SECONDS: Readonly<Record<Pace, number>> = { short: 20, long: 60 };
/** They are back within the longest pause between two attempts and the time to connect; the rest is for a machine that is busy. */
const BACK_WITHIN_SECONDS = 30;

/** Messages that the receiver was given twice, and stored once. */
export async function repeats(receiver: Slot): Promise<number> {
  return await receiver.service.metric('ssm_messages_total', { result: 'duplicate' });
}

/** The sender has a receipt for everything, nobody has taken anything yet. */
async function queueAll(stage: Stage): Promise<void> {
  const sender = stage.sender();
  await sender.start();
  await sender.ready();
  stage.add(MESSAGES);
  await stage.outgoingEmpty();
  await stage.depthReaches(stage.sent.length);
}

function afterReceipts(name: string, how: 'stop' | 'kill'): Fault {
  return {
    name,
    durable: true,
    run: async (stage) => {
      await queueAll(stage);
      await stage.brokers[0]?.[how]();
      stage.add(10);
      await stage.brokers[0]?.start();
      await stage.receiver().start();
      return { tally: await stage.count() };
    },
  };
}

/** What the broker has, and what its receipts never told: the sender must send it again, the receiver must find out. */
function beforeReceipts(name: string, how: 'stop' | 'kill'): Fault {
  return {
    name,
    durable: true,
    stage: { proxied: true, config: { broker: { heartbeat: '30s', receiptTimeout: '30s' } } },
    run: async (stage) => {
      const sender = stage.sender();
      await sender.start();
      await sender.ready();
      const [proxy] = stage.proxies;
      await proxy?.setMode({ type: 'mute' });
      stage.add(MESSAGES);
      await stage.depthReaches(MESSAGES);
      assert.equal(await sender.service.metric('ssm_messages_total', { result: 'sent' }), 0, 'a receipt came through');
      await stage.brokers[0]?.[how]();
      proxy?.cutAll();
      await proxy?.setMode({ type: 'pass' });
      await stage.brokers[0]?.start();
      const receiver = stage.receiver();
      await receiver.start();
      await stage.settled();
      const repeated = await repeats(receiver);
      return { tally: await stage.count(), figures: { repeated } };
    },
  };
}

const away: Fault = {
  name: 'broker-away',
  durable: true,
  stage: { config: { broker: { backoff: { maximum: '2s' } } } },
  run: async (stage, pace) => {
    const both = Object.values(await stage.pair());
    stage.add(MESSAGES);
    await stage.arrived();
    await stage.brokers[0]?.stop();
    stage.add(MESSAGES);
    await sleep(AWAY_SECONDS[pace] * 1000);
    for (const { service } of both) {
      assert.equal((await fetch(`${service.url}/health/ready`)).status, 503);
      assert.equal((await fetch(`${service.url}/health/live`)).status, 200);
    }
    await stage.brokers[0]?.start();
    const start = performance.now();
    await Promise.all(both.map((slot) => slot.ready()));
    const backSeconds = secondsSince(start);
    assert.ok(backSeconds <= BACK_WITHIN_SECONDS, `back after ${backSeconds} s`);
    return { tally: await stage.count(), figures: { awaySeconds: AWAY_SECONDS[pace], backSeconds } };
  },
};

const firstDown: Fault = {
  name: 'first-of-two-brokers-down-at-start',
  brokers: 2,
  run: async (stage) => {
    const [first, second] = stage.brokers;
    await first?.stop();
    const { receiver } = await stage.pair();
    stage.add(MESSAGES);
    await stage.arrived();
    await first?.start();
    const start = performance.now();
    const connected = async (): Promise<void> => assert.equal(await receiver.service.metric('ssm_broker_connected'), 2);
    await eventually(connected, { timeout: 60_000, interval: 100, what: 'the receiver connected to both brokers' });
    const joinedSeconds = secondsSince(start);
    await second?.stop();
    stage.add(MESSAGES);
    await stage.arrived();
    await second?.start();
    return { tally: await stage.count(), figures: { joinedSeconds } };
  },
};

const primaryKilled: Fault = {
  name: 'primary-killed-with-receipted-messages',
  brokers: 2,
  durable: true,
  run: async (stage) => {
    const [primary] = stage.brokers;
    await queueAll(stage);
    assert.equal(await primary?.depth(stage.options.queue), MESSAGES, 'all are at the primary');
    await primary?.kill();
    stage.add(MESSAGES);
    await stage.outgoingEmpty();
    await stage.receiver().start();
    await stage.arrived(MESSAGES);
    await primary?.start();
    return { tally: await stage.count() };
  },
};

export const BROKER_FAULTS: readonly Fault[] = [
  afterReceipts('broker-restarted-after-the-receipts', 'stop'),
  afterReceipts('broker-killed-after-the-receipts', 'kill'),
  beforeReceipts('broker-restarted-before-the-receipts', 'stop'),
  beforeReceipts('broker-killed-before-the-receipts', 'kill'),
  away,
  firstDown,
  primaryKilled,
];
