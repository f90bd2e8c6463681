import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Scope } from './scope.js';

/** Where somebody went on writing while they were removed. */
const left = new Set<string>();

/**
 * A new directory with mode 0700, removed with everything in it when the test ends. Clean-ups run in the order in which they were registered,
 * and children mostly start later: what one of them still writes to is removed when this process ends. It is no error, which would keep the
 * clean-ups behind it, and so the end of that child, from running.
 */
export function temporaryDirectory(scope: Scope): string {
  const directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'ssm-test-'));
  scope.after(() => {
    if (removed(directory)) return;
    if (left.size === 0) process.once('exit', removeLeft);
    left.add(directory);
  });
  return directory;
}

function removeLeft(): void {
  for (const directory of left) removed(directory);
}

function removed(directory: string): boolean {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 2 });
    return true;
  } catch {
    return false;
  }
}
