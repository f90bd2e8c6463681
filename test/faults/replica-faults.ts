import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startCommand } from '@ssm/test-support';
import type { Promised, Stage } from '../stage/stage.js';
import { inTheMiddle } from './burst.js';
import type { Fault } from './fault.js';

// Several receivers on one queue, several senders on one volume, and a loader that takes away what the receiver adds.

const BATCH = 60;
const KILLS = 2;

/** Each is killed in the middle of its work, and comes back while the others go on. */
async function killedInTurn(stage: Stage, who: 'sender' | 'receiver'): Promise<number> {
  let kills = 0;
  for (let round = 0; round < KILLS; round += 1)
    for (const slot of stage.slots.filter(({ name }) => name.startsWith(who))) {
      await inTheMiddle(stage, who, BATCH);
      await slot.kill();
      await slot.start();
      kills += 1;
    }
  return kills;
}

/** With one volume they share the record of what was delivered; with a volume each nobody knows what another has stored. */
function receivers(name: string, count: number, volumes: 'one' | 'each'): Fault {
  const promised: Promised = volumes === 'one' ? 'once' : 'at-least-once';
  return {
    name,
    run: async (stage) => {
      const more = volumes === 'each' ? count - 1 : 0;
      for (let number = 0; number < more; number += 1) {
        const incoming = path.join(stage.world.directory, `incoming-${number + 2}`);
        mkdirSync(incoming);
        stage.incoming.push(incoming);
      }
      const replicas = Array.from({ length: count }, (_, index) =>
        stage.receiver({ config: { broker: { window: 10 } }, incoming: stage.incoming[index] ?? stage.world.incoming }),
      );
      const sender = stage.sender();
      await Promise.all([sender, ...replicas].map((slot) => slot.start()));
      await Promise.all([sender, ...replicas].map((slot) => slot.ready()));
      const kills = await killedInTurn(stage, 'receiver');
      await Promise.all(replicas.map((slot) => slot.ready()));
      stage.add(BATCH);
      const tally = await stage.count(promised);
      return { tally, figures: { receivers: count, volumes, kills, promised } };
    },
  };
}

const twoSenders: Fault = {
  name: 'two-senders-on-one-volume',
  run: async (stage) => {
    const config = { broker: { window: 10 } };
    const senders = [stage.sender({ config }), stage.sender({ config })];
    const receiver = stage.receiver();
    await Promise.all([receiver, ...senders].map((slot) => slot.start()));
    await Promise.all([receiver, ...senders].map((slot) => slot.ready()));
    const kills = await killedInTurn(stage, 'sender');
    stage.add(BATCH);
    return { tally: await stage.count(), figures: { senders: senders.length, kills } };
  },
};

/** As apel's loader does it, again and again: lock, get, remove; and purge, which removes directories under the receiver's hands. */
const LOADER = `
import hashlib, sys, time
from dirq.queue import Queue
queue = Queue(sys.argv[1], schema={'body': 'binary', 'signer': 'string', 'empaid': 'string?'}, maxelts=5)
print('started', flush=True)
while True:
    name = queue.first()
    while name:
        if queue.lock(name):
            data = queue.get(name)
            queue.remove(name)
            print('loaded', hashlib.sha256(data['body']).hexdigest(), data['empaid'], flush=True)
        name = queue.next()
    try:
        queue.purge(maxtemp=1, maxlock=600)
    except OSError:
        # It does not expect that somebody fills a directory while it removes it.
        pass
    time.sleep(0.003)
`;

const loader: Fault = {
  name: 'loader-takes-and-purges',
  tools: ['python3-dirq'],
  run: async (stage) => {
    const { receiver } = await stage.pair();
    const python = await startCommand(stage.scope, '/usr/bin/python3', ['-c', LOADER, stage.world.incoming]);
    await python.waitForLine(/^started$/);
    const note = (): void => {
      stage.loaded.length = 0;
      for (const { text } of python.lines) {
        const [, hash, id] = /^loaded ([0-9a-f]{64}) (.*)$/.exec(text) ?? [];
        if (hash !== undefined && id !== undefined) stage.loaded.push({ id, hash, path: 'loaded' });
      }
    };
    for (let batch = 0; batch < 5; batch += 1) {
      stage.add(BATCH);
      if (batch === 2) {
        await receiver.kill();
        await receiver.start();
      }
      await stage.outgoingEmpty();
    }
    await Promise.race([python.exited.then(() => assert.fail(python.output())), stage.loadedAll(note)]);
    return { tally: await stage.count('once', note) };
  },
};

export const REPLICA_FAULTS: readonly Fault[] = [
  receivers('two-receivers-on-one-volume', 2, 'one'),
  receivers('three-receivers-on-one-volume', 3, 'one'),
  receivers('two-receivers-with-a-volume-each', 2, 'each'),
  receivers('three-receivers-with-a-volume-each', 3, 'each'),
  twoSenders,
  loader,
];
