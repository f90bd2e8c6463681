import type { Certificate } from '@ssm/empa';
import { amsLogin, configFault } from '@ssm/service-kit';
import {
  type AmsSubscriberOptions,
  createAmsSubscriber,
  createStompSubscriber,
  type StompBroker,
  type StompOptions,
  type Subscriber,
  type TransportTls,
} from '@ssm/transport';
import type { ReceiverConfig } from './config.js';
import type { Credentials } from './credentials.js';

type BrokerSettings = Pick<ReceiverConfig, 'ams' | 'broker' | 'limits' | 'transport' | 'window'>;

/** Asked again at each connect, so that what was renewed is used. */
export interface TlsSources {
  readonly credentials: () => Credentials;
  readonly anchors: () => readonly Certificate[];
}

/** Throws ServiceError config-invalid: broker settings that cannot work. */
export function createSubscriber(config: BrokerSettings, sources: TlsSources): Subscriber {
  try {
    if (config.transport === 'ams') return createAmsSubscriber(amsOptions(config, sources));
    return createStompSubscriber(stompOptions(config, sources));
  } catch (error) {
    throw configFault('broker', error);
  }
}

/** What the reference stores for a message of AMS without an id. */
const MISSING_ID = 'N/A';

function amsOptions({ ams, broker, limits, window }: BrokerSettings, sources: TlsSources): AmsSubscriberOptions {
  const { host, port, project, subscription } = ams;
  // Where the certificate is exchanged for a token it is always shown.
  const tls = { ...broker.tls, clientCertificate: true };
  return {
    host,
    port,
    project,
    subscription,
    authentication: amsLogin(ams),
    tls: () => tlsOf(tls, sources),
    connectTimeoutMs: broker.connectTimeout,
    requestTimeoutMs: ams.requestTimeout,
    // A pull is acknowledged when all of it is durable: more than are worked on at once would wait for themselves.
    batch: Math.min(ams.batch, window),
    serverLimitBytes: ams.maximumMessage,
    maximumMessageBytes: limits.message,
    byteBudget: broker.byteBudget,
    backoff: { initialMs: broker.backoff.initial, maximumMs: broker.backoff.maximum },
    pollIntervalMs: ams.pollInterval,
    ackDeadlineSeconds: Math.floor(ams.ackDeadline / 1000),
    missingId: MISSING_ID,
  };
}

export function stompOptions({ broker, limits }: Pick<BrokerSettings, 'broker' | 'limits'>, sources: TlsSources): StompOptions {
  return {
    brokers: broker.urls.map((url) => brokerOf(url, () => tlsOf(broker.tls, sources))),
    destination: broker.destination,
    ...(broker.login === '' ? {} : { login: broker.login, passcode: broker.passcode }),
    virtualHost: broker.virtualHost,
    extraHeaders: Object.fromEntries(broker.headers.map(headerOf)),
    connectTimeoutMs: broker.connectTimeout,
    receiptTimeoutMs: broker.receiptTimeout,
    heartbeatMs: broker.heartbeat,
    window: broker.window,
    byteBudget: broker.byteBudget,
    maximumMessageBytes: limits.message,
    backoff: { initialMs: broker.backoff.initial, maximumMs: broker.backoff.maximum },
  };
}

function brokerOf(text: string, tls: () => TransportTls): StompBroker {
  const { hostname, port, protocol } = new URL(text);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(port), ...(protocol === 'stomp+ssl:' ? { tls } : {}) };
}

function headerOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function tlsOf(settings: BrokerSettings['broker']['tls'], sources: TlsSources): TransportTls {
  const { brokerCa } = sources.credentials();
  return {
    ...tlsMaterial(sources, brokerCa, settings.clientCertificate),
    ...(settings.serverName === '' ? {} : { serverName: settings.serverName }),
  };
}

export interface TlsMaterial {
  readonly ca: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
}

/** PEM, for a connection to a server whose CAs are in the bundle (undefined: among the anchors). */
export function tlsMaterial(sources: TlsSources, bundle: string | undefined, withCertificate: boolean): TlsMaterial {
  const ca = bundle === undefined ? sources.anchors().map(pemOf) : [bundle];
  if (!withCertificate) return { ca };
  const { certificate, intermediates, privateKey } = sources.credentials().own;
  return {
    ca,
    certificate: [certificate, ...intermediates].map(pemOf).join(''),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function pemOf({ raw }: Certificate): string {
  return `-----BEGIN CERTIFICATE-----\n${raw.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
}
