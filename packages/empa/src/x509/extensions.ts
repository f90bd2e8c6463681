import { anyBitsOf, booleanOf, type DerNode, isContext, isUniversal, octetsOf, oidOf, parseDer, smallIntegerOf, TAG } from '../der.js';
import { EmpaError } from '../errors.js';
import { type GeneralName, readGeneralName, readGeneralNames } from './general-name.js';

/** One Extension (RFC 5280 section 4.1.2.9) of a certificate, a CRL or an entry of one. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** Content of the octet string: the DER of the value. Parsed only where it is understood. */
  readonly octets: Buffer;
}

/** In the order of the bits (RFC 5280 section 4.2.1.3). */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
type KeyUsage = (typeof KEY_USAGES)[number];

export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** What the extensions of a certificate say. */
export interface CertificateExtensions {
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** OIDs. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectKeyId: Buffer | undefined;
  /** keyIdentifier of the authority key identifier. */
  readonly authorityKeyId: Buffer | undefined;
  readonly subjectAltNames: readonly GeneralName[];
  readonly nameConstraints: NameConstraints | undefined;
  /** Every fullName of a CRL distribution point, lower-case hex of its DER. */
  readonly crlDistributionPoints: readonly string[];
  /** It is a proxy certificate: RFC 3820, or the drafts before it. */
  readonly isProxy: boolean;
  /** OIDs of critical extensions that are not understood here. */
  readonly unknownCritical: readonly string[];
}

function malformed(what: string): EmpaError {
  return new EmpaError('der-malformed', `DER: ${what} expected`);
}

function listOf(node: DerNode, what: string): readonly DerNode[] {
  if (!isUniversal(node, TAG.sequence)) throw malformed(what);
  return node.children;
}

function readExtension(node: DerNode): Extension {
  const [id, ...rest] = listOf(node, 'an Extension');
  const critical = rest.length === 2 ? rest[0] : undefined;
  const value = rest.at(-1);
  if (id === undefined || value === undefined || rest.length > 2) throw malformed('an Extension');
  return { oid: oidOf(id), critical: critical !== undefined && booleanOf(critical), octets: octetsOf(value) };
}

/** Throws EmpaError `der-malformed`. */
export function contentOf(extension: Extension): DerNode {
  return parseDer(extension.octets, { strict: true });
}

/** Extensions, at least one, each type once. Throws EmpaError `der-malformed`. */
export function readExtensions(node: DerNode | undefined): Extension[] {
  const extensions = node === undefined ? [] : listOf(node, 'Extensions').map(readExtension);
  if (extensions.length === 0) throw malformed('Extensions');
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) throw malformed('only one extension of a type');
  return extensions;
}

function basicConstraints(value: DerNode): CertificateExtensions['basicConstraints'] {
  const fields = [...listOf(value, 'BasicConstraints')];
  const ca = isUniversal(fields[0], TAG.boolean) ? fields.shift() : undefined;
  const length = fields.shift();
  const pathLength = length === undefined ? undefined : smallIntegerOf(length);
  if (fields.length > 0 || (pathLength !== undefined && pathLength < 0)) throw malformed('BasicConstraints');
  return { ca: ca !== undefined && booleanOf(ca), pathLength };
}

function keyUsage(value: DerNode): ReadonlySet<KeyUsage> {
  const { bytes, unusedBits } = anyBitsOf(value);
  const count = bytes.length * 8 - unusedBits;
  return new Set(KEY_USAGES.filter((_, bit) => bit < count && ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

function authorityKeyId(value: DerNode): Buffer | undefined {
  return listOf(value, 'AuthorityKeyIdentifier').find((field) => isContext(field, 0))?.content;
}

/** GeneralSubtrees: `minimum` is always 0 and `maximum` absent (RFC 5280 section 4.2.1.10). */
function subtree(node: DerNode): GeneralName {
  const [base, ...bounds] = listOf(node, 'a GeneralSubtree');
  if (base === undefined || bounds.length > 0) throw malformed('a GeneralSubtree without bounds');
  const name = readGeneralName(base);
  if (name.kind === 'ip' && name.octets.length !== 8 && name.octets.length !== 32) throw malformed('an address and its mask');
  return name;
}

function nameConstraints(value: DerNode): NameConstraints {
  const fields = listOf(value, 'NameConstraints');
  if (fields.some((field) => !isContext(field, 0) && !isContext(field, 1))) throw malformed('NameConstraints');
  const of = (n: number): GeneralName[] => fields.filter((field) => isContext(field, n)).flatMap((field) => field.children.map(subtree));
  return { permitted: of(0), excluded: of(1) };
}

/** The fullName of a DistributionPointName, each GeneralName as hex; nothing of the relative form. */
export function fullNames(distributionPoint: DerNode | undefined): string[] {
  const full = distributionPoint?.children.find((choice) => isContext(choice, 0));
  return full?.children.map((name) => name.raw.toString('hex')) ?? [];
}

function crlDistributionPoints(value: DerNode): string[] {
  return listOf(value, 'CRLDistributionPoints').flatMap((point) =>
    fullNames(listOf(point, 'a DistributionPoint').find((field) => isContext(field, 0))),
  );
}

const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyId: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  netscapeType: '2.16.840.1.113730.1.1',
  proxyCertInfo: '1.3.6.1.5.5.7.1.14',
  draftProxyCertInfo: '1.3.6.1.4.1.3536.1.222',
} as const;

const UNDERSTOOD = new Set<string>(Object.values(OID));

/**
 * Whether a critical extension is processed. Policies need no processing as long as any will do; only a demand for an explicit one
 * (RFC 5280 section 4.2.1.11, field 0) changes that.
 */
function isUnderstood(extension: Extension): boolean {
  if (extension.oid !== OID.policyConstraints) return UNDERSTOOD.has(extension.oid);
  return listOf(contentOf(extension), 'PolicyConstraints').every((field) => !isContext(field, 0));
}

/** Throws EmpaError `der-malformed`. */
export function readCertificateExtensions(extensions: readonly Extension[]): CertificateExtensions {
  const present = new Map(extensions.map((extension) => [extension.oid, extension]));
  const read = <T>(oid: string, reader: (value: DerNode) => T): T | undefined => {
    const extension = present.get(oid);
    return extension === undefined ? undefined : reader(contentOf(extension));
  };
  return {
    basicConstraints: read(OID.basicConstraints, basicConstraints),
    keyUsage: read(OID.keyUsage, keyUsage),
    extendedKeyUsage: read(OID.extendedKeyUsage, (value) => listOf(value, 'ExtKeyUsage').map(oidOf)),
    subjectKeyId: read(OID.subjectKeyId, octetsOf),
    authorityKeyId: read(OID.authorityKeyId, authorityKeyId),
    subjectAltNames: read(OID.subjectAltName, readGeneralNames) ?? [],
    nameConstraints: read(OID.nameConstraints, nameConstraints),
    crlDistributionPoints: read(OID.crlDistributionPoints, crlDistributionPoints) ?? [],
    isProxy: present.has(OID.proxyCertInfo) || present.has(OID.draftProxyCertInfo),
    unknownCritical: extensions.filter((one) => one.critical && !isUnderstood(one)).map(({ oid }) => oid),
  };
}
