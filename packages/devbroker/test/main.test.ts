import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cachedKey, createCertificate, startNode, temporaryDirectory } from '@ssm/test-support';
import { dial } from './raw-client.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

describe('main', () => {
  it('runs with mutual TLS until SIGTERM', async (t) => {
    const directory = temporaryDirectory(t);
    const made = createCertificate({
      subject: '/CN=localhost',
      key: cachedKey('p256'),
      san: ['IP:127.0.0.1'],
      ca: true,
      keyUsage: ['digitalSignature', 'keyCertSign'],
    });
    const [cert, key] = [path.join(directory, 'cert.pem'), path.join(directory, 'key.pem')];
    writeFileSync(cert, made.certificatePem);
    writeFileSync(key, made.keyPem);
    const tls = ['--tls-key', key, '--tls-cert', cert, '--tls-ca', cert, '--require-client-certificate'];
    const child = await startNode(t, MAIN, ['--port', '0', '--heartbeat', '0,0', ...tls]);
    const [, host = '', port] = await child.waitForLine(/^devbroker listening on (127\.0\.0\.1):(\d+)$/);
    const pem = { ca: made.certificatePem, key: made.keyPem, cert: made.certificatePem };
    const client = await dial(t, { host, port: Number(port) }, pem);
    client.write('CONNECT\naccept-version:1.2\n\n\0');
    assert.equal((await client.next()).headers.get('heart-beat'), '0,0');
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.equal(child.output('stderr'), '');
  });

  it('says how it is used', async (t) => {
    for (const args of [['--nonsense'], ['--port', 'x'], ['--tls-key', 'only']]) {
      const child = await startNode(t, MAIN, args);
      assert.equal((await child.exited).code, 2);
      assert.match(child.output('stderr'), /usage:/);
    }
    const help = await startNode(t, MAIN, ['--help']);
    assert.equal((await help.exited).code, 0);
    assert.match(help.output('stdout'), /--tls-ca/);
  });
});
