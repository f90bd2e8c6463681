/** A real broker that the tests of one file share: each has a queue of its own there. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after } from 'node:test';
import {
  type BrokerKind,
  type BrokerOptions,
  createDemoPki,
  type DemoPki,
  freeStuck,
  type RealBroker,
  type Scope,
  startBroker,
  temporaryDirectory,
} from '@ssm/test-support';
import { World } from '../e2e/world.js';
import type { ConfigFile } from '../support/services.js';

export interface Venue {
  readonly broker: RealBroker;
  readonly pki: DemoPki;
}

export async function openVenue(kind: BrokerKind, options: Omit<BrokerOptions, 'pki'> = {}): Promise<Venue> {
  const pki = createDemoPki(path.join(temporaryDirectory({ after }), 'pki'), { key: 'p256' });
  return { pki, broker: await startBroker({ after }, kind, { pki, ...options }) };
}

export type QueueType = 'classic' | 'quorum';

/** A site and a server that meet at a queue of that broker. */
export interface Meeting {
  readonly world: World;
  /** Name of the queue, without `/queue/`. */
  readonly queue: string;
}

/** Over TLS with their certificates, unless they are configured as {@link withLogin} says. `queue`: RabbitMQ only. */
export async function meet(scope: Scope, { broker, pki }: Venue, type: QueueType = 'quorum'): Promise<Meeting> {
  const queue = `ssm.e2e.${randomUUID()}`;
  const headers = broker.kind.startsWith('rabbitmq') && type === 'quorum' ? ['x-queue-type=quorum'] : [];
  const free = (isComplete: () => Promise<boolean>): Promise<void> => freeStuck(broker, queue, isComplete);
  const given = { pki, urls: [broker.url], headers, destination: `/queue/${queue}`, freeStuck: free };
  return { queue, world: await World.create(scope, given) };
}

/** Configuration of services that come to the plain port, or by another way to it. */
export function withLogin({ broker: { plainUrl, login, passcode } }: Venue, url = plainUrl): ConfigFile {
  return { broker: { urls: [url], login, passcode, tls: { clientCertificate: false } } };
}
