import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process, { getuid } from 'node:process';

/** What conformance suites may need beyond Node and npm. */
export type Tool = 'openssl' | 'python3-dirq' | 'argo-ams-library' | 'root' | 'runuser';

export const PYTHON = '/usr/bin/python3';

/** Where argo-ams-library is, for PYTHONPATH. */
export function argoLibraryPath(): string {
  return process.env['SSM_TEST_ARGO_LIBRARY'] ?? path.join(tmpdir(), 'ssm-argo-ams-library');
}

function canImport(module: string, env: NodeJS.ProcessEnv = process.env): boolean {
  return existsSync(PYTHON) && spawnSync(PYTHON, ['-c', `import ${module}`], { env }).status === 0;
}

function onPath(command: string): boolean {
  const { PATH } = process.env;
  return (PATH ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const TOOLS: Readonly<Record<Tool, { readonly present: () => boolean; readonly get: string }>> = {
  openssl: { present: () => onPath('openssl'), get: 'apt-get install openssl' },
  'python3-dirq': {
    present: () => canImport('dirq.queue'),
    get: `apt-get install python3-dirq (used with ${PYTHON})`,
  },
  'argo-ams-library': {
    present: () => canImport('argo_ams_library', { ...process.env, PYTHONPATH: argoLibraryPath() }),
    get: `pip install --target ${argoLibraryPath()} argo-ams-library==1.0.0 (used with ${PYTHON})`,
  },
  root: { present: () => getuid?.() === 0, get: 'run this suite as root' },
  runuser: { present: () => onPath('runuser'), get: 'apt-get install util-linux' },
};

/**
 * For the `skip` option of a conformance suite: `false` when everything is there, else a line that says what is missing and how to get it.
 * Throws instead when the environment says CI=true: there no suite may be left out.
 */
export function requireTools(...tools: readonly Tool[]): string | false {
  const missing = tools.filter((tool) => !TOOLS[tool].present());
  if (missing.length === 0) return false;
  const message = `needs ${missing.map((tool) => `${tool}: ${TOOLS[tool].get}`).join('; ')}`;
  const { CI } = process.env;
  if (CI === 'true') throw new Error(message);
  return message;
}
