import { setTimeout as sleep } from 'node:timers/promises';

/** A look that takes longer is not waited for: the volume may hang, and the answer is for a scrape. */
const PATIENCE_MS = 2_000;

/** Looks at most once in a while, and never twice at once; in between, and when the look fails or takes its time, the last answer. */
export function rarely<T>(look: () => Promise<T>, everyMs: number, patienceMs = PATIENCE_MS): () => Promise<T | undefined> {
  let last: T | undefined;
  let next = 0;
  let looking = false;
  const begin = async (): Promise<void> => {
    looking = true;
    next = performance.now() + everyMs;
    last = await look().catch(() => last);
    looking = false;
  };
  return async () => {
    if (!looking && performance.now() >= next) await Promise.race([begin(), sleep(patienceMs, undefined, { ref: false })]);
    return last;
  };
}
