/** The side of the thread. */
import { parentPort } from 'node:worker_threads';
import type { Batch } from './batch.js';

export interface Answer<Result> {
  readonly result: Result | undefined;
  /** Handed over with the result, and not usable here any more. */
  readonly transfer?: readonly ArrayBuffer[];
}

/** Answers that go back together: a message to the main thread costs it more than what is in it. */
const TOGETHER = 4;

/** Does one job after the other, as `begin` makes them of the setup. What a job throws ends the thread. */
export function serveJobs(begin: (setup: never) => (job: never) => Answer<unknown>): void {
  const port = parentPort;
  if (port === null) throw new TypeError('not a worker thread');
  let work: ((job: never) => Answer<unknown>) | undefined;
  // A sign of life: the code is loaded.
  port.postMessage([]);
  port.on('message', ({ setup, jobs }: Batch<never, never>) => {
    if (setup !== undefined) work = begin(setup.value);
    for (let start = 0; start < jobs.length; start += TOGETHER) {
      const answers = jobs.slice(start, start + TOGETHER).map((job) => work?.(job));
      port.postMessage(
        answers.map((answer) => answer?.result),
        answers.flatMap((answer) => answer?.transfer ?? []),
      );
    }
  });
}
