import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { leftOutgoing } from '../stage/outgoing.js';
import type { Stage } from '../stage/stage.js';

/** Files that are not sent yet, whether locked or not. */
export function filesLeft(stage: Stage): number {
  return leftOutgoing(stage.world.outgoing).filter((name) => !name.endsWith('.lck') && !name.startsWith('.')).length;
}

/**
 * Adds files, and resolves when one of the two is in the middle of them, at a moment that the seed chooses: most of a pause of random length would be
 * spent on starting.
 */
export async function inTheMiddle(stage: Stage, who: 'sender' | 'receiver', files: number): Promise<void> {
  const before = stage.sent.length;
  stage.add(files);
  const done = stage.random.between(1, Math.ceil(files / 2));
  if (who === 'receiver') await stage.arrived(before + done);
  else await eventually(() => filesLeft(stage) <= files - done, { timeout: 60_000, interval: 1, what: `${done} files sent` });
  await sleep(stage.random.between(0, 5));
}
