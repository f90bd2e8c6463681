import { randomUUID } from 'node:crypto';
import { type BrokerKind, type DemoPki, missingBroker, type Scope, startBroker } from '@ssm/test-support';
import { startBrokerProcess } from '../support/broker.js';
import type { BareOptions } from './bare-stomp.js';

/** A queue of its own at a running broker. */
export interface Venue {
  /** For the services' `broker`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** For a bare client; without TLS. */
  readonly bare: () => BareOptions;
  readonly close: () => Promise<void>;
}

export interface Brokers {
  readonly kind: BrokerKind | 'devbroker';
  readonly title: string;
  readonly open: (tls: boolean) => Promise<Venue>;
}

const freshQueue = (): string => `/queue/ssm.bench.${randomUUID()}`;

/** The development broker: a new process for each venue, since it keeps everything in memory. */
export function developmentBrokers(scope: Scope, pki: DemoPki): Brokers {
  return {
    kind: 'devbroker',
    title: 'the development broker',
    open: async (tls) => {
      const { child, port, url } = await startBrokerProcess(scope, tls ? pki : undefined);
      return {
        settings: { urls: [url], destination: '/queue/bench', ...(tls ? { tls: { ca: pki.caPath } } : {}) },
        bare: () => ({ port, destination: freshQueue() }),
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
  return {
    kind,
    title: broker.title,
    open: async (tls) => ({
      settings: {
        headers,
        destination: freshQueue(),
        ...(tls
          ? { urls: [broker.url], tls: { ca: pki.caPath } }
          : { urls: [broker.plainUrl], login, passcode, tls: { clientCertificate: false } }),
      },
      bare: () => ({ port: broker.plainPort, login, passcode, headers, destination: freshQueue() }),
      close: () => Promise.resolve(),
    }),
  };
}
