import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 15_000;
const LOOK_MS = 250;

/** Files that are being changed are worth a short wait: at the start in place of a refusal, later in place of an alarm. Rejects as load() does. */
export async function whenStable<T>(load: () => Promise<T>, isUnstable: (error: unknown) => boolean): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (!isUnstable(error) || performance.now() >= until) throw error;
      await sleep(LOOK_MS);
    }
  }
}
