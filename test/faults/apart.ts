import assert from 'node:assert/strict';
import path from 'node:path';
import process, { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { startCommand } from '@ssm/test-support';
import { CleanUp } from '../stage/clean-up.js';
import type { Fault, Pace } from './fault.js';
import type { Kind } from './selection.js';

const MAIN = path.join(path.dirname(fileURLToPath(import.meta.url)), 'apart-main.js');

export interface ApartRun {
  readonly fault: Fault;
  readonly kind: Kind;
  readonly seed: string;
  readonly pace: Pace;
}

/**
 * Runs a fault, with a broker of its own, in a network namespace that has nothing but a loopback interface: packets can be dropped in there and
 * nobody else notices.
 */
export async function runApart({ fault, kind, seed, pace }: ApartRun): Promise<void> {
  const scope = new CleanUp();
  try {
    const command = 'ip link set lo up && exec "$0" --enable-source-maps "$@"';
    const child = await startCommand(scope, 'unshare', ['--net', 'sh', '-c', command, execPath, MAIN, fault.name, kind, seed, pace], {
      env: process.env,
    });
    const { code } = await child.exited;
    assert.equal(code, 0, child.output());
  } finally {
    await scope.run();
  }
}
