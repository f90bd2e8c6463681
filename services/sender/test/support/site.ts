/** A site to send from: keys, a broker with mutual TLS, an outgoing volume, and what arrived at the broker. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type DevBroker, type DevBrokerOptions, startDevBroker } from '@ssm/devbroker';
import { loadIdentity, loadTrustStore, openMessage } from '@ssm/empa';
import { createDemoPki, type DemoPki, type Scope, temporaryDirectory } from '@ssm/test-support';

export const DESTINATION = '/queue/accounting';

export interface Site {
  readonly directory: string;
  readonly outgoing: string;
  readonly pki: DemoPki;
  readonly broker: DevBroker;
  /** Writes a configuration file; what is given is laid over the defaults of tests. */
  config(more?: ConfigPatch): string;
}

export type ConfigPatch = { readonly [key: string]: string | number | boolean | readonly string[] | ConfigPatch };

/** One PKI a test file: RSA keys take their time. */
let pki: DemoPki | undefined;

export function sharedPki(scope: Scope): DemoPki {
  pki ??= createDemoPki(path.join(temporaryDirectory(scope), 'pki'));
  return pki;
}

function brokerTls(keys: DemoPki): NonNullable<DevBrokerOptions['tls']> {
  const { broker, caPath } = keys;
  return {
    key: readFileSync(broker.keyPath),
    cert: readFileSync(broker.certificatePath),
    ca: readFileSync(caPath),
    requireClientCertificate: true,
  };
}

/** `keys`: made for the whole file, see sharedPki(). */
export async function createSite(scope: Scope, keys: DemoPki): Promise<Site> {
  const directory = temporaryDirectory(scope);
  const outgoing = path.join(directory, 'outgoing');
  mkdirSync(outgoing);
  const broker = await startDevBroker({ tls: brokerTls(keys) });
  scope.after(() => broker.close());
  let files = 0;
  return {
    directory,
    outgoing,
    pki: keys,
    broker,
    config: (more = {}) => {
      files += 1;
      const file = path.join(directory, `sender-${files}.json`);
      writeFileSync(file, JSON.stringify(overlay(defaults(keys, broker.port, outgoing), more)));
      return file;
    },
  };
}

function defaults(keys: DemoPki, port: number, outgoing: string): ConfigPatch {
  const [site] = keys.sites;
  return {
    instance: 'test-sender',
    broker: {
      urls: [`stomp+ssl://localhost:${port}`],
      destination: DESTINATION,
      backoff: { initial: '20ms', maximum: '200ms' },
      receiptTimeout: '1s',
    },
    identity: { certificate: site.certificatePath, key: site.keyPath },
    trust: { directory: keys.trustDirectory, stability: 0 },
    outgoing: { path: outgoing, scanInterval: '200ms', stability: '100ms' },
    ops: { port: 0 },
    log: { format: 'json', level: 'debug' },
    shutdown: { drain: '5s' },
  };
}

function overlay(base: ConfigPatch, more: ConfigPatch): ConfigPatch {
  const merged: Record<string, ConfigPatch[string]> = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const under = base[key];
    merged[key] = isPatch(value) && under !== undefined && isPatch(under) ? overlay(under, value) : value;
  }
  return merged;
}

function isPatch(value: ConfigPatch[string]): value is ConfigPatch {
  return typeof value === 'object' && !Array.isArray(value);
}

export interface Arrived {
  readonly empaId: string | undefined;
  readonly body: Buffer;
  readonly signer: string;
  readonly deliveryId: string | undefined;
  readonly encrypted: boolean;
}

/** Opens every message at the broker as a receiver would; a ping is none. */
export async function arrived({ broker, pki: keys }: Pick<Site, 'broker' | 'pki'>, now = new Date()): Promise<Arrived[]> {
  const trust = await loadTrustStore(keys.trustDirectory, { now, stabilityMs: 0 });
  const server = await loadIdentity({ certificate: keys.server.certificatePath, key: keys.server.keyPath }, { now });
  return Promise.all(
    broker
      .messages(DESTINATION)
      .filter(({ headers }) => headers.get('empa-id') !== 'ping')
      .map(async ({ headers, body: raw }) => {
        const { body, signer, deliveryId, encrypted } = await openMessage(raw, { identities: [server], trust, now });
        return { empaId: headers.get('empa-id'), body: Buffer.from(body), signer: signer.toString(), deliveryId, encrypted };
      }),
  );
}
