import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { before, describe, it } from 'node:test';
import { requireTools } from '@ssm/test-support';
import { docker, must, suiteScope } from './docker.js';
import { Stack } from './stack.js';

/** Where the image of ActiveMQ reads its configuration: the official one's folder, or that of Debian's package. */
async function activemqFolder(image: string): Promise<string> {
  const found = await docker(
    'run',
    '--rm',
    '--entrypoint',
    'sh',
    image,
    '-c',
    'ls -d /opt/apache-activemq/conf /etc/activemq/instances-available/main 2>/dev/null; true',
  );
  return found.split('\n')[0] ?? '';
}

describe('the profile activemq', { skip: requireTools('docker') }, () => {
  const scope = suiteScope();
  let stack: Stack;

  before(async () => {
    stack = await Stack.create(scope, { profiles: ['activemq'] });
    const { ACTIVEMQ_IMAGE: image = 'apache/activemq-classic:6.1.7' } = process.env;
    stack.configure({ SSM_BROKER_URLS: 'stomp+ssl://activemq:61614', ACTIVEMQ_CONF: await activemqFolder(image) });
    await stack.up();
  });

  it('carries files over ActiveMQ, by client certificate', async () => {
    const files = new Map([
      ['small', Buffer.from('a record\n')],
      ['largest', randomBytes(20 * 1024 * 1024)],
    ]);
    for (const [name, body] of files) stack.drop(name, body);
    await stack.arrived(files, 120_000);
    assert.equal(await stack.metric('receiver', 'ssm_broker_connected', { broker: 'activemq:61614' }), 1);
  });

  it('lets nobody in whose DN it does not know', async () => {
    const [certificate, key] = ['hostcert.pem', 'hostkey.pem'].map((file) => stack.file('certificates/broker', file));
    const args = ['s_client', '-connect', `127.0.0.1:${stack.port('ACTIVEMQ')}`, '-quiet', '-cert', certificate!, '-key', key!];
    const frame = 'CONNECT\naccept-version:1.2\nhost:/\n\n\0';
    assert.match(await must('openssl', args, { input: frame }), /^ERROR[\s\S]*No user for client certificate/);
  });
});
