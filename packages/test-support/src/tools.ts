import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import process, { getuid } from 'node:process';

/** What conformance suites may need beyond Node and npm. */
export type Tool = 'logrotate' | 'openssl' | 'python3' | 'python3-dirq' | 'root' | 'runuser' | 'systemd-analyze' | 'unshare';

const PYTHON = '/usr/bin/python3';

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
  logrotate: { present: () => onPath('logrotate'), get: 'apt-get install logrotate' },
  openssl: { present: () => onPath('openssl'), get: 'apt-get install openssl' },
  python3: { present: () => existsSync(PYTHON), get: `apt-get install python3 (used as ${PYTHON})` },
  'python3-dirq': {
    present: () => existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import dirq.queue']).status === 0,
    get: `apt-get install python3-dirq (used with ${PYTHON})`,
  },
  root: { present: () => getuid?.() === 0, get: 'run this suite as root' },
  'systemd-analyze': { present: () => onPath('systemd-analyze'), get: 'apt-get install systemd' },
  unshare: { present: () => onPath('unshare'), get: 'apt-get install util-linux' },
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
