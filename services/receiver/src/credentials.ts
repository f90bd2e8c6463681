import { readFile } from 'node:fs/promises';
import { type Certificate, type Identity, type IdentityPaths, loadIdentity, parseCertificates } from '@ssm/empa';
import type { TlsSources } from '@ssm/service-kit';
import type { ReceiverConfig } from './config.js';
import { ReceiverError } from './errors.js';

type CredentialSettings = Pick<ReceiverConfig, 'identity' | 'decryption' | 'broker' | 'deduplication'>;

/** What this receiver is and decrypts with: an immutable snapshot. */
export interface Credentials {
  readonly own: Identity;
  /** The own identity, then the earlier ones. */
  readonly decryption: readonly Identity[];
  /** PEM bundle for the brokers' certificates; undefined: the anchors of the trust directory. */
  readonly brokerCa: string | undefined;
  /** The same for the server of the shared record. */
  readonly recordCa: string | undefined;
}

/** What connections are made with: to brokers, and to the server of the shared record. */
export interface ReceiverSources extends TlsSources {
  readonly recordCa: () => string | undefined;
}

export function sourcesOf(credentials: () => Credentials, anchors: () => readonly Certificate[]): ReceiverSources {
  return {
    identity: () => credentials().own,
    anchors,
    brokerCa: () => credentials().brokerCa,
    recordCa: () => credentials().recordCa,
  };
}

export function credentialFiles(config: CredentialSettings): string[] {
  const { broker, deduplication, identity } = config;
  const earlier = earlierIdentities(config).flatMap(({ certificate, key }) => [certificate, key]);
  return [identity.certificate, identity.key, ...earlier, broker.tls.ca, deduplication.ca].filter((file) => file !== '');
}

/** Errors: those of loadIdentity, for any of the identities; ReceiverError broker-ca-unreadable. */
export async function loadCredentials(config: CredentialSettings, now: Date): Promise<Credentials> {
  const { broker, deduplication } = config;
  const own = await loadIdentity(config.identity, { now });
  const earlier = await Promise.all(earlierIdentities(config).map((paths) => loadEarlier(paths, now)));
  const [brokerCa, recordCa] = [await readBundle(broker.tls.ca, 'broker.tls.ca'), await readBundle(deduplication.ca, 'deduplication.ca')];
  return { own, decryption: [own, ...earlier], brokerCa, recordCa };
}

async function readBundle(file: string, key: string): Promise<string | undefined> {
  try {
    return file === '' ? undefined : await readFile(file, 'utf8');
  } catch (error) {
    throw new ReceiverError('broker-ca-unreadable', `${file} (${key}) cannot be read`, { cause: error });
  }
}

function earlierIdentities({ decryption }: Pick<CredentialSettings, 'decryption'>): IdentityPaths[] {
  return decryption.identities.map((pair) => {
    const [certificate = '', key = ''] = pair.split(':');
    return { certificate, key };
  });
}

/** Senders encrypt to an old certificate for a while after its end, so it is judged as of a time when it was valid. */
async function loadEarlier(paths: IdentityPaths, now: Date): Promise<Identity> {
  const [certificate] = await readCertificates(paths.certificate);
  const { notBefore = now, notAfter = now } = certificate ?? {};
  const time = Math.max(Math.min(now.getTime(), notAfter.getTime()), notBefore.getTime());
  return loadIdentity(paths, { now: new Date(time) });
}

/** What cannot be read or parsed is left to loadIdentity, which says so with its own code. */
async function readCertificates(file: string): Promise<ReturnType<typeof parseCertificates>> {
  try {
    return parseCertificates(await readFile(file));
  } catch {
    return [];
  }
}
