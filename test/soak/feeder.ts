import { setTimeout as sleep } from 'node:timers/promises';
import { addElement } from '@ssm/test-support';
import { sha256 } from '../e2e/world.js';
import { addPlainFile } from '../stage/outgoing.js';
import type { Stage } from '../stage/stage.js';
import { bodyOf } from './bodies.js';

/** In bursts, as sites write their records: then many are in work at the moment of a fault. */
const TICK_MS = 1000;
/** Files that wait for whatever is in trouble: beyond it the writer waits, too, so that the disk that is needed is bounded. */
const MOST_WAITING = 3000;
/** The sender may just have removed the empty directory that a file goes into. */
const TRIES = 5;

export interface Feed {
  readonly seed: string;
  readonly messages: number;
  readonly milliseconds: number;
  /** What has arrived so far. */
  readonly arrivals: () => number;
}

/** Hands the files of a seed to the senders, evenly over the time. */
export async function feed(stage: Stage, { seed, messages, milliseconds, arrivals }: Feed): Promise<void> {
  const start = performance.now();
  while (stage.sent.length < messages) {
    const due = Math.min(messages, Math.ceil((messages * (performance.now() - start)) / milliseconds));
    while (stage.sent.length < Math.min(due, arrivals() + MOST_WAITING)) {
      handOver(stage, seed);
      // Everything else in this process goes on meanwhile: the network of the services goes through it.
      await sleep(0);
    }
    await sleep(TICK_MS);
  }
}

function handOver(stage: Stage, seed: string): void {
  const body = bodyOf(seed, stage.sent.length);
  const add = stage.options.layout === 'directory' ? addPlainFile : addElement;
  for (let left = TRIES; ; left -= 1)
    try {
      stage.sent.push({ id: add(stage.world.outgoing, body), hash: sha256(body), bytes: body.length });
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
}
