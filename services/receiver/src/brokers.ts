import type { Certificate } from '@ssm/empa';
import { ServiceError } from '@ssm/service-kit';
import { createStompSubscriber, type StompBroker, type StompOptions, type StompTls, type Subscriber } from '@ssm/transport';
import type { ReceiverConfig } from './config.js';
import type { Credentials } from './credentials.js';

type BrokerSettings = Pick<ReceiverConfig, 'broker' | 'limits'>;

/** Asked again at each connect, so that what was renewed is used. */
export interface TlsSources {
  readonly credentials: () => Credentials;
  readonly anchors: () => readonly Certificate[];
}

/** Throws ServiceError config-invalid: broker settings that cannot work. */
export function createSubscriber(config: BrokerSettings, sources: TlsSources): Subscriber {
  try {
    return createStompSubscriber(stompOptions(config, sources));
  } catch (error) {
    throw new ServiceError('config-invalid', error instanceof Error ? `broker: ${error.message}` : 'broker', { cause: error });
  }
}

export function stompOptions({ broker, limits }: BrokerSettings, sources: TlsSources): StompOptions {
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

function brokerOf(text: string, tls: () => StompTls): StompBroker {
  const { hostname, port, protocol } = new URL(text);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(port), ...(protocol === 'stomp+ssl:' ? { tls } : {}) };
}

function headerOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function tlsOf(settings: BrokerSettings['broker']['tls'], sources: TlsSources): StompTls {
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
