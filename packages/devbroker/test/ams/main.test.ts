import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDemoPki, startNode, temporaryDirectory } from '@ssm/test-support';

const MAIN = fileURLToPath(new URL('../../src/ams/main.js', import.meta.url));

describe('the AMS server as a process', () => {
  it('runs until SIGTERM', async (t) => {
    const { broker, caPath } = createDemoPki(path.join(temporaryDirectory(t), 'pki'), { key: 'p256' });
    const tls = ['--tls-key', broker.keyPath, '--tls-cert', broker.certificatePath, '--tls-ca', caPath];
    const child = await startNode(t, MAIN, [...tls, '--topic', 'a', '--topic', 'b', '--user', 'x=y', '--dn', 'x=/CN=z']);
    await child.waitForLine(/^ams listening on 127\.0\.0\.1:\d+, authentication on \d+$/);
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.equal(child.output('stderr'), '');
  });

  it('says how it is used', async (t) => {
    for (const args of [[], ['--nonsense'], ['--tls-key', '/none', '--tls-cert', '/none', '--tls-ca', '/none']]) {
      const child = await startNode(t, MAIN, args);
      assert.equal((await child.exited).code, 2);
      assert.match(child.output('stderr'), /usage:/);
    }
    const help = await startNode(t, MAIN, ['--help']);
    assert.equal((await help.exited).code, 0);
    assert.match(help.output('stdout'), /--maximum-message/);
  });
});
