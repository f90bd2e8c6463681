import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { eventually } from '@ssm/test-support';
import { FakeClock } from '../stage/clock.js';
import { rejectCodes, replayRejects } from '../stage/reject.js';
import type { Slot } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import type { Fault } from './fault.js';

// The clock of a service is set wrong while it works, and right again. Certificates of the tests are good from an hour ago for a year, their CRL
// for 30 days.

const BATCH = 40;
const BURST = 120;
const DAY_SECONDS = 86_400;

function clockOf(stage: Stage, name: string): FakeClock {
  const directory = path.join(stage.world.directory, `clock-${name}`);
  mkdirSync(directory);
  return new FakeClock(directory);
}

async function rejectsAre(stage: Stage, count: number): Promise<void> {
  const enough = async (): Promise<void> => assert.ok((await rejectCodes(stage)).length >= count);
  await eventually(enough, { timeout: 60_000, what: `${count} rejects` });
}

interface Jump {
  readonly days: number;
  /** Why the receiver refuses what comes then. */
  readonly code: string;
  /** Whether the sender's own certificate is not valid then. */
  readonly senderStops: boolean;
}

/** Only one of the two is wrong at a time: what it refuses or holds back must go through when it is right again. */
function jump(name: string, { days, code, senderStops }: Jump): Fault {
  return {
    name,
    tools: ['libfaketime'],
    // Whoever loses the connection meanwhile cannot have it back: the broker's certificate seems to have ended too.
    stage: { config: { broker: { heartbeat: '60s', receiptTimeout: '60s' } } },
    run: async (stage) => {
      const clocks = { sender: clockOf(stage, 'sender'), receiver: clockOf(stage, 'receiver') };
      const { sender, receiver } = await stage.pair({ sender: { env: clocks.sender.env }, receiver: { env: clocks.receiver.env } });
      stage.add(BATCH);
      await stage.arrived();

      clocks.receiver.jump(days * DAY_SECONDS);
      stage.add(BATCH);
      await rejectsAre(stage, BATCH);
      assert.deepEqual(new Set(await rejectCodes(stage)), new Set([code]));
      clocks.receiver.jump(0);
      await replayRejects(stage, receiver, clocks.receiver.env);
      await stage.arrived();

      const sentBefore = stage.sent.length;
      stage.add(BURST);
      await stage.arrived(sentBefore + stage.random.between(1, 20));
      clocks.sender.jump(days * DAY_SECONDS);
      stage.add(BATCH);
      if (senderStops) await nothingLeaves(sender);
      else await newOnesArrive(stage);
      clocks.sender.jump(0);
      sender.reload();
      await stage.settled();
      const replayed = BATCH;
      assert.deepEqual(await rejectCodes(stage), [], 'something is left among the rejects');
      assert.equal(stage.quarantined(), 0, 'files are in quarantine');
      return { tally: await stage.count(), figures: { days, replayed } };
    },
  };
}

/** It says that it cannot seal, and its count of sent files stands still. */
async function nothingLeaves(sender: Slot): Promise<void> {
  await sender.says('no message can be sealed now; everything stays in the outgoing volume');
  assert.equal((await fetch(`${sender.service.url}/health/live`)).status, 200);
}

/** What was claimed in the moment of the jump may stay locked until the clock is right, or the lock is old: somebody else could have it now. */
async function newOnesArrive(stage: Stage): Promise<void> {
  const newOnes = new Set(stage.sent.slice(-BATCH).map(({ id }) => id));
  const here = async (): Promise<void> => {
    const { lost } = await stage.tally();
    assert.equal(lost.filter((id) => newOnes.has(id)).length, 0, 'some of the new ones have not arrived');
  };
  await eventually(here, { timeout: 60_000, interval: 100, what: 'what was added after the jump in incoming' });
}

export const CLOCK_FAULTS: readonly Fault[] = [
  jump('clock-jumps-forwards', { days: 400, code: 'certificate-expired', senderStops: true }),
  jump('clock-jumps-backwards', { days: -2, code: 'certificate-not-yet-valid', senderStops: true }),
];

/** Beyond the end of the CRL, and of `deduplication.window`. */
export const CLOCK_PAST_CRL: Fault = jump('clock-jumps-past-the-crl', { days: 40, code: 'crl-expired', senderStops: false });
