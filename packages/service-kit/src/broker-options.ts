/** The settings of brokers in the terms of the transport, which this package does not know. */
import type { KeyObject } from 'node:crypto';
import { amsLogin } from './ams-settings.js';
import type { CommonSettings } from './common-settings.js';
import type { ConfigOf } from './settings.js';

type Config = ConfigOf<CommonSettings>;

interface Certificate {
  /** DER. */
  readonly raw: Buffer;
}

/** Asked again at each connect, so that what was renewed is used. */
export interface TlsSources {
  readonly identity: () => {
    readonly certificate: Certificate;
    readonly intermediates: readonly Certificate[];
    readonly privateKey: KeyObject;
  };
  readonly anchors: () => readonly Certificate[];
  /** PEM bundle of broker.tls.ca; undefined: the anchors. */
  readonly brokerCa: () => string | undefined;
}

/** PEM. */
export interface TlsMaterial {
  readonly ca: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
  /** Name that the server's certificate must carry. */
  readonly serverName?: string;
}

/** For a connection to a server whose CAs are in the bundle (undefined: among the anchors). */
export function tlsMaterial(
  { anchors, identity }: Pick<TlsSources, 'anchors' | 'identity'>,
  bundle: string | undefined,
  withCertificate: boolean,
): TlsMaterial {
  const ca = bundle === undefined ? anchors().map(toPem) : [bundle];
  if (!withCertificate) return { ca };
  const { certificate, intermediates, privateKey } = identity();
  return {
    ca,
    certificate: [certificate, ...intermediates].map(toPem).join(''),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function toPem({ raw }: Certificate): string {
  const lines = raw.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function brokerTls({ clientCertificate, serverName }: Config['broker']['tls'], sources: TlsSources): TlsMaterial {
  return { ...tlsMaterial(sources, sources.brokerCa(), clientCertificate), ...(serverName === '' ? {} : { serverName }) };
}

// oxlint-disable-next-line typescript/explicit-module-boundary-types -- the transport's types, which are checked where it gets them
export function stompOptions({ broker, limits }: Pick<Config, 'broker' | 'limits'>, sources: TlsSources) {
  return {
    brokers: broker.urls.map((url) => brokerOf(url, () => brokerTls(broker.tls, sources))),
    destination: broker.destination,
    ...(broker.login === '' ? {} : { login: broker.login, passcode: broker.passcode }),
    virtualHost: broker.virtualHost,
    extraHeaders: Object.fromEntries(broker.headers.map(headerOf)),
    receiptTimeoutMs: broker.receiptTimeout,
    heartbeatMs: broker.heartbeat,
    window: broker.window,
    ...connectionOptions({ broker, limits }),
  };
}

function brokerOf<Tls>(text: string, tls: Tls) {
  const { hostname, port, protocol } = new URL(text);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port), ...(protocol === 'stomp+ssl:' ? { tls } : {}) };
}

function headerOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** What both ends need; the topic or the subscription is the service's. Throws ServiceError config-invalid, as amsLogin(). */
// oxlint-disable-next-line typescript/explicit-module-boundary-types -- the transport's types, which are checked where it gets them
export function amsOptions({ ams, broker, limits }: Pick<Config, 'ams' | 'broker' | 'limits'>, sources: TlsSources) {
  const { host, port, project, batch } = ams;
  // Where the certificate is exchanged for a token it is always shown.
  const tls = { ...broker.tls, clientCertificate: true };
  return {
    host,
    port,
    project,
    batch,
    authentication: amsLogin(ams),
    tls: (): TlsMaterial => brokerTls(tls, sources),
    requestTimeoutMs: ams.requestTimeout,
    serverLimitBytes: ams.maximumMessage,
    ...connectionOptions({ broker, limits }),
  };
}

function connectionOptions({ broker, limits }: Pick<Config, 'broker' | 'limits'>) {
  return {
    connectTimeoutMs: broker.connectTimeout,
    maximumMessageBytes: limits.message,
    byteBudget: broker.byteBudget,
    backoff: { initialMs: broker.backoff.initial, maximumMs: broker.backoff.maximum },
  };
}
