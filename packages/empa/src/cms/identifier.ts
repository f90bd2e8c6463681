import { type DerNode, integer, integerHexOf, isContext, octetsOf, sequence } from '../der.js';
import { EmpaError } from '../errors.js';
import type { Certificate } from '../x509/certificate.js';
import { DistinguishedName } from '../x509/name.js';
import { namesMatch } from '../x509/name-matching.js';
import { Fields, malformed, onlyChild } from './structure.js';

/** How SignerInfo and RecipientInfo name a certificate (RFC 5652 sections 5.3 and 6.2.1). */
export type CertificateIdentifier =
  | { readonly kind: 'issuer-and-serial'; readonly issuer: DistinguishedName; readonly serialNumber: string }
  | { readonly kind: 'key-id'; readonly keyId: Buffer };

/** Nobody has vouched for an identifier yet, and comparing or printing a name costs many times its size. Octets of DER. */
const MAX_IDENTIFIER = 8 * 1024;

/** Issuers that were read last, by their DER: few CAs issue all certificates of a service's messages. */
const issuers = new Map<string, DistinguishedName>();
const MAX_ISSUERS = 64;

function readIssuer(node: DerNode): DistinguishedName {
  const der = node.raw.toString('latin1');
  const known = issuers.get(der);
  if (known !== undefined) return known;
  const issuer = DistinguishedName.fromDer(node);
  if (issuers.size >= MAX_ISSUERS) issuers.clear();
  issuers.set(der, issuer);
  return issuer;
}

function checkLength({ raw }: DerNode): void {
  if (raw.length > MAX_IDENTIFIER) throw new EmpaError('limit-exceeded', `CMS: an identifier of more than ${MAX_IDENTIFIER} bytes`);
}

/** Throws der-malformed, name-malformed, limit-exceeded. */
export function readIdentifier(node: DerNode): CertificateIdentifier {
  checkLength(node);
  if (isContext(node, 0)) return { kind: 'key-id', keyId: octetsOf(node) };
  const fields = new Fields(node, 'IssuerAndSerialNumber');
  const identifier = { issuer: readIssuer(fields.take()), serialNumber: integerHexOf(fields.take()) };
  fields.end();
  return { kind: 'issuer-and-serial', ...identifier };
}

/** IssuerSerial (RFC 5035 section 4), whose issuer is one of GeneralNames, and the only one. Throws as readIdentifier() does. */
export function readIssuerSerial(node: DerNode): CertificateIdentifier {
  checkLength(node);
  const fields = new Fields(node, 'IssuerSerial');
  const names = new Fields(fields.take(), 'GeneralNames');
  const directoryName = names.takeContext(4);
  names.end();
  if (directoryName === undefined) throw malformed('an issuer that is no directoryName');
  const serialNumber = integerHexOf(fields.take());
  fields.end();
  return { kind: 'issuer-and-serial', issuer: readIssuer(onlyChild(directoryName)), serialNumber };
}

export function identifies(identifier: CertificateIdentifier, certificate: Certificate): boolean {
  if (identifier.kind === 'key-id') return certificate.extensions.subjectKeyId?.equals(identifier.keyId) ?? false;
  return identifier.serialNumber === certificate.serialNumber && namesMatch(identifier.issuer, certificate.issuer);
}

/** Of a name, which is somebody else's to make as long as he likes. */
const MAX_DESCRIPTION = 300;

/** For error messages. */
export function describeIdentifier(identifier: CertificateIdentifier): string {
  const text =
    identifier.kind === 'key-id'
      ? `key id ${identifier.keyId.toString('hex')}`
      : `issuer ${identifier.issuer.toString()} serial ${identifier.serialNumber}`;
  return text.length > MAX_DESCRIPTION ? `${text.slice(0, MAX_DESCRIPTION)}...` : text;
}

/** IssuerAndSerialNumber with the issuer as the certificate has it. */
export function issuerAndSerial(certificate: Certificate): Buffer {
  return sequence(certificate.issuerDer, integer(certificate.serialNumber));
}
