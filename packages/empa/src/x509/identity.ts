import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { EmpaError, type EmpaErrorCode } from '../errors.js';
import { type Certificate, parseCertificates } from './certificate.js';
import { keyFault } from './key.js';
import { type PemBlock, pemBlocks } from './pem.js';

export interface IdentityWarning {
  readonly code: 'key-group-readable' | 'certificate-expires-soon';
  readonly message: string;
}

/** A certificate, its intermediates and its private key. */
export interface Identity {
  readonly certificate: Certificate;
  readonly intermediates: readonly Certificate[];
  readonly privateKey: KeyObject;
  readonly warnings: readonly IdentityWarning[];
}

/** A file of an identity as it was read. */
export interface IdentityFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const DAY_MS = 86_400_000;
const CURVES = new Set(['prime256v1', 'secp384r1']);

/** `mode` as stat gives it, of the file itself, not of a link to it. Throws EmpaError `key-world-readable`. */
export function checkKeyMode(path: string, mode: number): IdentityWarning[] {
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  if ((mode & 0o007) !== 0)
    throw new EmpaError('key-world-readable', `${path} has mode ${octal}: everybody on the machine can use the key`);
  if ((mode & 0o070) === 0) return [];
  return [{ code: 'key-group-readable', message: `${path} has mode ${octal}: its group can use the key` }];
}

const VERSION_OF_PKCS12 = Buffer.from([0x02, 0x01, 0x03, 0x30]);
/** Of the outermost length. */
const MAXIMUM_HEADER = 6;

/** What browsers and some CAs give out: certificate and key, under a password. */
function refusePkcs12({ path, bytes }: IdentityFile): void {
  const start = Buffer.from(bytes.subarray(0, MAXIMUM_HEADER + VERSION_OF_PKCS12.length));
  if (start[0] !== 0x30 || !start.includes(VERSION_OF_PKCS12)) return;
  const command = `openssl pkcs12 -in ${path} -nodes -out pair.pem`;
  throw new EmpaError(
    'identity-malformed',
    `${path} looks like PKCS#12; certificate and key are wanted in PEM: ${command} (of older files with -legacy)`,
  );
}

/** The first private key of the file, read from its PEM block alone. No message says anything of what is in it. */
function readPrivateKey(file: IdentityFile): KeyObject {
  refusePkcs12(file);
  const { path, bytes } = file;
  let block: PemBlock | undefined;
  try {
    block = pemBlocks(bytes).find(({ label }) => label.endsWith('PRIVATE KEY'));
  } catch (cause) {
    throw new EmpaError('identity-malformed', `${path}: a PEM block has no end`, { cause });
  }
  if (block === undefined) throw new EmpaError('identity-malformed', `${path}: no private key in PEM`);
  if (block.label.startsWith('ENCRYPTED') || block.body.includes('ENCRYPTED')) {
    throw new EmpaError('key-unsupported', `${path}: the private key is encrypted; a service needs it without a passphrase`);
  }
  try {
    return createPrivateKey(block.text);
  } catch (cause) {
    throw new EmpaError('identity-malformed', `${path}: the private key cannot be read`, { cause });
  }
}

/** RSA, and the two curves that CMS signatures are made with here. */
function checkKeyType(path: string, key: KeyObject): void {
  const type = key.asymmetricKeyType ?? 'unknown';
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  const supported = type === 'rsa' || (type === 'ec' && CURVES.has(curve));
  if (!supported) throw new EmpaError('key-unsupported', `${path}: a key of type ${type} ${curve}; RSA, P-256 and P-384 can be used`);
  const fault = keyFault(key);
  if (fault !== undefined) throw new EmpaError(fault.code, `${path}: ${fault.message}`);
}

function readCertificates(file: IdentityFile): { certificate: Certificate; intermediates: Certificate[] } {
  refusePkcs12(file);
  const { path, bytes } = file;
  let certificates: Certificate[];
  try {
    certificates = parseCertificates(bytes);
  } catch (cause) {
    throw new EmpaError('identity-malformed', `${path}: no certificate that can be read`, { cause });
  }
  const [certificate, ...intermediates] = certificates;
  if (certificate === undefined) throw new EmpaError('identity-malformed', `${path}: no certificate`);
  return { certificate, intermediates };
}

function checkValidity(path: string, certificate: Certificate, now: Date): IdentityWarning[] {
  const refuse = (code: EmpaErrorCode, why: string): EmpaError => new EmpaError(code, `${path}: ${certificate.toString()} ${why}`);
  const end = certificate.notAfter.toISOString();
  if (now < certificate.notBefore) throw refuse('certificate-not-yet-valid', `is not valid before ${certificate.notBefore.toISOString()}`);
  if (now > certificate.notAfter) throw refuse('certificate-expired', `expired at ${end}`);
  if (certificate.notAfter.getTime() - now.getTime() >= DAY_MS) return [];
  return [{ code: 'certificate-expires-soon', message: `${path}: ${certificate.toString()} expires at ${end}` }];
}

function hasKey(certificate: Certificate, privateKey: KeyObject): boolean {
  try {
    return certificate.publicKey.equals(createPublicKey(privateKey));
  } catch {
    // A certificate whose key is of a kind that cannot be read is not the certificate of one that can.
    return false;
  }
}

/**
 * Puts a certificate and its key together. Throws EmpaError identity-malformed, key-mismatch, key-unsupported, key-too-weak,
 * certificate-expired, certificate-not-yet-valid.
 */
export function makeIdentity(certificateFile: IdentityFile, keyFile: IdentityFile, now: Date): Identity {
  const { certificate, intermediates } = readCertificates(certificateFile);
  const privateKey = readPrivateKey(keyFile);
  checkKeyType(keyFile.path, privateKey);
  if (!hasKey(certificate, privateKey)) {
    throw new EmpaError('key-mismatch', `${keyFile.path} is not the key of ${certificate.toString()} in ${certificateFile.path}`);
  }
  return { certificate, intermediates, privateKey, warnings: checkValidity(certificateFile.path, certificate, now) };
}
