import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '@ssm/test-support';
import type { BarestResult, BarestTask } from './barest-main.js';
import { fill, type Stage } from './pair.js';
import type { Load, Times } from './plan.js';

const SCRIPT = fileURLToPath(new URL('./barest-main.js', import.meta.url));

/** The barest loop over so many files, or more of them if they do not last, in a process of its own, at the broker of the stage. */
export async function measureBarest(stage: Stage, load: Load, files: number, times: Times): Promise<BarestResult> {
  for (let count = files; ; count *= 2) {
    const result = await runBarest(stage, load, count, times);
    if (result !== null) return result;
  }
}

async function runBarest(stage: Stage, load: Load, files: number, times: Times): Promise<BarestResult | null> {
  const outgoing = path.join(stage.directory, 'barest');
  mkdirSync(outgoing, { recursive: true });
  const { certificatePath, keyPath } = stage.pki.sites[0];
  const { warmMs, windowMs } = times;
  const directory = fill(outgoing, load.bytes, files);
  const task: BarestTask = { ...stage.venue.bare(), directory, keyPath, certificatePath, encrypted: load.encrypted, warmMs, windowMs };
  const child = await startNode(stage.scope, SCRIPT, [JSON.stringify(task)]);
  const [, result] = await child.waitForLine(/^(\{.*\}|null)$/, { timeout: warmMs + windowMs + 60_000 });
  await child.exited;
  return JSON.parse(result ?? '') as BarestResult | null;
}
