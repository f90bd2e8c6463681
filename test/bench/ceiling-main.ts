import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BareOptions, type BarePublisher, barePublisher, bareSubscriber } from './bare-stomp.js';

// What a broker takes and delivers, from a client that does nothing else.

/** The only argument, as JSON. */
export interface CeilingTask extends BareOptions {
  readonly bytes: number;
  readonly milliseconds: number;
  /** It goes on until so many were taken. */
  readonly atLeast: number;
  readonly connections: number;
}

/** The only line of output, as JSON; messages a second, each without the first fifth of the time. */
export interface CeilingResult {
  readonly taken: number;
  readonly delivered: number;
}

/** For what was taken to be delivered. */
const LONGEST_MS = 60_000;
/** On each connection. */
const WINDOW = 100;

async function takenRate(task: CeilingTask): Promise<{ rate: number; messages: number }> {
  const publishers = await Promise.all(Array.from({ length: task.connections }, () => barePublisher(task)));
  const body = 'x'.repeat(task.bytes);
  const began = performance.now();
  const counted = began + task.milliseconds / 5;
  let messages = 0;
  let after = 0;
  const worker = async (publisher: BarePublisher): Promise<void> => {
    while (performance.now() - began < task.milliseconds || messages < task.atLeast) {
      await publisher.send(body);
      messages += 1;
      if (performance.now() >= counted) after += 1;
    }
  };
  await Promise.all(publishers.flatMap((publisher) => Array.from({ length: WINDOW }, () => worker(publisher))));
  const rate = (after * 1000) / (performance.now() - counted);
  for (const publisher of publishers) publisher.close();
  return { rate, messages };
}

async function deliveredRate(task: CeilingTask, messages: number): Promise<number> {
  const skipped = Math.floor(messages / 5);
  const all = new AbortController();
  let count = 0;
  let from = 0;
  const delivered = (): void => {
    count += 1;
    if (count === skipped) from = performance.now();
    if (count === messages) all.abort();
  };
  const ends = await Promise.all(Array.from({ length: task.connections }, () => bareSubscriber(task, WINDOW, delivered)));
  await sleep(LONGEST_MS, undefined, { signal: all.signal }).catch(() => undefined);
  for (const end of ends) end();
  return ((count - skipped) * 1000) / (performance.now() - from);
}

const task = JSON.parse(process.argv[2] ?? '') as CeilingTask;
const { rate, messages } = await takenRate(task);
const result: CeilingResult = { taken: rate, delivered: await deliveredRate(task, messages) };
process.stdout.write(`${JSON.stringify(result)}\n`);
