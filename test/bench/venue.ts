import { randomUUID } from 'node:crypto';
import { type BrokerKind, type DemoPki, missingBroker, type Scope, startBroker } from '@ssm/test-support';
import { startBrokerProcess } from '../support/broker.js';
import { type BareOptions, drain } from './bare-stomp.js';

/** A queue of its own at a running broker. */
export interface Venue {
  /** For the services' `broker`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Where the services connect to. */
  readonly port: number;
  /** For a bare client, without TLS, and for another queue at each call. */
  readonly bare: () => BareOptions;
  /** For a bare client, without TLS: the queue of the services. */
  readonly own: () => BareOptions;
  readonly close: () => Promise<void>;
}

export interface Brokers {
  readonly kind: BrokerKind | 'devbroker';
  readonly title: string;
  readonly open: (tls: boolean) => Promise<Venue>;
}

const OWN_QUEUE = '/queue/bench';
/** All messages of a load wait at once. */
const ROOMY = ['--max-queued-bytes', String(8 * 1024 ** 3)];

const freshQueue = (): string => `/queue/ssm.bench.${randomUUID()}`;

/** The development broker: a new process for each venue, since it keeps everything in memory. */
export function developmentBrokers(scope: Scope, pki: DemoPki): Brokers {
  return {
    kind: 'devbroker',
    title: 'the development broker',
    open: async (tls) => {
      const { child, port, url } = await startBrokerProcess(scope, tls ? pki : undefined, ROOMY);
      return {
        settings: { urls: [url], destination: OWN_QUEUE, ...(tls ? { tls: { ca: pki.caPath } } : {}) },
        port,
        bare: () => ({ port, destination: freshQueue() }),
        own: () => ({ port, destination: OWN_QUEUE }),
        close: async () => {
          child.signal('SIGTERM');
          await child.exited;
        },
      };
    },
  };
}

/** The first of these kinds that is installed; one process for everything. Throws when none is. */
export async function realBrokers(scope: Scope, pki: DemoPki, kinds: readonly BrokerKind[]): Promise<Brokers> {
  const kind = kinds.find((one) => missingBroker(one) === false);
  if (kind === undefined) throw new Error(kinds.map((one) => String(missingBroker(one))).join('; '));
  const broker = await startBroker(scope, kind, { pki });
  const { login, passcode, headers } = broker;
  const bare = { port: broker.plainPort, login, passcode, headers };
  return {
    kind,
    title: broker.title,
    open: (tls) => {
      const destination = freshQueue();
      const queues: BareOptions[] = [];
      const another = (): BareOptions => {
        const made = { ...bare, destination: freshQueue() };
        queues.push(made);
        return made;
      };
      const own = (): BareOptions => ({ ...bare, destination });
      const where = tls
        ? { urls: [broker.url], tls: { ca: pki.caPath } }
        : { urls: [broker.plainUrl], login, passcode, tls: { clientCertificate: false } };
      return Promise.resolve({
        settings: { headers, destination, ...where },
        port: Number(new URL(tls ? broker.url : broker.plainUrl).port),
        bare: another,
        own,
        // What was sent and nobody took would fill the broker's memory and disk, load by load.
        close: async () => {
          for (const queue of [own(), ...queues]) await drain(queue);
        },
      });
    },
  };
}
