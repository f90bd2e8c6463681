import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Scope } from './scope.js';

/** A new directory with mode 0700, removed with everything in it when the test ends. */
export function temporaryDirectory(scope: Scope): string {
  const directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'ssm-test-'));
  // Retried: a child that is just being killed may still create a file.
  scope.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
