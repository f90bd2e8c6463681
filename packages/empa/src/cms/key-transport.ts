/** Content keys under RSA (RFC 5652 section 6.2.1, RFC 3560). */
import { constants, type KeyObject, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';
import { type DerNode, integer, isUniversal, octetString, sequence, smallIntegerOf, TAG } from '../der.js';
import { EmpaError } from '../errors.js';
import type { Certificate } from '../x509/certificate.js';
import { keyTransportNamed, OID, oaepHashNamed, unsupported } from './algorithms.js';
import { type CertificateIdentifier, issuerAndSerial, readIdentifier } from './identifier.js';
import { type Algorithm, Fields, onlyChild, readAlgorithm, readOctets, writeAlgorithm } from './structure.js';

/** KeyTransRecipientInfo. */
export interface KeyTransport {
  readonly identifier: CertificateIdentifier;
  readonly algorithm: Algorithm;
  readonly encryptedKey: Buffer;
}

/** Undefined for the other kinds of RecipientInfo (key agreement, passwords), none of which is for us. Throws der-malformed. */
export function readKeyTransport(node: DerNode): KeyTransport | undefined {
  if (!isUniversal(node, TAG.sequence)) return undefined;
  const fields = new Fields(node, 'KeyTransRecipientInfo');
  smallIntegerOf(fields.take());
  const identifier = readIdentifier(fields.take());
  const algorithm = readAlgorithm(fields.take());
  const encryptedKey = readOctets(fields.take(), 'encryptedKey');
  fields.end();
  return { identifier, algorithm, encryptedKey };
}

/** KeyTransRecipientInfo for the holder of the certificate, by PKCS#1 v1.5. Throws key-unsupported for a key that is not RSA. */
export function writeKeyTransport(contentKey: Buffer, certificate: Certificate): Buffer {
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== 'rsa') {
    throw new EmpaError('key-unsupported', `Nothing can be encrypted for ${certificate.subject.toString()}: its key is not RSA`);
  }
  const encryptedKey = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, contentKey);
  return sequence(integer(0), issuerAndSerial(certificate), writeAlgorithm(OID.rsaEncryption, 'null'), octetString(encryptedKey));
}

/** Recovers a content key of `keyLength` octets; a random one in place of a key that does not come out, so that no failure shows here. */
export type Unwrap = (privateKey: KeyObject, keyLength: number) => Buffer;

/** What is in clear is judged here: throws algorithm-unsupported, der-malformed. The key is touched by the result only, which never throws. */
export function prepareUnwrap({ algorithm, encryptedKey }: KeyTransport): Unwrap {
  if (keyTransportNamed(algorithm.oid) === 'pkcs1') {
    return (privateKey, keyLength) => unwrapPkcs1(encryptedKey, privateKey, randomBytes(keyLength));
  }
  const oaep = readOaep(algorithm.parameters);
  return (privateKey, keyLength) => unwrapOaep(encryptedKey, { key: privateKey, ...oaep }, randomBytes(keyLength));
}

/**
 * PKCS#1 v1.5: 0, 2, padding without a zero, 0, key. The length of the key is known, so every octet has one place where it can be good, and
 * neither branches nor positions depend on the secret ones (RFC 3218 section 2.3.2). Own unpadding, as Node 20 refuses to do it.
 */
function unwrapPkcs1(encryptedKey: Buffer, privateKey: KeyObject, substitute: Buffer): Buffer {
  const block = decryptBlock(encryptedKey, privateKey);
  const keyStart = block.length - substitute.length;
  let bad = octetAt(block, 0) | (octetAt(block, 1) ^ 2) | octetAt(block, keyStart - 1);
  // 1 for a zero: only then is octet - 1 negative.
  for (let at = 2; at < keyStart - 1; at += 1) bad |= ((octetAt(block, at) - 1) >> 8) & 1;
  // All ones when nothing was bad.
  const good = (bad - 1) >> 8;
  const key = Buffer.alloc(substitute.length);
  for (let at = 0; at < key.length; at += 1) key[at] = (octetAt(block, keyStart + at) & good) | (octetAt(substitute, at) & ~good);
  return key;
}

function octetAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}

/** RSA without padding; a block of zeros (no key in it) for what is not below the modulus, which Node refuses to decrypt. */
function decryptBlock(encryptedKey: Buffer, privateKey: KeyObject): Buffer {
  const key = { key: privateKey, padding: constants.RSA_NO_PADDING };
  try {
    return privateDecrypt(key, encryptedKey);
  } catch {
    // The same work as for any other.
    const length = Math.ceil((privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    privateDecrypt(key, Buffer.concat([Buffer.alloc(1), randomBytes(length - 1)]));
    return Buffer.alloc(length);
  }
}

interface Oaep {
  readonly padding: number;
  readonly oaepHash: string;
  readonly oaepLabel: Buffer;
}

/** RSAES-OAEP-params (RFC 4055 section 4.1); what is left out is SHA-1 and an empty label. */
function readOaep(parameters: DerNode | undefined): Oaep {
  const fields = new Fields(parameters, 'RSAES-OAEP-params');
  const hash = hashOf(fields.takeContext(0));
  const maskHash = maskHashOf(fields.takeContext(1));
  const label = fields.takeContext(2);
  fields.end();
  // Node has one setting for both.
  if (maskHash !== hash) throw new EmpaError('algorithm-unsupported', `OAEP with ${hash} and a mask with ${maskHash}`);
  const oaepLabel = label === undefined ? Buffer.alloc(0) : readLabel(onlyChild(label));
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel };
}

function hashOf(field: DerNode | undefined): string {
  return field === undefined ? 'sha1' : oaepHashNamed(readAlgorithm(onlyChild(field)).oid);
}

function maskHashOf(field: DerNode | undefined): string {
  if (field === undefined) return 'sha1';
  const { oid, parameters } = readAlgorithm(onlyChild(field));
  if (oid !== OID.mgf1) throw unsupported('OAEP mask', oid);
  return oaepHashNamed(readAlgorithm(parameters).oid);
}

function readLabel(node: DerNode): Buffer {
  const source = readAlgorithm(node);
  if (source.oid !== OID.pSpecified || source.parameters === undefined) throw unsupported('OAEP label', source.oid);
  return readOctets(source.parameters, 'OAEP label');
}

function unwrapOaep(encryptedKey: Buffer, key: Oaep & { readonly key: KeyObject }, substitute: Buffer): Buffer {
  try {
    const contentKey = privateDecrypt(key, encryptedKey);
    return contentKey.length === substitute.length ? contentKey : substitute;
  } catch {
    return substitute;
  }
}
