import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, it } from 'node:test';
import {
  type BrokerKind,
  createDemoPki,
  type DemoIdentity,
  type DemoPki,
  missingBroker,
  type RealBroker,
  startBroker,
  temporaryDirectory,
} from '@ssm/test-support';
import type { StompOptions } from '../src/index.js';
import { conformance } from './conformance.js';
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
  for (const [queues, options] of types) for (const harness of harnesses(broker, pki, queues, options)) conformance(stompHarness(harness));
}
