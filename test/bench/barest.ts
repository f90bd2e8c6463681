import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '@ssm/test-support';
import type { ServiceName } from '../support/services.js';
import type { BareOptions } from './bare-stomp.js';
import type { BarestResult } from './barest-meter.js';
import type { BarestReceiverTask } from './barest-receiver-main.js';
import type { BarestSenderTask } from './barest-sender-main.js';
import { fill, type Stage, storeOf } from './pair.js';
import { type Load, type Times, wireBytes } from './plan.js';

/** What the barest loop did, and where its messages are. */
export interface BarestSent extends BarestResult {
  readonly queue: BareOptions;
}

/** Files for the barest loop; it goes on after it was measured until the barest receiver has so many messages. */
export interface Amount {
  readonly files: number;
  readonly until: number;
}

/** The barest loop over so many files, or more of them if they do not last, in a process of its own, at the broker of the stage. */
export async function measureBarestSender(stage: Stage, load: Load, { files, until }: Amount, times: Times): Promise<BarestSent> {
  const outgoing = path.join(stage.directory, 'barest');
  mkdirSync(outgoing, { recursive: true });
  for (let count = Math.max(files, until); ; count *= 2) {
    const queue = stage.venue.bare();
    const directory = fill(outgoing, load.bytes, count);
    const task: BarestSenderTask = { ...common(stage, load, times), ...queue, directory, until };
    const result = await runBarest(stage, 'sender', task);
    if (result !== null) return { ...result, queue };
  }
}

/** The barest receiver, for what the barest loop sent, or for more of it if that does not last. */
export async function measureBarestReceiver(stage: Stage, load: Load, first: BarestSent, times: Times): Promise<BarestResult> {
  let sent = first;
  for (let attempt = 1; ; attempt += 1) {
    const { queue, messages } = sent;
    const directory = path.join(storeOf(stage.directory), `barest-${attempt}`);
    const task: BarestReceiverTask = { ...common(stage, load, times), ...queue, directory, messages, bytes: wireBytes(load) };
    const result = await runBarest(stage, 'receiver', task);
    if (result !== null) return result;
    sent = await measureBarestSender(stage, load, { files: messages, until: 2 * messages }, times);
  }
}

function common(
  { pki }: Stage,
  { encrypted }: Load,
  times: Times,
): Omit<BarestReceiverTask, keyof BareOptions | 'directory' | 'messages' | 'bytes'> {
  const { certificatePath, keyPath } = pki.sites[0];
  const { warmMs, windowMs } = times;
  return { certificatePath, keyPath, encrypted, warmMs, windowMs };
}

/** libuv's, as many as the service has (scripts/start.cjs). */
const THREADS = { sender: Math.max(4, availableParallelism()), receiver: Math.max(8, 2 * availableParallelism()) } as const;

async function runBarest(
  { scope }: Stage,
  service: ServiceName,
  task: BarestSenderTask | BarestReceiverTask,
): Promise<BarestResult | null> {
  const script = fileURLToPath(new URL(`barest-${service}-main.js`, import.meta.url));
  const child = await startNode(scope, script, [JSON.stringify(task)], { env: { UV_THREADPOOL_SIZE: String(THREADS[service]) } });
  const [, result] = await child.waitForLine(/^(\{.*\}|null)$/, { timeout: task.warmMs + task.windowMs + 120_000 });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`the barest ${service} ended with ${code}:\n${child.output().slice(-2000)}`);
  return JSON.parse(result ?? '') as BarestResult | null;
}
