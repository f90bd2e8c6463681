import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { child, content, decode } from './der.js';

export type KeyKind = 'rsa1024' | 'rsa2048' | 'rsa3072' | 'rsa4096' | 'p256' | 'p384' | 'p521';

export interface TestKey {
  readonly kind: KeyKind;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** PKCS#8. */
  readonly pem: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
  /** SHA-1 of the public key's bit string: the usual subject key identifier (RFC 5280 section 4.2.1.2, method 1). */
  readonly id: Buffer;
}

const CURVES = { p256: 'P-256', p384: 'P-384', p521: 'P-521' } as const;

function generate(kind: KeyKind): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  if (kind === 'p256' || kind === 'p384' || kind === 'p521') return generateKeyPairSync('ec', { namedCurve: CURVES[kind] });
  return generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(3)) });
}

/** A new key. RSA takes 20 ms (1024 bits) to about a second (4096): see {@link cachedKey}. */
export function createKey(kind: KeyKind): TestKey {
  const { privateKey, publicKey } = generate(kind);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const id = createHash('sha1')
    .update(content(child(decode(spki), 1)).subarray(1))
    .digest();
  return { kind, privateKey, publicKey, pem, spki, id };
}

const cache = new Map<string, TestKey>();

/** The process's key of that kind and number, made at the first call: for tests that need some key, not a new one. */
export function cachedKey(kind: KeyKind, index = 0): TestKey {
  const name = `${kind}/${index}`;
  const key = cache.get(name) ?? createKey(kind);
  cache.set(name, key);
  return key;
}
