import { type Scope, startTcpProxy } from '@ssm/test-support';
import { createStompPublisher, createStompSubscriber, type StompOptions } from '../src/index.js';
import type { Harness, Site, Tuning } from './conformance.js';

/** Where a STOMP broker listens. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface StompHarness {
  readonly name: string;
  readonly start: (scope: Scope) => Promise<BrokerAddress>;
  /** What this broker needs besides: login, virtual host, headers. */
  readonly options?: Partial<StompOptions>;
  readonly largestMessage?: number;
  /** Of a queue's name. Default `/queue/`. */
  readonly prefix?: string;
}

/** The suite's harness for a STOMP broker, each one behind a proxy that plays the network. */
export function stompHarness({ name, start, options = {}, largestMessage, prefix = '/queue/' }: StompHarness): Harness {
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

  const stompOptions = (sites: readonly Site[], queue: string, tuning: Tuning): StompOptions => ({
    brokers: sites.flatMap((each) => addresses.get(each) ?? []),
    destination: `${prefix}${queue}`,
    heartbeatMs: 1000,
    receiptTimeoutMs: 5000,
    backoff: { initialMs: 20, maximumMs: 200 },
    ...options,
    ...tuning,
  });

  return {
    name,
    ...(largestMessage === undefined ? {} : { largestMessage }),
    sites: (scope, count) => Promise.all(Array.from({ length: count }, () => site(scope))),
    publisher: (sites, queue, tuning = {}) => createStompPublisher(stompOptions(sites, queue, tuning)),
    subscriber: (sites, queue, tuning = {}) => createStompSubscriber(stompOptions(sites, queue, tuning)),
  };
}
