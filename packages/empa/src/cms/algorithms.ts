/** Every algorithm of messages, in one place: what is written, what is read, what is refused. (Signatures: x509/signature.ts.) */
import { EmpaError } from '../errors.js';

export type HashName = 'sha256' | 'sha384' | 'sha512';

/** Content types (RFC 5652, RFC 5083), attributes (RFC 5652 section 11, RFC 5035) and the algorithms that are written. */
export const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  mgf1: '1.2.840.113549.1.1.8',
  pSpecified: '1.2.840.113549.1.1.9',
} as const;

/** Digests of content. SHA-1, MD5 and all others are refused. */
const DIGESTS = new Map<string, HashName>([
  [OID.sha256, 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

const SHA1 = '1.3.14.3.2.26';

/** Throws digest-refused. */
export function digestNamed(oid: string): HashName {
  const hash = DIGESTS.get(oid);
  if (hash === undefined) throw new EmpaError('digest-refused', `Digest algorithm ${oid} is refused: SHA-256, SHA-384 or SHA-512 only`);
  return hash;
}

/** Hashes of OAEP, where SHA-1 is the default and no weakness (RFC 8017 appendix B.1). Throws algorithm-unsupported. */
export function oaepHashNamed(oid: string): HashName | 'sha1' {
  const hash = oid === SHA1 ? 'sha1' : DIGESTS.get(oid);
  if (hash === undefined) throw unsupported('OAEP hash', oid);
  return hash;
}

export interface ContentCipher {
  /** As node:crypto names it. */
  readonly name: 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc' | 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' | 'des-ede3-cbc';
  readonly mode: 'cbc' | 'gcm';
  readonly keyLength: number;
  /** Of the initialisation vector; for CBC the block length too. */
  readonly ivLength: number;
}

const AES = '2.16.840.1.101.3.4.1';
const TRIPLE_DES = '1.2.840.113549.3.7';

const CIPHERS = new Map<string, ContentCipher>([
  [`${AES}.2`, { name: 'aes-128-cbc', mode: 'cbc', keyLength: 16, ivLength: 16 }],
  [`${AES}.22`, { name: 'aes-192-cbc', mode: 'cbc', keyLength: 24, ivLength: 16 }],
  [`${AES}.42`, { name: 'aes-256-cbc', mode: 'cbc', keyLength: 32, ivLength: 16 }],
  [`${AES}.6`, { name: 'aes-128-gcm', mode: 'gcm', keyLength: 16, ivLength: 12 }],
  [`${AES}.26`, { name: 'aes-192-gcm', mode: 'gcm', keyLength: 24, ivLength: 12 }],
  [`${AES}.46`, { name: 'aes-256-gcm', mode: 'gcm', keyLength: 32, ivLength: 12 }],
  // Read only, and only when configured.
  [TRIPLE_DES, { name: 'des-ede3-cbc', mode: 'cbc', keyLength: 24, ivLength: 8 }],
]);

/** Ciphers that are written. */
export type CipherName = 'aes128' | 'aes192' | 'aes256' | 'aes128-gcm' | 'aes192-gcm' | 'aes256-gcm';

const WRITTEN_CIPHERS: Readonly<Record<CipherName, string>> = {
  aes128: `${AES}.2`,
  aes192: `${AES}.22`,
  aes256: `${AES}.42`,
  'aes128-gcm': `${AES}.6`,
  'aes192-gcm': `${AES}.26`,
  'aes256-gcm': `${AES}.46`,
};

export function cipherOid(name: CipherName): string {
  return WRITTEN_CIPHERS[name];
}

/** Throws algorithm-unsupported; for 3DES too unless it is allowed. */
export function cipherNamed(oid: string, allowTripleDes = false): ContentCipher {
  const cipher = CIPHERS.get(oid);
  if (cipher === undefined) throw unsupported('cipher', oid);
  if (oid === TRIPLE_DES && !allowTripleDes) {
    throw new EmpaError('algorithm-unsupported', 'The message is encrypted with 3DES, which is not allowed here');
  }
  return cipher;
}

export type KeyTransportScheme = 'pkcs1' | 'oaep';

/** Throws algorithm-unsupported. */
export function keyTransportNamed(oid: string): KeyTransportScheme {
  if (oid === OID.rsaEncryption) return 'pkcs1';
  if (oid === '1.2.840.113549.1.1.7') return 'oaep';
  throw unsupported('key transport', oid);
}

export function unsupported(what: string, oid: string): EmpaError {
  return new EmpaError('algorithm-unsupported', `Unsupported ${what}: ${oid}`);
}
