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

/** A question to the management address about a queue. */
type Question = { readonly _AMQ_Attribute: string } | { readonly _AMQ_OperationName: string };

/** The answers, as JSON in brackets; in words where there is no such queue. */
async function ask(plainPort: number, queue: string, questions: readonly Question[]): Promise<string[]> {
  const stomp = await PlainStomp.open({ host: '127.0.0.1', port: plainPort }, OPERATOR.login, OPERATOR.passcode);
  try {
    const reply = `/queue/operator.reply.${randomUUID()}`;
    stomp.send('SUBSCRIBE', { id: '0', destination: reply, receipt: 'subscribed' });
    await stomp.next('RECEIPT');
    const answers: string[] = [];
    for (const question of questions) {
      const body = '_AMQ_OperationName' in question ? '[]' : '';
      stomp.send('SEND', { destination: 'activemq.management', 'reply-to': reply, _AMQ_ResourceName: `queue.${queue}`, ...question }, body);
      answers.push((await stomp.next('MESSAGE')).body);
    }
    return answers;
  } finally {
    stomp.close();
  }
}

async function depth(plainPort: number, queue: string): Promise<number> {
  const [answer = ''] = await ask(plainPort, queue, [{ _AMQ_Attribute: 'messageCount' }]);
  // In words: there is no such queue.
  return Number(/^\[(\d+)\]/.exec(answer)?.[1] ?? 0);
}

/** Those that it counts as on their way, and lists for no consumer. */
async function stuck(plainPort: number, queue: string): Promise<number> {
  const [count = '', list = ''] = await ask(plainPort, queue, [
    { _AMQ_Attribute: 'deliveringCount' },
    { _AMQ_OperationName: 'listDeliveringMessagesAsJSON' },
  ]);
  const delivering = /^\[(\d+)\]/.exec(count)?.[1];
  if (delivering === undefined) return 0;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as Artemis documents it
  const consumers = JSON.parse((JSON.parse(list) as [string])[0]) as readonly { readonly elements: readonly unknown[] }[];
  return consumers.reduce((left, { elements }) => left - elements.length, Number(delivering));
}

const TOLD: readonly Question[] = [
  ...['messageCount', 'deliveringCount', 'scheduledCount', 'consumerCount', 'messagesAdded', 'messagesAcknowledged'].map((name) => ({
    _AMQ_Attribute: name,
  })),
  { _AMQ_OperationName: 'listDeliveringMessagesAsJSON' },
];
const TOLD_CHARACTERS = 2000;

async function about(plainPort: number, queue: string): Promise<string> {
  const answers = await ask(plainPort, queue, TOLD);
  return TOLD.map((question, index) => `${Object.values(question).join('')} ${answers[index]?.slice(0, TOLD_CHARACTERS)}`).join(', ');
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
    stuck: (queue) => stuck(plainPort, queue),
    about: (queue) => about(plainPort, queue),
  };
}
