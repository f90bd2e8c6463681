/** The tarball of npm pack: installed alone into an empty prefix, without a network, it has the three commands. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startCommand, temporaryDirectory } from '@ssm/test-support';
import { createOldSite } from './support/old-site.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** No registry can be reached: whatever npm asked for would fail. */
const OFFLINE = {
  npm_config_offline: 'true',
  npm_config_registry: 'http://127.0.0.1:9/',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
};

function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Packs and installs; resolves to the directory of the commands. */
function install(test: TestContext): { readonly bin: string; readonly home: string } {
  const directory = temporaryDirectory(test);
  const home = path.join(directory, 'home');
  const prefix = path.join(directory, 'prefix');
  for (const each of [home, prefix]) mkdirSync(each);
  run('npm', ['pack', '-w', 'services/cli', '--pack-destination', directory], root);
  const [tarball] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  const env = { ...OFFLINE, HOME: home, npm_config_cache: path.join(home, 'cache'), npm_config_userconfig: path.join(home, 'npmrc') };
  writeFileSync(path.join(home, 'npmrc'), '');
  run('npm', ['install', '--global', '--prefix', prefix, path.join(directory, tarball!)], home, env);
  return { bin: path.join(prefix, 'bin'), home };
}

it('installs alone and works', async (test) => {
  const { bin, home } = install(test);
  assert.deepEqual(readdirSync(bin).toSorted(), ['ssm', 'ssmreceive', 'ssmsend']);
  const installed = path.join(bin, '../lib/node_modules/@ssm/cli');
  assert.deepEqual(
    readdirSync(installed).filter((name) => name === 'node_modules' || name === 'src' || name === 'test'),
    [],
  );
  const { dependencies, version } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(dependencies, undefined);
  const licences = readFileSync(path.join(installed, 'dist/bundle/THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const library of ['node-forge', 'stompit', 'fastify', 'pino', 'convict', 'prom-client', 'yaml'])
    assert.match(licences, new RegExp(`^${library} \\d`, 'm'));

  for (const command of ['ssm', 'ssmreceive', 'ssmsend'])
    assert.match(run(path.join(bin, command), ['--version'], home), new RegExp(String(version)));

  const site = await createOldSite(test);
  await site.add('record');
  const receiver = await startCommand(test, path.join(bin, 'ssmreceive'), ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0']);
  await receiver.waitForLine(/INFO {2}started/, { timeout: 30_000 });
  const sender = await startCommand(test, path.join(bin, 'ssmsend'), ['-c', site.senderConfig()]);
  assert.equal((await sender.exited).code, 0, sender.output());
  await receiver.waitForLine(/INFO {2}message {2}.*result=stored/, { timeout: 30_000 });
  receiver.signal('SIGTERM');
  assert.equal((await receiver.exited).code, 0);
  assert.deepEqual(
    (await site.stored()).map(({ body }) => body),
    ['record'],
  );
});
