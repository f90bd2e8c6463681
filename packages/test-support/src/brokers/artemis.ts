import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { BrokerOptions } from './broker.js';
import { writeFiles } from './files.js';
import { type Placement, recipes } from './handbook.js';
import { PLACES } from './installed.js';
import { JAVA_HEAP, javaProperty, makeKeyStores } from './java.js';
import { OPERATOR, type Product } from './launched.js';
import { PlainStomp } from './plain-stomp.js';

/** Asks the management address. */
async function depth(plainPort: number, queue: string): Promise<number> {
  const stomp = await PlainStomp.open({ host: '127.0.0.1', port: plainPort }, OPERATOR.login, OPERATOR.passcode);
  try {
    const reply = `/queue/operator.reply.${randomUUID()}`;
    stomp.send('SUBSCRIBE', { id: '0', destination: reply, receipt: 'subscribed' });
    await stomp.next('RECEIPT');
    const question = { _AMQ_ResourceName: `queue.${queue}`, _AMQ_Attribute: 'messageCount' };
    stomp.send('SEND', { destination: 'activemq.management', 'reply-to': reply, ...question });
    const { body } = await stomp.next('MESSAGE');
    // In words: there is no such queue.
    return Number(/^\[(\d+)\]/.exec(body)?.[1] ?? 0);
  } finally {
    stomp.close();
  }
}

export function artemis(options: BrokerOptions, placement: Placement): Product {
  const { configuration, data, tlsPort, plainPort } = placement;
  const instance = path.dirname(configuration);
  const create = ['--user', OPERATOR.login, '--password', OPERATOR.passcode, '--require-login', '--silent', '--force', '--no-web'];
  execFileSync(path.join(PLACES.artemis, 'bin', 'artemis'), ['create', instance, '--etc', configuration, '--data', data, ...create], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  writeFiles(configuration, recipes('artemis', placement), options);
  makeKeyStores(options.pki, placement);
  return {
    kind: 'artemis',
    tlsPort,
    plainPort,
    headers: [],
    largestMessage: undefined,
    command: {
      file: 'java',
      args: [
        ...JAVA_HEAP,
        javaProperty('artemis.home', PLACES.artemis),
        javaProperty('artemis.instance', instance),
        javaProperty('artemis.instance.etc', configuration),
        javaProperty('data.dir', data),
        javaProperty('java.io.tmpdir', path.join(instance, 'tmp')),
        javaProperty('java.security.auth.login.config', path.join(configuration, 'login.config')),
        javaProperty('log4j2.configurationFile', `file:${path.join(configuration, 'log4j2.properties')}`),
        '-cp',
        path.join(PLACES.artemis, 'lib', 'artemis-boot.jar'),
        'org.apache.activemq.artemis.boot.Artemis',
        'run',
      ],
    },
    depth: (queue) => depth(plainPort, queue),
  };
}
