import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { BrokerOptions } from './broker.js';
import { writeFiles } from './files.js';
import { type Placement, recipes } from './handbook.js';
import { PLACES } from './installed.js';
import { JAVA_HEAP, javaProperty, makeKeyStores } from './java.js';
import { type Command, OPERATOR, type Product } from './launched.js';
import { PlainStomp } from './plain-stomp.js';

/** Debian leaves it out of the class path; it writes the answers of the statistics plug-in. */
const XML_JARS = ['xstream.jar', 'xpp3.jar'];

/** `wireFormat.maxFrameSize` of both versions. */
const DEFAULT_FRAME_BYTES = 104_857_600;

function command(kind: 'activemq5' | 'activemq6', { configuration, data }: Placement): Command {
  const [home, classes] =
    kind === 'activemq5'
      ? ['/usr/share/activemq', ['-jar', PLACES.activemq5]]
      : [configuration, ['-cp', path.join(PLACES.activemq6, '*'), 'org.apache.activemq.console.Main']];
  return {
    file: 'java',
    args: [
      ...JAVA_HEAP,
      javaProperty('activemq.home', home),
      javaProperty('activemq.base', configuration),
      javaProperty('activemq.conf', configuration),
      javaProperty('activemq.data', data),
      javaProperty('java.security.auth.login.config', path.join(configuration, 'login.config')),
      javaProperty('log4j.configuration', `file:${path.join(configuration, 'log4j.properties')}`),
      ...classes,
      'start',
      `xbean:file:${path.join(configuration, 'activemq.xml')}`,
    ],
  };
}

/** Asks the statistics plug-in. */
async function depth(plainPort: number, queue: string): Promise<number> {
  const stomp = await PlainStomp.open({ host: '127.0.0.1', port: plainPort }, OPERATOR.login, OPERATOR.passcode);
  try {
    const reply = `/queue/operator.reply.${randomUUID()}`;
    stomp.send('SUBSCRIBE', { id: '0', destination: reply, receipt: 'subscribed', transformation: 'jms-map-xml' });
    await stomp.next('RECEIPT');
    // An empty answer follows the others: the only one when there is no such queue.
    const ask = `ActiveMQ.Statistics.Destination.${queue}ActiveMQ.Statistics.Destination.List.End.With.Null`;
    stomp.send('SEND', { destination: `/queue/${ask}`, 'reply-to': reply });
    const { body } = await stomp.next('MESSAGE');
    return Number(/<string>size<\/string>\s*<long>(\d+)<\/long>/.exec(body)?.[1] ?? 0);
  } finally {
    stomp.close();
  }
}

export function activemq(kind: 'activemq5' | 'activemq6', options: BrokerOptions, placement: Placement): Product {
  const { configuration, data, tlsPort, plainPort } = placement;
  const files = recipes('activemq', placement);
  const limit = options.maximumFrameBytes ?? DEFAULT_FRAME_BYTES;
  const xml = (files['activemq.xml'] ?? '').replaceAll(`maxFrameSize=${DEFAULT_FRAME_BYTES}`, `maxFrameSize=${limit}`);
  writeFiles(configuration, { ...files, 'activemq.xml': xml }, options);
  makeKeyStores(options.pki, placement);
  const libraries = path.join(configuration, 'lib');
  for (const directory of [data, libraries]) mkdirSync(directory, { recursive: true });
  if (kind === 'activemq5') for (const jar of XML_JARS) symlinkSync(path.join('/usr/share/java', jar), path.join(libraries, jar));
  return {
    kind,
    tlsPort,
    plainPort,
    headers: [],
    largestMessage: limit,
    command: command(kind, placement),
    depth: (queue) => depth(plainPort, queue),
  };
}
