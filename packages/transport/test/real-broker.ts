import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, it } from 'node:test';
import {
  type BrokerKind,
  createDemoPki,
  type DemoIdentity,
  type DemoPki,
  missingBroker,
  PlainStomp,
  type RealBroker,
  startBroker,
  temporaryDirectory,
} from '@ssm/test-support';
import { createStompSubscriber, type StompOptions } from '../src/index.js';
import { conformance } from './conformance.js';
import { within } from './helpers.js';
import { type Client, type StompHarness, stompHarness } from './stomp-harness.js';

/** What RabbitMQ has to be told about a queue; for the others there is one kind. */
const QUEUES: Readonly<Record<string, Partial<StompOptions>>> = {
  'classic queues': {},
  'quorum queues': { extraHeaders: { 'x-queue-type': 'quorum' } },
};

function harnesses(broker: RealBroker, pki: DemoPki, queues: string, options: Partial<StompOptions>): StompHarness[] {
  const { host, login, passcode, tlsPort, plainPort, largestMessage } = broker;
  const withCertificate = ({ certificatePath, keyPath }: DemoIdentity): Client => {
    const tls = {
      ca: [readFileSync(pki.caPath, 'utf8')],
      certificate: readFileSync(certificatePath, 'utf8'),
      key: readFileSync(keyPath, 'utf8'),
    };
    return { options, tls: () => tls };
  };
  const withLogin = { options: { ...options, login, passcode } };
  const facts = {
    ...(largestMessage === undefined ? {} : { largestMessage }),
    forgetsRedelivery: broker.kind === 'artemis',
    losesLateAcknowledgements: queues === 'quorum queues',
    ...(broker.stuck === undefined ? {} : { stuck: broker.stuck }),
    depth: (queue: string): Promise<number> => broker.depth(queue),
  };
  const at = (port: number) => () => Promise.resolve({ host, port });
  const name = `${broker.title}, ${queues}`;
  return [
    { ...facts, name: `${name}, plain with a login`, start: at(plainPort), publisher: withLogin, subscriber: withLogin },
    {
      ...facts,
      name: `${name}, TLS with client certificates`,
      start: at(tlsPort),
      publisher: withCertificate(pki.sites[0]),
      subscriber: withCertificate(pki.server),
    },
  ];
}

/** A sender may write any header: none may take the place of what the broker says of a message. */
async function acknowledgesForged(
  { host, plainPort, login, passcode }: RealBroker,
  extraHeaders: Readonly<Record<string, string>>,
): Promise<void> {
  const queue = `ssm.forged.${randomUUID()}`;
  const stomp = await PlainStomp.open({ host, port: plainPort }, login, passcode);
  const usual = { destination: `/queue/${queue}`, 'destination-type': 'ANYCAST', persistent: 'true', ...extraHeaders };
  stomp.send('SEND', { ack: '1', subscription: '1', redelivered: 'true', ...usual, receipt: 'sent' }, 'x');
  await stomp.next('RECEIPT');
  stomp.close();
  const brokers = [{ host, port: plainPort }];
  const subscriber = createStompSubscriber({ brokers, destination: usual.destination, login, passcode, extraHeaders });
  for await (const delivery of subscriber.deliveries(new AbortController().signal)) {
    await within(delivery.acknowledge(), 'the receipt');
    break;
  }
  await subscriber.drain(AbortSignal.timeout(5000));
}

/** Runs the suite on a real broker, which is started once: plain with a login, and over TLS with the certificates of a site and of the server. */
export async function conformanceOn(kind: BrokerKind): Promise<void> {
  const missing = missingBroker(kind);
  if (missing !== false) {
    it(`transport on ${kind}`, { skip: missing });
    return;
  }
  const pki = createDemoPki(path.join(temporaryDirectory({ after }), 'pki'), { key: 'p256' });
  const broker = await startBroker({ after }, kind, { pki });
  const types = Object.entries(QUEUES).slice(0, kind.startsWith('rabbitmq') ? 2 : 1);
  for (const [queues, { extraHeaders = {} }] of types)
    it(`${broker.title}, ${queues}: whatever its sender wrote, a message is acknowledged`, () => acknowledgesForged(broker, extraHeaders));
  for (const [queues, options] of types) for (const harness of harnesses(broker, pki, queues, options)) conformance(stompHarness(harness));
}
