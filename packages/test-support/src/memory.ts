import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers in this process that somebody can still reach. */
export async function reachableBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // The first one finds what is out of reach, what depended on that goes with the second.
  for (let round = 0; round < 2; round += 1) {
    await setImmediate();
    collect();
  }
  return process.memoryUsage().arrayBuffers;
}
