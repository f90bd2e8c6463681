import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { DISTURBANCES } from '../stage/disturbances.js';
import { memoryOf } from '../stage/memory.js';
import { leftOutgoing } from '../stage/outgoing.js';
import { progress } from '../stage/progress.js';
import type { Stage } from '../stage/stage.js';
import { repeats } from './broker-faults.js';
import { filesLeft, inTheMiddle } from './burst.js';
import { type Fault, type Outcome, type Pace, secondsSince } from './fault.js';

// The services' own processes: killed, stopped, and held up by a broker that is slow.

const KILLS: Readonly<Record<Pace, number>> = { short: 6, long: 20 };
const BATCH = 100;

/** Dies again and again, at moments that the seed chooses, while messages flow. */
async function killAtRandom(stage: Stage, who: 'sender' | 'receiver', kills: number): Promise<Outcome> {
  const pair = await stage.pair();
  const slot = pair[who];
  for (let kill = 0; kill < kills; kill += 1) {
    await inTheMiddle(stage, who, BATCH);
    await slot.kill();
    await slot.start();
  }
  await Promise.all([pair.sender.ready(), pair.receiver.ready()]);
  await stage.settled();
  const repeated = await repeats(pair.receiver);
  return { tally: await stage.count(), figures: { kills, repeated } };
}

const killed = (who: 'sender' | 'receiver'): Fault => ({
  name: `${who}-killed-at-random`,
  run: (stage, pace) => killAtRandom(stage, who, KILLS[pace]),
});

const BURST = 300;
const DRAIN_SECONDS = 25;

const stoppedInBurst: Fault = {
  name: 'stopped-in-a-burst',
  run: async (stage) => {
    const { sender, receiver } = await stage.pair();
    stage.add(BURST);
    await stage.arrived(stage.random.between(10, 60));
    const start = performance.now();
    await Promise.all([sender.stop(), receiver.stop()]);
    const stopSeconds = secondsSince(start);
    assert.ok(stopSeconds <= DRAIN_SECONDS + 5, `the stop took ${stopSeconds} s`);
    const left = leftOutgoing(stage.world.outgoing);
    const locked = left.filter((name) => name.endsWith('.lck') || name.startsWith('.claimed/'));
    assert.deepEqual(locked, [], 'something is left locked');
    const leftToSend = left.length;
    await Promise.all([sender.start(), receiver.start()]);
    return { tally: await stage.count(), figures: { stopSeconds, leftToSend } };
  },
};

const SLOW_FILES = 1000;
const SLOW_BYTES = 100_000;
const SLOW_SECONDS = 8;
/** Of growth above what it had when it was idle: the budget a few times over, and the garbage of Node. All files and their messages are 240 MB. */
const SLOW_GROWTH_MIB = 110;

const slow: Fault = {
  name: 'slow-broker',
  stage: { proxied: true, config: { broker: { byteBudget: '4MiB', window: 1000 } } },
  run: async (stage) => {
    const sender = stage.sender({ config: { message: { transferEncoding: 'base64' } } });
    await sender.start();
    await sender.ready();
    const idleMiB = memoryOf(sender.pid).now;
    const [proxy] = stage.proxies;
    await proxy?.setMode({ type: 'throttle', bytesPerSecond: 500_000 });
    stage.add(SLOW_FILES, { size: SLOW_BYTES });
    await sleep(SLOW_SECONDS * 1000);
    const { peak: peakMiB } = memoryOf(sender.pid);
    assert.equal(await sender.service.metric('ssm_broker_disconnects_total'), 0, 'the slow connection was given up');
    assert.ok(filesLeft(stage) > SLOW_FILES / 2, 'the broker was not slow');
    assert.ok(peakMiB - idleMiB < SLOW_GROWTH_MIB, `the sender grew from ${idleMiB} to ${peakMiB} MiB`);
    await proxy?.setMode({ type: 'pass' });
    await stage.receiver({ config: { broker: { urls: [stage.brokers[0]?.url] } } }).start();
    await eventually(() => filesLeft(stage) < SLOW_FILES / 2, { timeout: 60_000, what: 'half of it sent' });
    return { tally: await stage.count(), figures: { idleMiB, peakMiB } };
  },
};

/** All that the soak throws at a stage, one after the other: whoever breaks one of them finds out which. */
export const EVERY_DISTURBANCE: Fault = {
  name: 'one-disturbance-after-another',
  stage: { proxied: true, config: { broker: { heartbeat: '1s', connectTimeout: '2s' } } },
  run: async (stage) => {
    await stage.pair();
    const can = stage.brokers.some(({ kind }) => kind === 'devbroker') ? ['proxied'] : ['proxied', 'durable', 'process'];
    const possible = DISTURBANCES.filter(({ needs = [] }) => needs.every((need) => can.includes(need)));
    for (const { name, begin } of possible) {
      progress(`${name}: ${stage.sent.length} messages so far`);
      stage.add(10);
      const heal = await begin(stage);
      stage.add(10);
      await sleep(stage.random.between(200, 3000));
      await heal();
      await stage.arrived();
    }
    return { tally: await stage.count(), figures: { disturbances: possible.length } };
  },
};

export const PROCESS_FAULTS: readonly Fault[] = [killed('sender'), killed('receiver'), stoppedInBurst, slow];
