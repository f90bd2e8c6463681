// Brings a clone to the state in which everything runs: dependencies as the lock file says, sources compiled.
// Needs only Node and npm; does nothing that is already done.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const stamp = path.join(root, 'node_modules', '.ssm-lock-sha256');

const [major] = process.versions.node.split('.');
if (Number(major) < 20) {
  process.stderr.write(`Node ${process.versions.node} is too old: SSM needs Node 20 or later.\n`);
  process.exit(1);
}

function run(what, command, args) {
  process.stderr.write(`${what} ...\n`);
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status !== 0) {
    process.stderr.write(`${what}: failed (${command} ${args.join(' ')}: ${result.error?.message ?? `exit ${result.status}`})\n`);
    process.exit(1);
  }
}

const lock = createHash('sha256')
  .update(readFileSync(path.join(root, 'package-lock.json')))
  .digest('hex');
const installed = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
if (installed !== lock) {
  // In production mode npm leaves the compiler out; setting up needs it.
  run('Installing dependencies', 'npm', ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error']);
  writeFileSync(stamp, lock);
}
run('Compiling', process.execPath, [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b']);
run('Compiling the passes over text', process.execPath, [path.join(root, 'scripts', 'text.mjs')]);
