import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { startNode } from '@ssm/test-support';
import { root } from '../support/services.js';
import { elementPaths } from './collector.js';
import type { Slot } from './slot.js';
import type { Stage } from './stage.js';

/** The codes of the messages in the reject queue, each as often as it is there. */
export async function rejectCodes(stage: Stage): Promise<string[]> {
  const paths = elementPaths(stage.world.reject);
  return paths.map((element) => readFileSync(path.join(element, 'error'), 'utf8').split(':')[0] ?? '');
}

/** As an operator does it: `npm start -- replay` with the receiver's configuration, while it runs. `env`: as the receiver has it. */
export async function replayRejects(stage: Stage, receiver: Slot, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const child = await startNode(stage.scope, path.join(root, 'scripts/start.cjs'), ['replay', '--config', receiver.service.configFile], {
    env,
  });
  const { code } = await child.exited;
  assert.equal(code, 0, child.output());
}
