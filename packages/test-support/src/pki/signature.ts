import { constants, sign } from 'node:crypto';
import { type Der, integer, nothing, oid, sequence, tagged } from './der.js';
import type { TestKey } from './keys.js';

/** With `pss-`: RSASSA-PSS with MGF1 over the same hash and a salt of its length. */
export type SignatureAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'pss-sha256' | 'pss-sha384' | 'pss-sha512';

interface Algorithm {
  readonly hash: string;
  readonly rsa?: string;
  readonly ecdsa?: string;
  readonly pss?: { readonly hashOid: string; readonly saltLength: number };
}

const ALGORITHMS: Readonly<Record<SignatureAlgorithm, Algorithm>> = {
  md5: { hash: 'md5', rsa: '1.2.840.113549.1.1.4' },
  sha1: { hash: 'sha1', rsa: '1.2.840.113549.1.1.5', ecdsa: '1.2.840.10045.4.1' },
  sha256: { hash: 'sha256', rsa: '1.2.840.113549.1.1.11', ecdsa: '1.2.840.10045.4.3.2' },
  sha384: { hash: 'sha384', rsa: '1.2.840.113549.1.1.12', ecdsa: '1.2.840.10045.4.3.3' },
  sha512: { hash: 'sha512', rsa: '1.2.840.113549.1.1.13', ecdsa: '1.2.840.10045.4.3.4' },
  'pss-sha256': { hash: 'sha256', pss: { hashOid: '2.16.840.1.101.3.4.2.1', saltLength: 32 } },
  'pss-sha384': { hash: 'sha384', pss: { hashOid: '2.16.840.1.101.3.4.2.2', saltLength: 48 } },
  'pss-sha512': { hash: 'sha512', pss: { hashOid: '2.16.840.1.101.3.4.2.3', saltLength: 64 } },
};

const isRsa = (key: TestKey): boolean => key.kind.startsWith('rsa');

function pssIdentifier({ hashOid, saltLength }: NonNullable<Algorithm['pss']>): Der {
  const hash = (): Der => sequence(oid(hashOid), nothing());
  const mgf1 = sequence(oid('1.2.840.113549.1.1.8'), hash());
  return sequence(oid('1.2.840.113549.1.1.10'), sequence(tagged(0, hash()), tagged(1, mgf1), tagged(2, integer(saltLength))));
}

/** AlgorithmIdentifier for a signature made with that key. Throws where the two do not go together. */
export function signatureIdentifier(key: TestKey, name: SignatureAlgorithm): Der {
  const { rsa, ecdsa, pss } = ALGORITHMS[name];
  if (isRsa(key) && pss !== undefined) return pssIdentifier(pss);
  if (isRsa(key) && rsa !== undefined) return sequence(oid(rsa), nothing());
  if (!isRsa(key) && ecdsa !== undefined) return sequence(oid(ecdsa));
  throw new RangeError(`a key of kind ${key.kind} does not sign with ${name}`);
}

export function signBytes(bytes: Uint8Array, key: TestKey, name: SignatureAlgorithm): Buffer {
  const { hash, pss } = ALGORITHMS[name];
  if (pss === undefined) return sign(hash, bytes, key.privateKey);
  return sign(hash, bytes, { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss.saltLength });
}
