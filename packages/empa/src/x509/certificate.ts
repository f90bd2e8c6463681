import type { KeyObject } from 'node:crypto';
import { type DerNode, integerHexOf, isContext, isUniversal, parseDer, smallIntegerOf, TAG, timeOf } from '../der.js';
import { EmpaError } from '../errors.js';
import { type CertificateExtensions, readCertificateExtensions, readExtensions } from './extensions.js';
import { readPublicKey } from './key.js';
import { DistinguishedName } from './name.js';
import { namesMatch } from './name-matching.js';
import { derOfPem, isPem, pemBlocks } from './pem.js';
import { readSignature, readSignatureAlgorithm, type SignatureAlgorithm, type Signed } from './signature.js';

/** A parsed X.509 certificate (RFC 5280); immutable. */
export interface Certificate extends Signed {
  /** The DER exactly as it was read. */
  readonly raw: Buffer;
  readonly version: 1 | 2 | 3;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** The Name exactly as it was read. */
  readonly subjectDer: Buffer;
  /** The Name exactly as it was read. */
  readonly issuerDer: Buffer;
  /** Lower-case hex of the content octets. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo exactly as it was read. */
  readonly spkiDer: Buffer;
  /** Read at the first use, which throws EmpaError `key-unsupported` for a key that Node cannot read. */
  readonly publicKey: KeyObject;
  /** It says that it is a CA's: by basicConstraints; without them by keyUsage, or by being of a version that knows neither and self-issued. */
  readonly isCa: boolean;
  /** What is signed says the same algorithm as the signature. */
  readonly algorithmsAgree: boolean;
  readonly extensions: CertificateExtensions;
  /** For messages: subject and serial number. */
  toString(): string;
}

function malformed(what: string): EmpaError {
  return new EmpaError('der-malformed', `DER: ${what} expected`);
}

function sequenceOf(node: DerNode | undefined, what: string): readonly DerNode[] {
  if (!isUniversal(node, TAG.sequence)) throw malformed(what);
  return node?.children ?? [];
}

const VERSIONS = [1, 2, 3] as const;

function versionOf(node: DerNode | undefined): 1 | 2 | 3 {
  if (node === undefined) return 1;
  const [number] = node.children;
  const version = number === undefined ? undefined : VERSIONS[smallIntegerOf(number)];
  if (version === undefined) throw malformed('a version');
  return version;
}

interface Fields {
  readonly version: 1 | 2 | 3;
  readonly serial: DerNode;
  readonly algorithm: DerNode;
  readonly issuer: DerNode;
  readonly validity: readonly DerNode[];
  readonly subject: DerNode;
  readonly spki: DerNode;
  readonly extensions: CertificateExtensions;
}

function present(node: DerNode | undefined): DerNode {
  if (node === undefined) throw malformed('a whole TBSCertificate');
  return node;
}

/** What follows the public key: unique identifiers from version 2 on, extensions in version 3. */
function extensionsOf(optional: readonly DerNode[], version: 1 | 2 | 3): CertificateExtensions {
  const rest = [...optional];
  for (const tag of version === 1 ? [] : [1, 2]) if (isContext(rest[0], tag)) rest.shift();
  const wrapped = version === 3 && isContext(rest[0], 3) ? rest.shift() : undefined;
  if (rest.length > 0) throw malformed('the end of the TBSCertificate');
  return readCertificateExtensions(wrapped === undefined ? [] : readExtensions(wrapped.children[0]));
}

/** TBSCertificate (RFC 5280 section 4.1.2). */
function fieldsOf(tbs: DerNode): Fields {
  const rest = [...sequenceOf(tbs, 'a TBSCertificate')];
  const version = versionOf(isContext(rest[0], 0) ? rest.shift() : undefined);
  const [serial, algorithm, issuer, validity, subject, spki, ...optional] = rest;
  return {
    version,
    serial: present(serial),
    algorithm: present(algorithm),
    issuer: present(issuer),
    validity: sequenceOf(validity, 'a Validity'),
    subject: present(subject),
    spki: present(spki),
    extensions: extensionsOf(optional, version),
  };
}

class ParsedCertificate implements Certificate {
  readonly raw: Buffer;
  readonly version: 1 | 2 | 3;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  readonly subjectDer: Buffer;
  readonly issuerDer: Buffer;
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly algorithmsAgree: boolean;
  readonly extensions: CertificateExtensions;
  readonly #spki: DerNode;
  #publicKey: KeyObject | undefined;

  constructor(der: Uint8Array) {
    // A copy: the certificate outlives the message or file that it came in.
    const root = parseDer(Buffer.from(der), { strict: true });
    const [tbs, algorithm, signature, ...more] = sequenceOf(root, 'a Certificate');
    if (tbs === undefined || signature === undefined || more.length > 0) throw malformed('a Certificate');
    const fields = fieldsOf(tbs);
    const [notBefore, notAfter, ...times] = fields.validity;
    if (notBefore === undefined || notAfter === undefined || times.length > 0) throw malformed('a Validity');
    this.raw = root.raw;
    this.signed = tbs.raw;
    this.signature = readSignature(signature);
    this.signatureAlgorithm = readSignatureAlgorithm(algorithm);
    this.algorithmsAgree = algorithm?.raw.equals(fields.algorithm.raw) === true;
    this.version = fields.version;
    this.serialNumber = integerHexOf(fields.serial);
    this.subject = DistinguishedName.fromDer(fields.subject);
    this.issuer = DistinguishedName.fromDer(fields.issuer);
    this.subjectDer = fields.subject.raw;
    this.issuerDer = fields.issuer.raw;
    this.notBefore = timeOf(notBefore);
    this.notAfter = timeOf(notAfter);
    this.extensions = fields.extensions;
    this.#spki = fields.spki;
  }

  get spkiDer(): Buffer {
    return this.#spki.raw;
  }

  get publicKey(): KeyObject {
    this.#publicKey ??= readPublicKey(this.#spki);
    return this.#publicKey;
  }

  get isCa(): boolean {
    const { basicConstraints, keyUsage } = this.extensions;
    if (basicConstraints !== undefined) return basicConstraints.ca;
    if (keyUsage !== undefined) return keyUsage.has('keyCertSign');
    return this.version < 3 && isSelfIssued(this);
  }

  toString(): string {
    return `${this.subject.toString()} (serial ${this.serialNumber})`;
  }
}

/** Subject and issuer are the same name (RFC 5280 section 3.2). */
export function isSelfIssued(certificate: Certificate): boolean {
  return namesMatch(certificate.subject, certificate.issuer);
}

/** The certificate in a DER buffer. Throws EmpaError `certificate-malformed`. */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return new ParsedCertificate(der);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmpaError('certificate-malformed', `a certificate that cannot be read: ${why}`, { cause });
  }
}

/** Labels under which certificates are found (RFC 7468 section 5.1). */
const LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE']);

/** The DER of every certificate of a PEM text, or the buffer itself. Throws EmpaError `certificate-malformed`, also where there is none. */
export function certificateDers(bytes: Uint8Array): Uint8Array[] {
  if (!isPem(bytes)) return [bytes];
  const blocks = pemBlocks(bytes).filter(({ label }) => LABELS.has(label));
  if (blocks.length === 0) throw new EmpaError('certificate-malformed', 'PEM: no certificate in it');
  return blocks.map(derOfPem);
}

/** All certificates of a PEM text, or the one of a DER buffer. Throws EmpaError `certificate-malformed`, also where there is none. */
export function parseCertificates(bytes: Uint8Array): Certificate[] {
  return certificateDers(bytes).map(parseCertificate);
}
