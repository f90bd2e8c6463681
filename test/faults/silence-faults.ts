import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { eventually } from '@ssm/test-support';
import { disturbance } from '../stage/disturbances.js';
import type { Slot } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import { repeats } from './broker-faults.js';
import { type Fault, type Outcome, secondsSince } from './fault.js';

// The broker, or the network, says nothing any more: nobody may wait for TCP's own time-outs, which are a quarter of an hour.

const MESSAGES = 40;
const HEARTBEAT = { broker: { heartbeat: '1s', connectTimeout: '2s', receiptTimeout: '30s' } };
/** A busy machine may be late; TCP's time-out is far away from this. */
const GRACE_SECONDS = 15;

/** What both agreed on for the broker's heart-beats, in seconds; from the log of the service that runs. */
async function agreedHeartbeat(slot: Slot): Promise<number> {
  const { heartbeatMs } = await slot.says('connected to the broker');
  assert.ok(heartbeatMs !== undefined && heartbeatMs.incoming > 0, 'no heart-beats were agreed on');
  return heartbeatMs.incoming / 1000;
}

/** Seconds until the service says that the broker is silent; they must be at most twice the heart-beat that was agreed on. */
async function noticed(slot: Slot, start: number, from: number): Promise<number> {
  const heartbeat = await agreedHeartbeat(slot);
  await slot.says('the broker is away', { code: 'broker-silent', from });
  const seconds = secondsSince(start);
  assert.ok(seconds <= 2 * heartbeat + GRACE_SECONDS, `${slot.name} noticed after ${seconds} s, at a heart-beat of ${heartbeat} s`);
  return seconds;
}

/** Both run, then nothing comes through any more, then everything does again. */
async function silence(stage: Stage, begin: () => unknown, end: () => unknown): Promise<Outcome> {
  const { sender, receiver } = await stage.pair();
  stage.add(MESSAGES);
  await stage.arrived();
  const from = { sender: sender.printed, receiver: receiver.printed };
  const start = performance.now();
  await begin();
  stage.add(MESSAGES);
  const [senderNoticed, receiverNoticed] = await Promise.all([
    noticed(sender, start, from.sender),
    noticed(receiver, start, from.receiver),
  ]);
  const heartbeatSeconds = await agreedHeartbeat(receiver);
  await end();
  const healed = performance.now();
  await Promise.all([sender.ready(), receiver.ready()]);
  const backSeconds = secondsSince(healed);
  return { tally: await stage.count(), figures: { heartbeatSeconds, senderNoticed, receiverNoticed, backSeconds } };
}

const frozen: Fault = {
  name: 'broker-frozen',
  durable: true,
  stage: { config: HEARTBEAT },
  run: async (stage) => {
    let heal: (() => Promise<void>) | undefined;
    const begin = async (): Promise<void> => {
      heal = await disturbance('broker-freezes').begin(stage);
    };
    try {
      return await silence(stage, begin, () => heal?.());
    } finally {
      await heal?.();
    }
  },
};

const halfOpen: Fault = {
  name: 'half-open-connections',
  stage: { proxied: true, config: HEARTBEAT },
  run: async (stage) => {
    const [proxy] = stage.proxies;
    return await silence(
      stage,
      () => proxy?.setMode({ type: 'black-hole' }),
      // What was held back is lost: it was never acknowledged by anybody's TCP.
      () => {
        proxy?.cutAll();
        return proxy?.setMode({ type: 'pass' });
      },
    );
  },
};

function dropPackets(action: '-A' | '-D', port: number): void {
  for (const way of ['--dport', '--sport']) {
    const args = [action, 'INPUT', '-p', 'tcp', way, String(port), '-j', 'DROP'];
    const { status, stderr } = spawnSync('iptables', ['-w', ...args], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
}

const packetsDropped: Fault = {
  name: 'packets-dropped',
  namespace: true,
  tools: ['root', 'ip', 'iptables', 'unshare'],
  stage: { config: HEARTBEAT },
  run: async (stage) => {
    const port = stage.brokers[0]?.tlsPort ?? 0;
    return await silence(
      stage,
      () => dropPackets('-A', port),
      () => dropPackets('-D', port),
    );
  },
};

const silentFromTheStart: Fault = {
  name: 'broker-accepts-and-stays-silent',
  stage: { proxied: true, config: HEARTBEAT },
  run: async (stage) => {
    const [proxy] = stage.proxies;
    await proxy?.setMode({ type: 'black-hole' });
    const urls = [`stomp+ssl://127.0.0.1:${proxy?.port}`, stage.brokers[0]?.url];
    const [sender, receiver] = [stage.sender({ config: { broker: { urls } } }), stage.receiver({ config: { broker: { urls } } })];
    const start = performance.now();
    await Promise.all([sender.start(), receiver.start()]);
    await Promise.all([sender.ready(), receiver.ready()]);
    const otherUsedSeconds = secondsSince(start);
    assert.match(sender.service.child.output(), /connect-timeout/);
    stage.add(MESSAGES);
    await stage.arrived();
    await proxy?.setMode({ type: 'pass' });
    stage.add(MESSAGES);
    return { tally: await stage.count(), figures: { otherUsedSeconds } };
  },
};

const RECEIPT_TIMEOUT_SECONDS = 3;

const noReceipts: Fault = {
  name: 'receipts-never-come',
  stage: { proxied: true, config: { broker: { heartbeat: '30s', connectTimeout: '2s', receiptTimeout: `${RECEIPT_TIMEOUT_SECONDS}s` } } },
  run: async (stage) => {
    const [proxy] = stage.proxies;
    const sender = stage.sender();
    const receiver = stage.receiver({ config: { broker: { urls: stage.brokers.map(({ url }) => url) } } });
    await Promise.all([sender.start(), receiver.start()]);
    await Promise.all([sender.ready(), receiver.ready()]);
    await proxy?.setMode({ type: 'mute' });
    const start = performance.now();
    stage.add(MESSAGES);
    await sender.says('no receipt from the broker in time');
    const noticedSeconds = secondsSince(start);
    await stage.arrived();
    proxy?.cutAll();
    await proxy?.setMode({ type: 'pass' });
    await stage.settled();
    const found = async (): Promise<number | false> => (await repeats(receiver)) || false;
    const repeated = await eventually(found, { what: 'messages that were sent twice' });
    return { tally: await stage.count(), figures: { noticedSeconds, repeated } };
  },
};

export const SILENCE_FAULTS: readonly Fault[] = [silentFromTheStart, noReceipts, frozen, halfOpen, packetsDropped];
