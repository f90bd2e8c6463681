/** Messages of every kind, right and wrong ones, put together from their fields. */
import { createHash, type KeyObject, sign } from 'node:crypto';
import { cachedKey, createCertificate, type IssuedCertificate, type KeyKind } from '@ssm/test-support';
import type { CipherName } from '../src/cms/algorithms.js';
import { ContentEncryptor, type EncryptedContent } from '../src/cms/content-encryption.js';
import { context, integer, octetString, oid, sequence, setInOrder, setOf, time } from '../src/der.js';
import { eachCanonicalPiece, writeMultipartSigned } from '../src/mime.js';
import type { Identity } from '../src/trust-store.js';
import { type Certificate, parseCertificate } from '../src/x509/certificate.js';

export const OIDS = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  rsaEncryption: '1.2.840.113549.1.1.1',
  pss: '1.2.840.113549.1.1.10',
  mgf1: '1.2.840.113549.1.1.8',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** The time at which everything in tests happens; certificates of test-support are valid around the real one. */
export const NOW = new Date();

export function certificateOf(issued: IssuedCertificate): Certificate {
  return parseCertificate(issued.der);
}

export function identityOf(issued: IssuedCertificate, intermediates: readonly IssuedCertificate[] = []): Identity {
  return {
    certificate: certificateOf(issued),
    intermediates: intermediates.map(certificateOf),
    privateKey: issued.key.privateKey,
    warnings: [],
  };
}

/** The pieces of the canonical form, which overwrite each other. */
export function canonicalPieces(parts: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[] = [];
  eachCanonicalPiece(parts, (piece) => pieces.push(Buffer.from(piece)));
  return pieces;
}

export function canonical(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(canonicalPieces(parts));
}

export function encryptContent(plaintext: Uint8Array, cipher: CipherName = 'aes128'): EncryptedContent {
  const encryptor = new ContentEncryptor(cipher);
  // In two parts, the first of which is overwritten, as the pieces of the canonical form are.
  const first = Buffer.from(plaintext.subarray(0, 5));
  encryptor.add(first);
  first.fill(0);
  encryptor.add(plaintext.subarray(5));
  return encryptor.finish();
}

/** A CA of its own and certificates by it; EC keys, which are made at once, unless said otherwise. */
export class Authority {
  readonly ca: IssuedCertificate;

  constructor(name = 'Test CA') {
    this.ca = createCertificate({ subject: `/C=UK/O=eScience/CN=${name}`, ca: true });
  }

  issue(name: string, kind: KeyKind = 'p256', index = 0): IssuedCertificate {
    return createCertificate({ subject: `/C=UK/O=eScience/CN=${name}`, issuer: this.ca, key: cachedKey(kind, index) });
  }
}

export function algorithm(named: string, parameters?: Buffer): Buffer {
  return parameters === undefined ? sequence(oid(named)) : sequence(oid(named), parameters);
}

export function attribute(type: string, ...values: Buffer[]): Buffer {
  return sequence(oid(type), setOf(...values));
}

export interface SignerRecipe {
  readonly signer: IssuedCertificate;
  readonly hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** In place of the three usual ones; `none`: the signature is over the content. Not sorted. */
  readonly attributes?: readonly Buffer[] | 'none';
  readonly signatureAlgorithm?: Buffer;
  readonly identifier?: Buffer;
  /** Changes what is sent of the attributes, after signing. */
  readonly sent?: (attributes: Buffer) => Buffer;
  readonly signWith?: (data: Buffer, key: KeyObject) => Buffer;
}

export function issuerAndSerialOf(issued: IssuedCertificate): Buffer {
  const certificate = certificateOf(issued);
  return sequence(certificate.issuerDer, integer(certificate.serialNumber));
}

/** The usual signed attributes over this content, in DER order. */
export function usualAttributes(content: Buffer, hash = 'sha256'): [Buffer, Buffer, Buffer] {
  return [
    attribute(OIDS.contentType, oid(OIDS.data)),
    attribute(OIDS.signingTime, time(NOW)),
    attribute(OIDS.messageDigest, octetString(createHash(hash).update(content).digest())),
  ];
}

export function signerInfo(content: Buffer, recipe: SignerRecipe): Buffer {
  const { signer, hash = 'sha256', attributes = usualAttributes(content, hash) } = recipe;
  const items = attributes === 'none' ? [] : attributes;
  const signed = attributes === 'none' ? content : setInOrder(...items);
  const ec = signer.key.privateKey.asymmetricKeyType === 'ec';
  const usual = ec
    ? algorithm(OIDS.ecdsaWithSha256.replace(/2$/u, String({ sha1: 1, sha256: 2, sha384: 3, sha512: 4 }[hash])))
    : algorithm(OIDS.rsaEncryption);
  const signWith = recipe.signWith ?? ((data, key) => sign(hash, data, key));
  const sent = context(0, items);
  return sequence(
    integer(1),
    recipe.identifier ?? issuerAndSerialOf(signer),
    algorithm(OIDS[hash]),
    ...(attributes === 'none' ? [] : [recipe.sent?.(sent) ?? sent]),
    recipe.signatureAlgorithm ?? usual,
    octetString(signWith(signed, signer.key.privateKey)),
  );
}

export interface SignedDataRecipe {
  readonly signerInfos: readonly Buffer[];
  readonly certificates: readonly Uint8Array[];
  /** Opaque content; none in a detached signature. */
  readonly content?: Buffer;
  readonly contentType?: string;
}

export function contentInfo(type: string, content: Buffer): Buffer {
  return sequence(oid(type), context(0, content));
}

export function signedData({ signerInfos, certificates, content, contentType = OIDS.data }: SignedDataRecipe): Buffer {
  const encapsulated = content === undefined ? [oid(contentType)] : [oid(contentType), context(0, octetString(content))];
  const fields = [
    integer(1),
    setOf(algorithm(OIDS.sha256)),
    sequence(...encapsulated),
    context(0, certificates),
    setInOrder(...signerInfos),
  ];
  return contentInfo(OIDS.signedData, sequence(...fields));
}

export const PART = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n', 'latin1');
export const BODY = 'hello\n';

/** A multipart/signed of {@link PART} by this recipe. */
export function message(recipe: SignerRecipe, change: Partial<SignedDataRecipe> = {}): Buffer {
  const certificates = [recipe.signer.der];
  return writeMultipartSigned([PART], signedData({ signerInfos: [signerInfo(PART, recipe)], certificates, ...change }));
}

/** An entity of type pkcs7-mime. */
export function pkcs7Mime(cms: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n', 'latin1'),
    Buffer.from(cms.toString('base64')),
  ]);
}

function indefinite(identifier: number, parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([identifier, 0x80]), ...parts, Buffer.alloc(2)]);
}

/** BER of a DER value that means the same: indefinite lengths, octet strings in short segments; but for certificates, which stay DER. */
export function berOf(value: Buffer, certificates: readonly Uint8Array[] = []): Buffer {
  if (certificates.some((certificate) => value.equals(certificate))) return value;
  const identifier = value.readUInt8(0);
  const { start, end } = contentOf(value);
  const content = value.subarray(start, end);
  if ((identifier & 0x20) !== 0)
    return indefinite(
      identifier,
      split(content).map((part) => berOf(part, certificates)),
    );
  if (identifier !== 4) return value;
  const segments: Buffer[] = [];
  for (let at = 0; at < content.length; at += 7) segments.push(octetString(content.subarray(at, at + 7)));
  return indefinite(0x24, segments);
}

function contentOf(value: Buffer): { readonly start: number; readonly end: number } {
  const first = value.readUInt8(1);
  const octets = first < 0x80 ? 0 : first & 0x7f;
  const length = octets === 0 ? first : value.readUIntBE(2, octets);
  return { start: 2 + octets, end: 2 + octets + length };
}

/** The values that are in these octets one after the other. */
export function split(content: Buffer): Buffer[] {
  const values: Buffer[] = [];
  for (let rest = content; rest.length > 0; ) {
    const { end } = contentOf(rest);
    values.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return values;
}
