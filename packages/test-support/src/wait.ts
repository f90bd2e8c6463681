import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until it gives up; default 10,000. */
  readonly timeout?: number;
  /** Milliseconds between two checks; default 20. */
  readonly interval?: number;
  /** What is waited for, for the message. */
  readonly what?: string;
}

/**
 * Calls `check` until it neither throws nor answers `false`, and resolves with its answer (an assertion that passes answers `undefined`:
 * that is a success). After the time-out it rejects, with what the last check threw as the cause.
 */
export async function eventually<T>(check: () => T | false | Promise<T | false>, options: EventuallyOptions = {}): Promise<T> {
  const { timeout = 10_000, interval = 20, what = 'the condition' } = options;
  const deadline = performance.now() + timeout;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await check();
      if (answer !== false) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      const detail = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`${what} did not come true within ${timeout} ms${detail}`, { cause });
    }
    await sleep(interval);
  }
}
