import { eventually } from '../wait.js';
import type { RealBroker } from './broker.js';

/** In a row: between two questions a message may come or go. */
const LOOKS = 3;

/**
 * Waits until `isComplete`, for a broker that can keep a message and give it to nobody (see docs/brokers.md): as soon as it says so of all that
 * it has left in the queue, it is restarted. Returns at once for the others, and after a minute in any case: what is still missing then is the
 * caller's failure.
 */
export async function freeStuck(
  broker: Pick<RealBroker, 'stuck' | 'depth' | 'stop' | 'start'>,
  queue: string,
  isComplete: () => boolean | Promise<boolean>,
): Promise<void> {
  if (broker.stuck === undefined) return;
  let looks = 0;
  const isStuck = async (): Promise<boolean> => {
    const stuck = (await broker.stuck?.(queue)) ?? 0;
    looks = stuck > 0 && stuck === (await broker.depth(queue)) ? looks + 1 : 0;
    return looks === LOOKS;
  };
  const settled = async (): Promise<'complete' | 'stuck' | false> => ((await isComplete()) ? 'complete' : (await isStuck()) && 'stuck');
  const outcome = await eventually(settled, { timeout: 60_000, interval: 500 }).catch(() => undefined);
  if (outcome !== 'stuck') return;
  await broker.stop();
  await broker.start();
}
