import { type AmsServer, type AmsServerOptions, startAmsServer } from '@ssm/devbroker';
import { createDemoPki, type DemoPki, type Scope, startTcpProxy, temporaryDirectory } from '@ssm/test-support';
import {
  type AmsOptions,
  createAmsPublisher,
  createAmsSubscriber,
  type Publisher,
  type Subscriber,
  type TransportTls,
} from '../../src/index.js';
import type { Harness, Site, Tuning } from '../conformance.js';

const PROJECT = 'accounting';
const TOKEN = 'token-of-the-site';

let shared: DemoPki | undefined;

export function pkiOf(scope: Scope): DemoPki {
  shared ??= createDemoPki(temporaryDirectory(scope), { key: 'p256' });
  return shared;
}

export async function startServer(scope: Scope, options: Partial<AmsServerOptions> = {}): Promise<AmsServer> {
  const { broker, ca, sites } = pkiOf(scope);
  const server = await startAmsServer({
    tls: { key: broker.issued.keyPem, cert: broker.issued.certificatePem, ca: ca.certificatePem },
    project: PROJECT,
    users: [{ name: 'site', token: TOKEN, dn: sites[0].dn }],
    ...options,
  });
  scope.after(() => server.close());
  return server;
}

export function tlsOf(pki: DemoPki): TransportTls {
  const { certificatePem: certificate, keyPem: key } = pki.sites[0].issued;
  return { ca: [pki.ca.certificatePem], certificate, key };
}

const BACKOFF = { initialMs: 20, maximumMs: 200 };

/** What both ends need for a server, quick to try again. */
export function optionsFor(pki: DemoPki, { host, port }: { readonly host: string; readonly port: number }): AmsOptions {
  return {
    host,
    port,
    project: PROJECT,
    authentication: { type: 'token', token: TOKEN },
    tls: () => tlsOf(pki),
    requestTimeoutMs: 5000,
    backoff: BACKOFF,
  };
}

function tuned({ window, byteBudget, maximumMessageBytes, receiptTimeoutMs, heartbeatMs }: Tuning): Partial<AmsOptions> {
  const requestTimeoutMs = receiptTimeoutMs ?? heartbeatMs;
  return {
    ...(window === undefined ? {} : { batch: window }),
    ...(byteBudget === undefined ? {} : { byteBudget }),
    ...(maximumMessageBytes === undefined ? {} : { maximumMessageBytes }),
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  };
}

/** The suite's harness for AMS: a server behind a proxy that plays the network. `largest`: of a body that the server takes. */
export function amsHarness(name: string, largest: number, without: Readonly<Record<string, string>>): Harness {
  const places = new Map<Site, { readonly server: AmsServer; readonly options: AmsOptions }>();

  const site = async (scope: Scope): Promise<Site> => {
    const server = await startServer(scope, { maximumMessageBytes: (largest / 3) * 4 });
    const proxy = await startTcpProxy(scope, server);
    const made: Site = { broker: `${proxy.host}:${proxy.port}`, cut: () => proxy.cutAll(), setNetwork: (mode) => proxy.setMode(mode) };
    // Here the limits of the server are to be met, and not our own.
    const options = { ...optionsFor(pkiOf(scope), proxy), serverLimitBytes: largest * 2 };
    places.set(made, { server, options });
    return made;
  };

  /** Names of AMS have no dots. */
  const placeOf = ([first]: readonly Site[], queue: string): AmsOptions & { readonly topic: string; readonly subscription: string } => {
    const { server, options } = places.get(first!)!;
    const topic = queue.replaceAll('.', '-');
    server.ensure(topic);
    return { ...options, topic, subscription: topic };
  };

  return {
    name,
    largestMessage: largest,
    without,
    sites: (scope, count) => Promise.all(Array.from({ length: count }, () => site(scope))),
    publisher: (sites, queue, tuning = {}): Publisher => createAmsPublisher({ ...placeOf(sites, queue), ...tuned(tuning) }),
    subscriber: (sites, queue, tuning = {}): Subscriber =>
      createAmsSubscriber({
        ...placeOf(sites, queue),
        pollIntervalMs: 50,
        // So that several are pulled at once within a small budget.
        serverLimitBytes: 1_000_000,
        ...tuned(tuning),
      }),
  };
}
