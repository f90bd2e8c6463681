import { type Scope, startTcpProxy } from '@ssm/test-support';
import { createStompPublisher, createStompSubscriber, type StompOptions, type TransportTls } from '../src/index.js';
import type { Harness, Site, Tuning } from './conformance.js';

/** Where a STOMP broker listens. */
interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** How a client introduces itself. */
export interface Client {
  readonly options?: Partial<StompOptions>;
  /** Absent: plain TCP. */
  readonly tls?: () => TransportTls;
}

export interface StompHarness {
  readonly name: string;
  readonly start: (scope: Scope) => Promise<BrokerAddress>;
  readonly publisher?: Client;
  readonly subscriber?: Client;
  readonly largestMessage?: number;
  readonly forgetsRedelivery?: boolean;
  readonly losesLateAcknowledgements?: boolean;
  /** Messages of a queue as the broker itself says, where it can be asked. */
  readonly depth?: (queue: string) => Promise<number>;
  readonly stuck?: (queue: string) => Promise<number>;
}

/** The suite's harness for a STOMP broker, each one behind a proxy that plays the network. */
export function stompHarness({ start, publisher = {}, subscriber = {}, ...facts }: StompHarness): Harness {
  const addresses = new Map<Site, BrokerAddress>();

  const site = async (scope: Scope): Promise<Site> => {
    const proxy = await startTcpProxy(scope, await start(scope));
    const made: Site = {
      broker: `${proxy.host}:${proxy.port}`,
      cut: () => proxy.cutAll(),
      setNetwork: (mode) => proxy.setMode(mode),
    };
    addresses.set(made, { host: proxy.host, port: proxy.port });
    return made;
  };

  const stompOptions = ({ options, tls }: Client, sites: readonly Site[], queue: string, tuning: Tuning): StompOptions => ({
    brokers: sites.flatMap((each) => addresses.get(each) ?? []).map((address) => (tls === undefined ? address : { ...address, tls })),
    destination: `/queue/${queue}`,
    heartbeatMs: 1000,
    receiptTimeoutMs: 5000,
    backoff: { initialMs: 20, maximumMs: 200 },
    ...options,
    ...tuning,
  });

  return {
    ...facts,
    sites: (scope, count) => Promise.all(Array.from({ length: count }, () => site(scope))),
    publisher: (sites, queue, tuning = {}) => createStompPublisher(stompOptions(publisher, sites, queue, tuning)),
    subscriber: (sites, queue, tuning = {}) => createStompSubscriber(stompOptions(subscriber, sites, queue, tuning)),
  };
}
