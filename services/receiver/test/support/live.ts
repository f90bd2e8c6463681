import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type DevBroker, startDevBroker } from '@ssm/devbroker';
import { type Identity, loadIdentity, parseCertificates, sealMessage } from '@ssm/empa';
import { loadConfig } from '@ssm/service-kit';
import {
  cachedKey,
  createCertificate,
  createDemoPki,
  type DemoPki,
  eventually,
  type IssuedCertificate,
  type Scope,
  temporaryDirectory,
} from '@ssm/test-support';
import { type ReceiverConfig, receiverSettings } from '../../src/config.js';
import { type ReceiverOptions, startReceiver } from '../../src/receiver.js';
import { type Element, elementsOf } from './bench.js';
import { createContext, type TestContext } from './context.js';

export const DESTINATION = '/queue/accounting';

export interface Site {
  readonly root: string;
  readonly pki: DemoPki;
  readonly broker: DevBroker;
  readonly incoming: string;
  readonly reject: string;
  readonly allow: string;
  /** As on a command line: what a receiver here needs, but for the settings that are given. */
  readonly args: (...more: readonly string[]) => string[];
  readonly seal: (body: string | Uint8Array, options?: SendOptions) => Promise<Uint8Array>;
  /** Seals and puts into the broker's queue; resolves to the message as it went. */
  readonly send: (body: string | Uint8Array, options?: SendOptions) => Promise<Uint8Array>;
  /** Puts anything into the queue. */
  readonly put: (message: Uint8Array | string, empaId?: string) => void;
  readonly stored: () => Element[];
  readonly rejected: () => Element[];
}

interface SendOptions {
  readonly empaId?: string;
  readonly signer?: Identity;
  readonly deliveryId?: string;
  /** Encrypted to the receiver. */
  readonly encrypted?: boolean;
  readonly now?: Date;
}

/** A PKI, a broker with mutual TLS, a list with the DN of site A on it, and empty queues; everything but the receiver. */
export async function createSite(scope: Scope): Promise<Site> {
  const root = temporaryDirectory(scope);
  const pki = createPki(path.join(root, 'pki'));
  const broker = await startBroker(scope, pki);
  const incoming = path.join(root, 'incoming');
  const reject = path.join(root, 'reject');
  const allow = path.join(root, 'dns');
  writeFileSync(allow, `# who may send\n${pki.sites[0].dn}\n`);
  const signer = await identityOf(pki.sites[0].certificatePath, pki.sites[0].keyPath);
  const recipients = parseCertificates(readFileSync(pki.server.certificatePath));
  const seal: Site['seal'] = (body, { deliveryId, encrypted = false, now = new Date(), signer: other = signer } = {}) =>
    sealMessage(Buffer.from(body), {
      signer: other,
      now,
      recipients: encrypted ? recipients : [],
      ...(deliveryId === undefined ? {} : { deliveryId }),
    });
  const put: Site['put'] = (message, empaId) =>
    void broker.publish(DESTINATION, empaId === undefined ? {} : { 'empa-id': empaId }, message);
  const settings = [
    `--broker.urls=stomp+ssl://127.0.0.1:${broker.port}`,
    `--broker.destination=${DESTINATION}`,
    '--broker.backoff.initial=50ms',
    '--broker.backoff.maximum=200ms',
    `--identity.certificate=${pki.server.certificatePath}`,
    `--identity.key=${pki.server.keyPath}`,
    `--trust.directory=${pki.trustDirectory}`,
    '--trust.stability=0',
    `--incoming.path=${incoming}`,
    '--incoming.reserve=0',
    `--reject.path=${reject}`,
    `--authorisation.allow=${allow}`,
    '--ops.port=0',
  ];
  return {
    root,
    pki,
    broker,
    incoming,
    reject,
    allow,
    args: (...more) => [...settings.filter((setting) => !more.some((other) => keyOf(other) === keyOf(setting))), ...more],
    seal,
    send: async (body, options = {}) => {
      const message = await seal(body, options);
      put(message, options.empaId ?? 'id');
      return message;
    },
    put,
    stored: () => elementsOf(incoming),
    rejected: () => elementsOf(reject),
  };
}

/** Elliptic keys are made in no time; only what is encrypted to needs RSA. */
function createPki(directory: string): DemoPki {
  const pki = createDemoPki(directory, { key: 'p256' });
  const { certificatePath, dn, keyPath } = pki.server;
  const issued = createCertificate({ subject: dn, issuer: pki.ca, key: cachedKey('rsa2048') });
  writeFileSync(certificatePath, issued.certificatePem);
  writeFileSync(keyPath, issued.keyPem);
  return { ...pki, server: { certificatePath, keyPath, dn, issued } };
}

function keyOf(option: string): string | undefined {
  return option.split('=')[0];
}

/** With mutual TLS. */
export async function startBroker(scope: Scope, pki: DemoPki): Promise<DevBroker> {
  const { certificatePath, keyPath } = pki.broker;
  const broker = await startDevBroker({
    tls: { key: readFileSync(keyPath), cert: readFileSync(certificatePath), ca: readFileSync(pki.caPath), requireClientCertificate: true },
  });
  scope.after(() => broker.close());
  return broker;
}

export function identityOf(certificate: string, key: string): Promise<Identity> {
  return loadIdentity({ certificate, key }, { now: new Date() });
}

let identities = 0;

/** Of a certificate that was issued for a test, whatever its validity. */
export async function identityOfIssued(site: Site, issued: IssuedCertificate): Promise<Identity> {
  identities += 1;
  const directory = path.join(site.root, 'issued');
  mkdirSync(directory, { recursive: true });
  const certificate = path.join(directory, `${identities}.pem`);
  const key = path.join(directory, `${identities}-key.pem`);
  writeFileSync(certificate, issued.certificatePem);
  writeFileSync(key, issued.keyPem, { mode: 0o600 });
  const [parsed] = parseCertificates(readFileSync(certificate));
  return loadIdentity({ certificate, key }, { now: parsed === undefined ? new Date() : new Date(parsed.notAfter.getTime() - 1000) });
}

export function configOf(site: Site, ...more: readonly string[]): ReceiverConfig {
  return loadConfig(receiverSettings, { env: {}, args: site.args(...more) });
}

/** A receiver in this process, stopped when the test ends. */
export async function runReceiver(
  scope: Scope,
  site: Site,
  options: { args?: readonly string[] } & Pick<ReceiverOptions, 'onStage' | 'probeIntervalMs'> = {},
): Promise<TestContext> {
  const { args = [], ...more } = options;
  const context = createContext(scope);
  await startReceiver(configOf(site, ...args), context, { firstPauseMs: 20, ...more });
  return context;
}

export interface Audit {
  readonly result?: unknown;
  readonly signer?: unknown;
  readonly encrypted?: unknown;
  readonly size?: unknown;
  readonly firstStored?: unknown;
  readonly acknowledged?: unknown;
  readonly code?: unknown;
}

/** What the log says of messages. */
export function audits(context: TestContext): Audit[] {
  return context.lines.filter(({ message }) => message === 'message').map(({ fields }) => fields);
}

/** Waits for a condition on a machine that may be busy. */
export async function soon(check: () => unknown): Promise<void> {
  await eventually(
    async () => {
      await check();
    },
    { timeout: 30_000 },
  );
}

/** The broker has let go of every message. */
export async function settled(site: Site): Promise<void> {
  await soon(() => assert.equal(site.broker.queueDepth(DESTINATION), 0));
}

export async function ready(context: TestContext): Promise<void> {
  await soon(() => assert.deepEqual(notReady(context), []));
}

function notReady(context: TestContext): string[] {
  return Object.entries(context.health.ready().components).flatMap(([name, { ready: good, reason }]) =>
    good ? [] : [`${name}: ${reason}`],
  );
}
