import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '@ssm/test-support';
import type { BarestResult, BarestTask } from './barest-main.js';
import { fill, type Stage } from './pair.js';
import type { Load } from './plan.js';

const SCRIPT = fileURLToPath(new URL('./barest-main.js', import.meta.url));

/** The barest loop over as many files as the sender had, in a process of its own, at the same broker. */
export async function measureBarest(stage: Stage, load: Load, messages: number, windowMs: number): Promise<BarestResult> {
  const outgoing = path.join(stage.directory, 'barest');
  mkdirSync(outgoing, { recursive: true });
  const { certificatePath, keyPath } = stage.pki.sites[0];
  const task: BarestTask = {
    ...stage.venue.bare(),
    directory: fill(outgoing, load.bytes, messages),
    keyPath,
    certificatePath,
    encrypted: load.encrypted,
    windowMs,
  };
  const child = await startNode(stage.scope, SCRIPT, [JSON.stringify(task)]);
  const [, result] = await child.waitForLine(/^(\{.*\})$/, { timeout: windowMs + 60_000 });
  await child.exited;
  return JSON.parse(result ?? '') as BarestResult;
}
