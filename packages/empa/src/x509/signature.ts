/** Signatures of certificates and CRLs: which algorithms are known, and which of them are refused. */
import { constants, createHash, type KeyObject, publicDecrypt, verify } from 'node:crypto';
import { bitsOf, type DerNode, isContext, isUniversal, oidOf, smallIntegerOf, TAG } from '../der.js';
import { EmpaError } from '../errors.js';

export interface SignatureAlgorithm {
  readonly oid: string;
  /** Node's name; undefined where the key decides (Ed25519) or the algorithm is unknown. */
  readonly hash: string | undefined;
  /** Node's key types that make such signatures; none: an algorithm that is not known here. */
  readonly keyTypes: readonly string[];
  /** Set for RSASSA-PSS. */
  readonly saltLength?: number;
  /** Broken hash: good for nothing but the signature of a root over itself, which proves nothing anyway. */
  readonly weak?: true;
}

const RSA = ['rsa'];
const EC = ['ec'];

/** Algorithms whose parameters are absent or NULL (RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3). */
const ALGORITHMS = new Map<string, Omit<SignatureAlgorithm, 'oid'>>([
  ['1.2.840.113549.1.1.4', { hash: 'md5', keyTypes: RSA, weak: true }],
  ['1.2.840.113549.1.1.5', { hash: 'sha1', keyTypes: RSA, weak: true }],
  ['1.3.14.3.2.29', { hash: 'sha1', keyTypes: RSA, weak: true }],
  ['1.2.840.113549.1.1.11', { hash: 'sha256', keyTypes: RSA }],
  ['1.2.840.113549.1.1.12', { hash: 'sha384', keyTypes: RSA }],
  ['1.2.840.113549.1.1.13', { hash: 'sha512', keyTypes: RSA }],
  ['1.2.840.10045.4.1', { hash: 'sha1', keyTypes: EC, weak: true }],
  ['1.2.840.10045.4.3.2', { hash: 'sha256', keyTypes: EC }],
  ['1.2.840.10045.4.3.3', { hash: 'sha384', keyTypes: EC }],
  ['1.2.840.10045.4.3.4', { hash: 'sha512', keyTypes: EC }],
  ['1.3.101.112', { hash: undefined, keyTypes: ['ed25519'] }],
  ['1.3.101.113', { hash: undefined, keyTypes: ['ed448'] }],
]);

const PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const PSS_HASHES = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

function malformed(): EmpaError {
  return new EmpaError('der-malformed', 'DER: an AlgorithmIdentifier expected');
}

function identifierOf(node: DerNode | undefined): { readonly oid: string; readonly parameters: DerNode | undefined } {
  const [oid, parameters, ...rest] = node?.children ?? [];
  if (!isUniversal(node, TAG.sequence) || oid === undefined || rest.length > 0) throw malformed();
  return { oid: oidOf(oid), parameters };
}

/**
 * RSASSA-PSS-params (RFC 4055 section 3.1). The defaults are SHA-1, and Node uses one hash for both purposes:
 * anything else is an unknown algorithm.
 */
function pssAlgorithm(parameters: DerNode | undefined): SignatureAlgorithm {
  const field = (n: number): DerNode | undefined => parameters?.children.find((child) => isContext(child, n))?.children[0];
  const [hashField, maskField, saltField] = [field(0), field(1), field(2)];
  const unknown: SignatureAlgorithm = { oid: PSS, hash: undefined, keyTypes: [] };
  if (hashField === undefined || maskField === undefined || field(3) !== undefined) return unknown;
  const mask = identifierOf(maskField);
  const hash = PSS_HASHES.get(identifierOf(hashField).oid);
  if (hash === undefined || mask.oid !== MGF1 || PSS_HASHES.get(identifierOf(mask.parameters).oid) !== hash) return unknown;
  const saltLength = saltField === undefined ? 20 : smallIntegerOf(saltField);
  return saltLength < 0 ? unknown : { oid: PSS, hash, keyTypes: ['rsa', 'rsa-pss'], saltLength };
}

/** Reads an AlgorithmIdentifier; an unknown one is a result without key types. Throws EmpaError `der-malformed`. */
export function readSignatureAlgorithm(node: DerNode | undefined): SignatureAlgorithm {
  const { oid, parameters } = identifierOf(node);
  if (oid === PSS) return pssAlgorithm(parameters);
  const known = ALGORITHMS.get(oid);
  if (known === undefined || (parameters !== undefined && !isUniversal(parameters, TAG.null))) {
    return { oid, hash: undefined, keyTypes: [] };
  }
  return { oid, ...known };
}

/** The octets of a signature. Throws EmpaError `der-malformed`. */
export function readSignature(node: DerNode): Buffer {
  const { unusedBits, bytes } = bitsOf(node);
  if (unusedBits !== 0) throw new EmpaError('der-malformed', 'DER: a signature that is not whole octets');
  return bytes;
}

/** Whether signatures made so count at all. */
export function isAcceptable(algorithm: SignatureAlgorithm): boolean {
  return algorithm.keyTypes.length > 0 && algorithm.weak !== true;
}

/** What is signed, how, and the signature. */
export interface Signed {
  readonly signed: Buffer;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Buffer;
}

/** What is before the digest in a DigestInfo (RFC 8017 section 9.2, note 1), by hash. */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  md5: '3020300c06082a864886f70d020505000410',
  sha1: '3021300906052b0e03021a05000414',
};

/**
 * PKCS#1 v1.5 with a broken hash. Not by verify(): the OpenSSL of Enterprise Linux 9 refuses to verify SHA-1 at all, and a root would not be
 * found to be self-signed there. Throws where the padding is not as it should be.
 */
function isWeaklySignedBy({ signed, signature }: Signed, hash: string, key: KeyObject): boolean {
  const info = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
  return info.toString('hex') === `${DIGEST_INFO[hash]}${createHash(hash).update(signed).digest('hex')}`;
}

/** Whether the key made the signature; also for weak algorithms. Never throws. */
export function isSignedBy(made: Signed, key: KeyObject): boolean {
  const { signed, signatureAlgorithm, signature } = made;
  const { hash, keyTypes, saltLength, weak } = signatureAlgorithm;
  if (!keyTypes.includes(key.asymmetricKeyType ?? '')) return false;
  // A key alone means PKCS#1 v1.5 where it is of RSA; in an object of its own it costs 14 µs more on Node.js 24.
  const means = saltLength === undefined ? key : { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  try {
    if (weak === true && hash !== undefined && keyTypes === RSA) return isWeaklySignedBy(made, hash, key);
    return verify(hash, signed, means, signature);
  } catch {
    // A signature of the wrong size, a key that does not allow this use, a hash that this build of Node leaves out: not verified.
    return false;
  }
}
