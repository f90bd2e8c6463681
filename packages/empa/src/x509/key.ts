import { createPublicKey, type KeyObject } from 'node:crypto';
import { type DerNode, isUniversal, oidOf, TAG } from '../der.js';
import { EmpaError, type EmpaErrorCode } from '../errors.js';

export const MIN_RSA_BITS = 2048;
/** As OpenSSL has it: what is larger costs too much to verify, and anybody can put such keys into a message. */
const MAX_RSA_BITS = 16_384;
const MAX_RSA_EXPONENT = 2n ** 64n;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/** Reads a SubjectPublicKeyInfo. Throws EmpaError `key-unsupported`, `der-malformed`. */
export function readPublicKey(spki: DerNode): KeyObject {
  const [oid, parameters] = spki.children[0]?.children ?? [];
  // A curve given by its parameters can be one on which anybody's public key has a private key that the attacker knows.
  if (oid !== undefined && oidOf(oid) === EC_PUBLIC_KEY && !isUniversal(parameters, TAG.oid)) {
    throw new EmpaError('key-unsupported', 'an elliptic curve that is not named');
  }
  try {
    return createPublicKey({ key: spki.raw, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new EmpaError('key-unsupported', 'a public key that cannot be read', { cause });
  }
}

export interface KeyFault {
  readonly code: Extract<EmpaErrorCode, 'key-too-weak' | 'key-unsupported'>;
  readonly message: string;
}

function rsaFault(bits: number, exponent: bigint): KeyFault | undefined {
  if (bits < MIN_RSA_BITS) return { code: 'key-too-weak', message: `RSA of ${bits} bits, fewer than ${MIN_RSA_BITS}` };
  if (bits > MAX_RSA_BITS || exponent > MAX_RSA_EXPONENT) return { code: 'key-unsupported', message: 'RSA with too large numbers' };
  // With exponent 1 a signature is the padded hash itself: anybody can make one.
  if (exponent < 3n || exponent % 2n === 0n) return { code: 'key-too-weak', message: 'RSA with a useless exponent' };
  return undefined;
}

const EDWARDS = new Set(['ed25519', 'ed448']);

/** Why no signature of the key counts; undefined: it does. */
export function keyFault(key: KeyObject): KeyFault | undefined {
  const type = key.asymmetricKeyType ?? 'unknown';
  const { modulusLength = 0, publicExponent = 0n, namedCurve = 'without a name' } = key.asymmetricKeyDetails ?? {};
  if (type === 'rsa' || type === 'rsa-pss') return rsaFault(modulusLength, publicExponent);
  if (type === 'ec') return CURVES.has(namedCurve) ? undefined : { code: 'key-unsupported', message: `elliptic curve ${namedCurve}` };
  return EDWARDS.has(type) ? undefined : { code: 'key-unsupported', message: `key of type ${type}` };
}
