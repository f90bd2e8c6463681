import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, type ChildOptions, type Scope, startNode } from '@ssm/test-support';
import type { Task } from './worker.js';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

export async function startWorker(scope: Scope, task: Task, options: ChildOptions = {}): Promise<Child> {
  return await startNode(scope, WORKER, [JSON.stringify(task)], { cwd: path.parse(WORKER).root, ...options });
}

/** What it printed, when it came to the end. */
export async function runWorker(scope: Scope, task: Task, options: ChildOptions = {}): Promise<string[]> {
  const child = await startWorker(scope, task, options);
  await child.exited;
  assert.equal(child.exit?.code, 0, child.output());
  return child.output('stdout').split('\n').filter(Boolean);
}

/** Runs until it killed itself at the point of the task. */
export async function killWorker(scope: Scope, task: Task & { readonly killAt: string }): Promise<void> {
  const child = await startWorker(scope, task);
  await child.exited;
  assert.equal(child.exit?.signal, 'SIGKILL', `not killed at ${task.killAt}: ${child.output()}`);
}
