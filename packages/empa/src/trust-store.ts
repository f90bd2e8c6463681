/** Trust directories and identities as they lie on disk. The only file that reads any. */
import type { BigIntStats } from 'node:fs';
import { constants, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { EmpaError } from './errors.js';
import type { Certificate } from './x509/certificate.js';
import { checkKeyMode, type Identity, makeIdentity } from './x509/identity.js';
import type { KnownCertificates } from './x509/known-certificates.js';
import { kindOfTrustFile, TrustBuilder, type TrustFileKind, type TrustMaterial, type TrustProblem } from './x509/trust.js';
import { type VerifyOptions, verifyWith } from './x509/verify.js';

export type { Identity, IdentityWarning } from './x509/identity.js';
export type { TrustProblem } from './x509/trust.js';
export type { VerifyOptions, VerifyPolicy } from './x509/verify.js';

export interface IdentityPaths {
  /** PEM: the certificate first, its intermediates (if any) after it. */
  readonly certificate: string;
  /** PEM, PKCS#8 or traditional, not encrypted. */
  readonly key: string;
}

/** An immutable snapshot of a trust directory. */
export interface TrustStore {
  readonly directory: string;
  /** Self-signed CA certificates of the directory; its other CA certificates only help to build chains. */
  readonly anchors: readonly Certificate[];
  /** Names (slash form) of all CAs that have a certificate in the directory. */
  readonly cas: readonly string[];
  /** Issuer (slash form) and nextUpdate of every CRL that was read. */
  readonly crls: readonly { readonly issuer: string; readonly nextUpdate: Date | undefined }[];
  /** Files that were left out, and why; never a reason to refuse the whole. */
  readonly problems: readonly TrustProblem[];
}

export interface TrustStoreOptions {
  readonly now: Date;
  /** Refuse (`trust-unstable`) when a file changed less than this many milliseconds ago. Default 2000; 0 switches it off. */
  readonly stabilityMs?: number;
  /** An earlier snapshot: CRLs of files that have not changed since are taken from it. */
  readonly earlier?: TrustStore | undefined;
}

const DEFAULT_STABILITY_MS = 2000;
const MiB = 1024 * 1024;
const MAX_IDENTITY_BYTES = MiB;
const MAX_TRUST_FILES = 10_000;
const MAX_TRUST_BYTES = 512 * MiB;
const MAX_FILE_BYTES: Readonly<Record<TrustFileKind, number>> = { certificates: 4 * MiB, crl: 64 * MiB, 'signing-policy': MiB };

interface ReadFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

/** A regular file of limited size; links are followed. Opened so that a FIFO does not block. */
async function readRegularFile(file: string, maximum: number, check?: (mode: number) => void): Promise<ReadFile> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new Error(`${file} is not a regular file`);
    if (status.size > maximum) throw new Error(`${file} is larger than ${maximum} bytes`);
    check?.(status.mode);
    const bytes = Buffer.alloc(status.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { bytes: bytes.subarray(0, length), mode: status.mode };
  } finally {
    await handle.close();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function readIdentityFile(file: string, check?: (mode: number) => void): Promise<ReadFile> {
  try {
    return await readRegularFile(file, MAX_IDENTITY_BYTES, check);
  } catch (cause) {
    if (cause instanceof EmpaError) throw cause;
    throw new EmpaError('identity-unreadable', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads a certificate and its key and checks that they belong together.
 * Errors: identity-unreadable, identity-malformed, key-mismatch, key-world-readable, key-unsupported, key-too-weak,
 * certificate-expired, certificate-not-yet-valid.
 */
export async function loadIdentity(paths: IdentityPaths, options: { readonly now: Date }): Promise<Identity> {
  const certificate = await readIdentityFile(paths.certificate);
  // The mode is judged before the key is read, on the same open file.
  const key = await readIdentityFile(paths.key, (mode) => checkKeyMode(paths.key, mode));
  const identity = makeIdentity({ path: paths.certificate, bytes: certificate.bytes }, { path: paths.key, bytes: key.bytes }, options.now);
  return { ...identity, warnings: [...checkKeyMode(paths.key, key.mode), ...identity.warnings] };
}

interface ListedFile {
  readonly name: string;
  readonly kind: TrustFileKind;
  /** Of the target of a link; or why there is none. */
  readonly status: BigIntStats | Error;
}

interface Listing {
  readonly files: readonly ListedFile[];
  /** When the directory itself last had a name put in or taken out. */
  readonly changed: Date;
}

async function listFile(directory: string, name: string): Promise<ListedFile[]> {
  const kind = kindOfTrustFile(name);
  if (kind === undefined) return [];
  try {
    const status = await stat(path.join(directory, name), { bigint: true });
    return status.isDirectory() ? [] : [{ name, kind, status }];
  } catch (error) {
    return [{ name, kind, status: error instanceof Error ? error : new Error(String(error)) }];
  }
}

async function list(directory: string): Promise<Listing> {
  try {
    const [names, status] = await Promise.all([readdir(directory), stat(directory)]);
    const ours = names.filter((name) => kindOfTrustFile(name) !== undefined).toSorted();
    if (ours.length > MAX_TRUST_FILES) throw new Error(`more than ${MAX_TRUST_FILES} files`);
    const files = await Promise.all(ours.map((name) => listFile(directory, name)));
    return { files: files.flat(), changed: status.mtime };
  } catch (cause) {
    throw new EmpaError('trust-unreadable', `trust directory ${directory} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function identify({ name, status }: ListedFile): unknown[] {
  if (status instanceof Error) return [name, status.message];
  return [name, ...[status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs].map(String)];
}

/** Differs when any file is another one, or was written to, since. */
function fingerprint(listing: Listing): string {
  return JSON.stringify(listing.files.map(identify));
}

/** Times ahead of `now` count by their distance too: clocks of file servers differ a little. */
function isRecent(listing: Listing, now: Date, stabilityMs: number): boolean {
  const times = listing.files.flatMap(({ status }) => (status instanceof Error ? [] : [status.mtime, status.ctime]));
  return [...times, listing.changed].some((time) => Math.abs(now.getTime() - time.getTime()) < stabilityMs);
}

async function readInto(builder: TrustBuilder, directory: string, { name, kind, status }: ListedFile): Promise<void> {
  try {
    if (status instanceof Error) throw status;
    const { bytes } = await readRegularFile(path.join(directory, name), MAX_FILE_BYTES[kind]);
    builder.add({ name, bytes }, kind);
  } catch (error) {
    builder.reject(name, kind, error);
  }
}

/** What verification needs of a snapshot and nobody else. */
const materials = new WeakMap<TrustStore, TrustMaterial>();

function snapshotOf(directory: string, material: TrustMaterial): TrustStore {
  const snapshot: TrustStore = Object.freeze({
    directory,
    anchors: Object.freeze([...material.anchors]),
    cas: Object.freeze([...new Set(material.cas.map(({ subject }) => subject.toString()))]),
    crls: Object.freeze(material.crls.map(({ issuer, nextUpdate }) => Object.freeze({ issuer: issuer.toString(), nextUpdate }))),
    problems: Object.freeze([...material.problems]),
  });
  materials.set(snapshot, material);
  return snapshot;
}

function unstable(directory: string): EmpaError {
  return new EmpaError('trust-unstable', `trust directory ${directory} is being changed`);
}

/**
 * Reads a trust directory: `HASH.N`, `*.pem` and `*.crt` for certificates, `HASH.rN` and `*.crl` for CRLs, `*.signing_policy`; names that
 * begin with a dot, and all others, are ignored. Errors: trust-unreadable, trust-empty, trust-unstable.
 */
export async function loadTrustStore(directory: string, options: TrustStoreOptions): Promise<TrustStore> {
  const { now, stabilityMs = DEFAULT_STABILITY_MS, earlier } = options;
  const before = await list(directory);
  if (stabilityMs > 0 && isRecent(before, now, stabilityMs)) throw unstable(directory);
  const total = before.files.reduce((sum, { status }) => sum + (status instanceof Error ? 0 : Number(status.size)), 0);
  if (total > MAX_TRUST_BYTES)
    throw new EmpaError('trust-unreadable', `trust directory ${directory} holds more than ${MAX_TRUST_BYTES} bytes`);
  const builder = new TrustBuilder(earlier === undefined ? undefined : materialOf(earlier).crlFiles);
  for (const file of before.files) await readInto(builder, directory, file);
  if (fingerprint(before) !== fingerprint(await list(directory))) throw unstable(directory);
  const material = builder.finish();
  if (material.anchors.length === 0) throw new EmpaError('trust-empty', `trust directory ${directory} holds no trust anchor`);
  return snapshotOf(directory, material);
}

function materialOf(trust: TrustStore): TrustMaterial {
  const material = materials.get(trust);
  if (material === undefined) throw new TypeError('not a trust store that loadTrustStore has made');
  return material;
}

/** Certificates of messages that were found good by this snapshot. */
export function knownCertificates(trust: TrustStore): KnownCertificates {
  return materialOf(trust).known.certificates;
}

/**
 * Verifies chain, revocation and signing policy of one certificate against the snapshot. Throws EmpaError with the step
 * - chain (RFC 5280 section 6.1, RFC 8551 section 4.4): signer-is-ca, signer-is-proxy, chain-incomplete, chain-signature-invalid,
 *   chain-constraint, certificate-expired, certificate-not-yet-valid, critical-extension-unknown, signature-algorithm-refused,
 *   key-too-weak, key-unsupported, purpose-refused, limit-exceeded;
 * - revocation (RFC 5280 section 6.3): certificate-revoked, crl-expired, crl-missing, crl-invalid;
 * - signing-policy: signing-policy-refused, signing-policy-missing, signing-policy-malformed.
 */
export function verifyCertificate(
  certificate: Certificate,
  intermediates: readonly Certificate[],
  trust: TrustStore,
  options: VerifyOptions,
): void {
  verifyWith(certificate, intermediates, materialOf(trust), options);
}
