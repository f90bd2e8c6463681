import { fileURLToPath } from 'node:url';
import { type Scope, startNode } from '@ssm/test-support';
import type { CeilingResult, CeilingTask } from './ceiling-main.js';
import type { Venue } from './venue.js';

const SCRIPT = fileURLToPath(new URL('./ceiling-main.js', import.meta.url));

/** What a sealed message of 1 KB comes to, about. */
const BYTES = 5 * 1024;

/** Until a broker, whose code is optimised while it runs, is about as quick as it will be. */
const WARM_MESSAGES = 5000;
const WARM_MS = 10_000;

/** Persistent 5 KB messages on so many connections, with 100 in flight on each; in a process of its own. */
export async function measureCeiling(scope: Scope, venue: Venue, connections: number, milliseconds: number): Promise<CeilingResult> {
  return await ceiling(scope, { ...venue.bare(), bytes: BYTES, milliseconds, atLeast: 0, connections });
}

/** Gives a broker a few thousand messages at least, for some seconds, and takes them again. */
export async function warmBroker(scope: Scope, venue: Venue): Promise<void> {
  await ceiling(scope, { ...venue.bare(), bytes: BYTES, milliseconds: WARM_MS, atLeast: WARM_MESSAGES, connections: 1 });
}

async function ceiling(scope: Scope, task: CeilingTask): Promise<CeilingResult> {
  const child = await startNode(scope, SCRIPT, [JSON.stringify(task)]);
  const [, result] = await child.waitForLine(/^(\{.*\})$/, { timeout: task.milliseconds + 180_000 });
  await child.exited;
  return JSON.parse(result ?? '') as CeilingResult;
}
