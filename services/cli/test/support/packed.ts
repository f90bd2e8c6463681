/** The tarball of npm pack, installed as a site does it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Scope, temporaryDirectory } from '@ssm/test-support';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));

/** No registry can be reached: whatever npm asked for would fail. */
const OFFLINE = {
  npm_config_offline: 'true',
  npm_config_registry: 'http://127.0.0.1:9/',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
};

export function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Packs and installs, into an empty prefix. */
export function installPacked(test: Scope): { readonly prefix: string; readonly bin: string; readonly home: string } {
  const directory = temporaryDirectory(test);
  const home = path.join(directory, 'home');
  const prefix = path.join(directory, 'prefix');
  for (const each of [home, prefix]) mkdirSync(each);
  run('npm', ['pack', '-w', 'services/cli', '--pack-destination', directory], root);
  const [tarball] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  const env = { ...OFFLINE, HOME: home, npm_config_cache: path.join(home, 'cache'), npm_config_userconfig: path.join(home, 'npmrc') };
  writeFileSync(path.join(home, 'npmrc'), '');
  run('npm', ['install', '--global', '--prefix', prefix, path.join(directory, tarball!)], home, env);
  return { prefix, bin: path.join(prefix, 'bin'), home };
}
