import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '@ssm/test-support';
import type { BareOptions } from './bare-stomp.js';
import type { BarestResult } from './barest-meter.js';
import type { BarestReceiverTask } from './barest-receiver-main.js';
import type { BarestSenderTask } from './barest-sender-main.js';
import { fill, type Stage, storeOf } from './pair.js';
import type { Load, Times } from './plan.js';

/** What the barest loop did, and where its messages are. */
export interface BarestSent extends BarestResult {
  readonly queue: BareOptions;
}

/** The barest loop over so many files, or more of them if they do not last, in a process of its own, at the broker of the stage. */
export async function measureBarestSender(stage: Stage, load: Load, files: number, times: Times): Promise<BarestSent> {
  const outgoing = path.join(stage.directory, 'barest');
  mkdirSync(outgoing, { recursive: true });
  for (let count = files; ; count *= 2) {
    const queue = stage.venue.bare();
    const directory = fill(outgoing, load.bytes, count);
    const task: BarestSenderTask = { ...common(stage, load, times), ...queue, directory };
    const result = await runBarest(stage, 'barest-sender-main.js', task);
    if (result !== null) return { ...result, queue };
  }
}

/** The barest receiver, for what the barest loop sent; undefined when that was too little. */
export async function measureBarestReceiver(stage: Stage, load: Load, sent: BarestSent, times: Times): Promise<BarestResult | undefined> {
  const directory = path.join(storeOf(stage.directory), 'barest');
  const { queue, messages } = sent;
  const task: BarestReceiverTask = { ...common(stage, load, times), ...queue, directory, messages };
  return (await runBarest(stage, 'barest-receiver-main.js', task)) ?? undefined;
}

function common({ pki }: Stage, { encrypted }: Load, { warmMs, windowMs }: Times): Omit<BarestSenderTask, keyof BareOptions | 'directory'> {
  const { certificatePath, keyPath } = pki.sites[0];
  return { certificatePath, keyPath, encrypted, warmMs, windowMs };
}

async function runBarest(stage: Stage, script: string, task: BarestSenderTask | BarestReceiverTask): Promise<BarestResult | null> {
  const child = await startNode(stage.scope, fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(task)]);
  const [, result] = await child.waitForLine(/^(\{.*\}|null)$/, { timeout: task.warmMs + task.windowMs + 60_000 });
  await child.exited;
  return JSON.parse(result ?? '') as BarestResult | null;
}
