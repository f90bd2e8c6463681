import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { bitsOf, type DerNode, integerHexOf, isUniversal, oidOf, parseDer, TAG } from '../der.js';
import { EmpaError, type EmpaErrorCode } from '../errors.js';

const MIN_RSA_BITS = 2048;
/** As OpenSSL has it: what is larger costs too much to verify, and anybody can put such keys into a message. */
const MAX_RSA_BITS = 16_384;
const MAX_RSA_EXPONENT = 2n ** 64n;
/** Octets of INTEGERs, with one for the sign. Node takes time with the square of an exponent's, only to say what it is. */
const MAX_MODULUS_OCTETS = MAX_RSA_BITS / 8 + 1;
const MAX_EXPONENT_OCTETS = 9;
/** Octets of a SubjectPublicKeyInfo; the largest RSA key that counts has 2.1 KiB. */
const MAX_SPKI = 4 * 1024;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
/** Whose keys are an RSAPublicKey to Node: also id-RSASSA-PSS (RFC 4055 section 1.2) and id-ea-rsa of X.509. */
const RSA_TYPES = new Set([RSA_ENCRYPTION, '1.2.840.113549.1.1.10', '2.5.8.1.1']);
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/** Curves by OID, with the octets of a coordinate. */
const JWK_CURVES = new Map([
  ['1.2.840.10045.3.1.7', { crv: 'P-256', size: 32 }],
  ['1.3.132.0.34', { crv: 'P-384', size: 48 }],
  ['1.3.132.0.35', { crv: 'P-521', size: 66 }],
]);
const UNCOMPRESSED_POINT = 4;

const TOO_LARGE = 'RSA with too large numbers';

function unsupported(what: string, cause?: unknown): EmpaError {
  return new EmpaError('key-unsupported', what, { cause });
}

/** RSAPublicKey (RFC 8017 appendix A.1.1). */
function rsaJwk(octets: Buffer): JsonWebKey {
  const numbers = parseDer(octets, { strict: true }).children.map((node) => Buffer.from(integerHexOf(node), 'hex'));
  const [n, e] = numbers;
  if (n === undefined || e === undefined || numbers.length > 2 || numbers.some((number) => (number[0] ?? 0) >= 0x80)) {
    throw unsupported('an RSA key that is not two positive numbers');
  }
  if (n.length > MAX_MODULUS_OCTETS || e.length > MAX_EXPONENT_OCTETS) throw unsupported(TOO_LARGE);
  return { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
}

/** A point (SEC 1 section 2.3.3); undefined where it is compressed, or the curve is none of the usual. */
function ecJwk(octets: Buffer, curveOid: string): JsonWebKey | undefined {
  const curve = JWK_CURVES.get(curveOid);
  if (curve === undefined || octets[0] !== UNCOMPRESSED_POINT || octets.length !== 1 + 2 * curve.size) return undefined;
  const coordinate = (index: number): string => octets.subarray(1 + index * curve.size, 1 + (index + 1) * curve.size).toString('base64url');
  return { kty: 'EC', crv: curve.crv, x: coordinate(0), y: coordinate(1) };
}

/** The key in the form that Node takes many times faster than SubjectPublicKeyInfo: that was half the work of opening a message. */
function jwkOf(spki: DerNode): JsonWebKey | undefined {
  const [algorithm, bits] = spki.children;
  const [oid, parameters] = algorithm?.children ?? [];
  if (oid === undefined || bits === undefined) return undefined;
  const { unusedBits, bytes } = bitsOf(bits);
  if (unusedBits !== 0) throw unsupported('a public key that is not whole octets');
  const type = oidOf(oid);
  // Read for all of them, before Node does: with other parameters it takes the key as well.
  const rsa = RSA_TYPES.has(type) ? rsaJwk(bytes) : undefined;
  if (type === RSA_ENCRYPTION && isUniversal(parameters, TAG.null)) return rsa;
  if (type !== EC_PUBLIC_KEY || parameters === undefined) return undefined;
  // Throws on a curve given by its parameters: it can be one on which the attacker knows a private key to anybody's public key.
  return ecJwk(bytes, oidOf(parameters));
}

/** Reads a SubjectPublicKeyInfo. Throws EmpaError `key-unsupported`. */
export function readPublicKey(spki: DerNode): KeyObject {
  if (spki.raw.length > MAX_SPKI) throw unsupported(`a public key of more than ${MAX_SPKI} bytes`);
  try {
    const jwk = jwkOf(spki);
    return jwk === undefined
      ? createPublicKey({ key: spki.raw, format: 'der', type: 'spki' })
      : createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw cause instanceof EmpaError && cause.code === 'key-unsupported' ? cause : unsupported('a public key that cannot be read', cause);
  }
}

export interface KeyFault {
  readonly code: Extract<EmpaErrorCode, 'key-too-weak' | 'key-unsupported'>;
  readonly message: string;
}

function rsaFault(bits: number, exponent: bigint): KeyFault | undefined {
  if (bits < MIN_RSA_BITS) return { code: 'key-too-weak', message: `RSA of ${bits} bits, fewer than ${MIN_RSA_BITS}` };
  if (bits > MAX_RSA_BITS || exponent > MAX_RSA_EXPONENT) return { code: 'key-unsupported', message: TOO_LARGE };
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
