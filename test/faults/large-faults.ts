import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { memoryOf } from '../stage/memory.js';
import { type Fault, secondsSince } from './fault.js';

const FILES = 100;
const BYTES = 20_000_000;
const LONG_MS = 800_000;
/** The budget of 64 MiB a few times over, and what Node has not cleaned up yet; all messages together are 2,700 MB. */
const SENDER_MIB = 600;
const RECEIVER_MIB = 700;

/** All at once, through the default byte budget. */
const large: Fault = {
  name: 'hundred-times-20-megabytes',
  single: true,
  stage: { config: { broker: { receiptTimeout: '60s', heartbeat: '5s' } } },
  run: async (stage) => {
    const { sender, receiver } = await stage.pair({ sender: { config: { message: { transferEncoding: 'base64' } } } });
    const start = performance.now();
    for (let file = 0; file < FILES; file += 1) {
      stage.add(1, { size: BYTES });
      // Writing and hashing 2 GB takes a while, in which others want to go on.
      await setImmediate();
    }
    await stage.arrived(FILES, LONG_MS);
    const transferSeconds = secondsSince(start);
    const [senderPeakMiB, receiverPeakMiB] = [memoryOf(sender.pid).peak, memoryOf(receiver.pid).peak];
    for (const { name, service } of [sender, receiver])
      assert.equal(await service.metric('ssm_broker_disconnects_total'), 0, `${name} lost its connection`);
    assert.ok(senderPeakMiB < SENDER_MIB, `the sender had ${senderPeakMiB} MiB`);
    assert.ok(receiverPeakMiB < RECEIVER_MIB, `the receiver had ${receiverPeakMiB} MiB`);
    return { tally: await stage.count(), figures: { transferSeconds, senderPeakMiB, receiverPeakMiB } };
  },
};

export const LARGE_FAULTS: readonly Fault[] = [large];
