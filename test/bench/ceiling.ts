import { fileURLToPath } from 'node:url';
import { type Scope, startNode } from '@ssm/test-support';
import type { CeilingResult, CeilingTask } from './ceiling-main.js';
import type { Venue } from './venue.js';

const SCRIPT = fileURLToPath(new URL('./ceiling-main.js', import.meta.url));

/** What a sealed message of 1 KB comes to, about. */
const BYTES = 5 * 1024;

/** Persistent 5 KB messages on one connection, as the services have, with 100 in flight; in a process of its own. */
export async function measureCeiling(scope: Scope, venue: Venue, milliseconds: number): Promise<CeilingResult> {
  const task: CeilingTask = { ...venue.bare(), bytes: BYTES, milliseconds };
  const child = await startNode(scope, SCRIPT, [JSON.stringify(task)]);
  const [, result] = await child.waitForLine(/^(\{.*\})$/, { timeout: milliseconds * 6 + 60_000 });
  await child.exited;
  return JSON.parse(result ?? '') as CeilingResult;
}
