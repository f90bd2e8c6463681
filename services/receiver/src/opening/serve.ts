/** The side of the thread. */
import { parentPort } from 'node:worker_threads';
import type { Answers, Batch } from './batch.js';

export interface Answer<Result> {
  readonly result: Result | undefined;
  /** Handed over with the result, and not usable here any more. */
  readonly transfer?: readonly ArrayBuffer[];
}

/** Answers that go back together: a message to the main thread costs it more than what is in it. */
const TOGETHER = 16;

/** Does one job after the other, as `begin` makes them of the setup. What a job throws ends the thread. */
export function serveJobs(begin: (setup: never) => (job: never) => Answer<unknown>): void {
  const port = parentPort;
  if (port === null) throw new TypeError('not a worker thread');
  let work: ((job: never) => Answer<unknown>) | undefined;
  const send = (answers: Answers<unknown>, transfer: ArrayBuffer[]): void => port.postMessage(answers, transfer);
  // A sign of life: the code is loaded.
  send({ from: 0, results: [] }, []);
  port.on('message', ({ setup, from, jobs }: Batch<never, never>) => {
    if (setup !== undefined) work = begin(setup.value);
    for (let start = 0; start < jobs.length; start += TOGETHER) {
      const answers = jobs.slice(start, start + TOGETHER).map((job) => work?.(job));
      const results = answers.map((answer) => answer?.result);
      const transfer = answers.flatMap((answer) => answer?.transfer ?? []);
      send({ from: from + start, results }, transfer);
    }
  });
  port.on('messageerror', (error) => {
    throw error;
  });
}
