/** The health check of the image on ssmsend and ssmreceive, as a container has them: with processes and ports of its own. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireTools, type Scope, startCommand } from '@ssm/test-support';
import { createOldSite, type OldSite } from './support/old-site.js';

const at = (name: string): string => fileURLToPath(new URL(`../../../../${name}`, import.meta.url));
const PATIENCE = '60';

/** Starts the command and asks until the check is content, or the time is over. */
const ASK = `
ip link set lo up
if [ -n "\${GONE-}" ]; then ip address delete "$GONE" dev lo; fi
health=$1 seconds=$2; shift 2
"$@" >/dev/null 2>&1 &
SECONDS=0
until answer=$("$health" live) || [ "$SECONDS" -ge "$seconds" ]; do sleep 0.2; done
printf '%s\\n' "$answer"
`;

/** The last answer of ssm-health beside this command, which is given as many seconds. */
async function ask(scope: Scope, command: readonly string[], seconds = PATIENCE, env: Record<string, string> = {}): Promise<string> {
  const inside = ['bash', '-c', ASK, 'ask', at('deploy/image/ssm-health'), seconds, ...command];
  const child = await startCommand(scope, 'unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', '--net', ...inside], {
    env: { SSM_OPS_PORT: undefined, SSM_OPS_HOST: undefined, ...env },
  });
  await child.exited;
  return child.output();
}

/** As npm and the image put them on the PATH. */
function link(site: OldSite, command: 'ssmsend' | 'ssmreceive'): readonly string[] {
  const file = path.join(site.directory, command);
  symlinkSync(fileURLToPath(new URL(`../src/${command}.js`, import.meta.url)), file);
  return [process.execPath, file];
}

describe('ssm-health', { skip: requireTools('root', 'unshare', 'ip'), concurrency: 2 }, () => {
  const live = /^\{"live":true\}\n?$/;

  it('asks ssmreceive at the port of the receiver, or at the one that its command line or the environment says', async (test) => {
    const site = await createOldSite(test);
    const config = ['-c', site.receiverConfig(), '-d', site.dns];
    const linked = link(site, 'ssmreceive');
    assert.match(await ask(test, [process.execPath, at('scripts/start.cjs'), 'ssmreceive', ...config]), live);
    assert.match(await ask(test, [...linked, ...config]), live);
    assert.match(await ask(test, [...linked, ...config, '--ops.port=9300']), live);
    assert.match(await ask(test, [...linked, ...config, '--ops.port', '9300']), live);
    assert.match(await ask(test, [...linked, ...config], PATIENCE, { SSM_OPS_PORT: '9300' }), live);
  });

  it('asks a service that listens at every address, with IPv4 alone, with IPv6 alone, or with both', async (test) => {
    const site = await createOldSite(test);
    const config = ['-c', site.receiverConfig(), '-d', site.dns];
    const linked = link(site, 'ssmreceive');
    for (const GONE of ['', '127.0.0.1/8', '::1/128'])
      assert.match(await ask(test, [...linked, ...config], PATIENCE, { SSM_OPS_HOST: '::', GONE }), live, GONE);
  });

  it('is content with an ssmsend that runs, which has no port by default', async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    const config = ['-c', site.senderConfig()];
    const runs = /^ssmsend runs, at a port that is not known\n?$/;
    const linked = link(site, 'ssmsend');
    assert.match(await ask(test, [process.execPath, at('scripts/start.cjs'), 'ssmsend', ...config]), runs);
    assert.match(await ask(test, [...linked, ...config]), runs);
    assert.match(await ask(test, [...linked, ...config, '--no-once', '--ops.port=9300']), live);
  });

  it('finds no service in a shell that only speaks of one', async (test) => {
    const none = /^no service runs here\n?$/;
    assert.match(await ask(test, ['bash', '-c', 'sleep 5; exec /usr/local/bin/ssmsend'], '1'), none);
    assert.match(await ask(test, ['bash', '-c', 'sleep 5; :', 'sender', '--outgoing.path=/var/spool/ssmsend'], '1'), none);
  });
});
