/** Certificate revocation lists (RFC 5280 section 5). */
import { createHash } from 'node:crypto';
import { type DerNode, isContext, isMinimalInteger, parseDer, timeOf } from '../der.js';
import { EmpaError } from '../errors.js';
import type { Certificate } from './certificate.js';
import { contentOf, type Extension, fullNames, readExtensions } from './extensions.js';
import { DistinguishedName } from './name.js';
import { derOfPem, isPem, pemBlocks } from './pem.js';
import { isAcceptable, readSignature, readSignatureAlgorithm, type SignatureAlgorithm, type Signed } from './signature.js';
import { rawOf, readTlv, type Tlv, tlvsIn } from './tlv.js';

/** A parsed CRL; immutable. */
export interface Crl extends Signed {
  /** SHA-256 of all its octets. */
  readonly digest: string;
  readonly issuer: DistinguishedName;
  /** The Name exactly as it was read. */
  readonly issuerDer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** Why it must not be used, apart from its signature and its age; undefined: nothing. */
  readonly refusal: string | undefined;
  /** Serial numbers, lower-case hex of their content octets. */
  readonly revoked: ReadonlySet<string>;
  /** The same for two CRLs of an issuer of which the newer takes the place of the other. */
  readonly scope: string;
  /** Whether it would list the certificate, which its issuer issued, if that was revoked. */
  covers(certificate: Certificate): boolean;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_0 = 0xa0;
const BOOLEAN = 0x01;

function malformed(what: string): EmpaError {
  return new EmpaError('der-malformed', `DER: ${what} expected`);
}

const isTime = (tlv: Tlv | undefined): boolean => tlv?.identifier === UTC_TIME || tlv?.identifier === GENERALIZED_TIME;

/** Whether any extension of an entry is critical. Those that may be (certificate issuer) belong to indirect CRLs. */
function hasCritical(bytes: Buffer, extensions: Tlv): boolean {
  for (const extension of tlvsIn(bytes, extensions)) {
    const critical = [...tlvsIn(bytes, extension)][1];
    if (critical?.identifier === BOOLEAN && bytes[critical.contentStart] !== 0) return true;
  }
  return false;
}

interface Entries {
  readonly revoked: ReadonlySet<string>;
  readonly critical: boolean;
}

const NO_ENTRIES: Entries = { revoked: new Set(), critical: false };

/** Reads the entry at `at` into the set; returns where it ends, and whether anything in it is critical. */
function readEntry(bytes: Buffer, at: number, limit: number, revoked: Set<string>): { readonly end: number; readonly critical: boolean } {
  const { identifier, contentStart, end } = readTlv(bytes, at, limit);
  const serial = readTlv(bytes, contentStart, end);
  const date = readTlv(bytes, serial.end, end);
  if (identifier !== SEQUENCE || serial.identifier !== INTEGER || !isTime(date)) throw malformed('an entry of a CRL');
  // As of a certificate: a number that could be written in two ways would not be found.
  if (!isMinimalInteger(bytes, serial.contentStart, serial.end)) throw malformed('a serial number in its fewest octets');
  revoked.add(bytes.toString('hex', serial.contentStart, serial.end));
  if (date.end === end) return { end, critical: false };
  const extensions = readTlv(bytes, date.end, end);
  if (extensions.identifier !== SEQUENCE || extensions.end !== end) throw malformed('extensions of an entry of a CRL');
  return { end, critical: hasCritical(bytes, extensions) };
}

function readEntries(bytes: Buffer, list: Tlv): Entries {
  const revoked = new Set<string>();
  let critical = false;
  // No generator and no tree: this is the loop that goes over all of a large CRL.
  for (let at = list.contentStart; at < list.end; ) {
    const entry = readEntry(bytes, at, list.end, revoked);
    critical ||= entry.critical;
    at = entry.end;
  }
  return { revoked, critical };
}

/** IssuingDistributionPoint (RFC 5280 section 5.2.5): of which certificates the CRL speaks. */
interface Scope {
  /** Hex of GeneralNames, one of which the certificate must name as a distribution point; undefined: all certificates. */
  readonly points: readonly string[] | undefined;
  readonly onlyEndEntities: boolean;
  readonly onlyCas: boolean;
  readonly refusal: string | undefined;
}

function readScope(extension: Extension | undefined): Scope {
  const fields = extension === undefined ? [] : contentOf(extension).children;
  const field = (n: number): DerNode | undefined => fields.find((one) => isContext(one, n));
  const flag = (n: number): boolean => (field(n)?.content[0] ?? 0) !== 0;
  const point = field(0);
  const points = point === undefined ? undefined : fullNames(point);
  const refusals = [
    [flag(4), 'an indirect CRL'],
    [field(3) !== undefined, 'a CRL of some reasons only'],
    [flag(5), 'a CRL of attribute certificates'],
    [points?.length === 0, 'a CRL whose distribution point is a relative name'],
  ] as const;
  const refusal = refusals.find(([refused]) => refused)?.[1];
  return { points, onlyEndEntities: flag(1), onlyCas: flag(2), refusal };
}

const OID = {
  issuerAltName: '2.5.29.18',
  number: '2.5.29.20',
  delta: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  authorityKeyId: '2.5.29.35',
} as const;
const UNDERSTOOD = new Set<string>(Object.values(OID));

interface Fields {
  readonly algorithm: Tlv;
  readonly issuer: Tlv;
  readonly thisUpdate: Tlv;
  readonly nextUpdate: Tlv | undefined;
  readonly entries: Tlv | undefined;
  readonly extensions: Tlv | undefined;
}

/** TBSCertList (RFC 5280 section 5.1.2). */
function fieldsOf(bytes: Buffer, tbs: Tlv): Fields {
  const rest = [...tlvsIn(bytes, tbs)];
  const version = rest[0]?.identifier === INTEGER ? rest.shift() : undefined;
  if (version !== undefined && rawOf(bytes, version).toString('hex') !== '020101') throw malformed('a CRL of version 2');
  const [algorithm, issuer, thisUpdate, ...optional] = rest;
  const take = (wanted: boolean): Tlv | undefined => (wanted ? optional.shift() : undefined);
  const nextUpdate = take(isTime(optional[0]));
  const entries = take(optional[0]?.identifier === SEQUENCE);
  const extensions = take(version !== undefined && optional[0]?.identifier === EXPLICIT_0);
  if (algorithm === undefined || issuer === undefined || thisUpdate === undefined || optional.length > 0) {
    throw malformed('a TBSCertList');
  }
  return { algorithm, issuer, thisUpdate, nextUpdate, entries, extensions };
}

class ParsedCrl implements Crl {
  readonly digest: string;
  readonly issuer: DistinguishedName;
  readonly issuerDer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly refusal: string | undefined;
  readonly revoked: ReadonlySet<string>;
  readonly scope: string;
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly #scope: Scope;

  constructor(der: Uint8Array) {
    const bytes = Buffer.from(der);
    const outer = readTlv(bytes, 0, bytes.length);
    const [tbs, algorithm, signature, ...more] = tlvsIn(bytes, outer);
    if (outer.end !== bytes.length || tbs === undefined || algorithm === undefined || signature === undefined || more.length > 0) {
      throw malformed('a CertificateList');
    }
    const parse = (tlv: Tlv): DerNode => parseDer(rawOf(bytes, tlv), { strict: true });
    const fields = fieldsOf(bytes, tbs);
    const entries = fields.entries === undefined ? NO_ENTRIES : readEntries(bytes, fields.entries);
    const extensions = fields.extensions === undefined ? [] : readExtensions(parse(fields.extensions).children[0]);
    this.digest = createHash('sha256').update(bytes).digest('hex');
    this.signed = rawOf(bytes, tbs);
    this.signature = readSignature(parse(signature));
    this.signatureAlgorithm = readSignatureAlgorithm(parse(algorithm));
    this.issuerDer = rawOf(bytes, fields.issuer);
    this.issuer = DistinguishedName.fromDer(parse(fields.issuer));
    this.thisUpdate = timeOf(parse(fields.thisUpdate));
    this.nextUpdate = fields.nextUpdate === undefined ? undefined : timeOf(parse(fields.nextUpdate));
    this.revoked = entries.revoked;
    this.#scope = readScope(extensions.find(({ oid }) => oid === OID.issuingDistributionPoint));
    const { points, onlyEndEntities, onlyCas } = this.#scope;
    this.scope = JSON.stringify([points, onlyEndEntities, onlyCas]);
    const agree = rawOf(bytes, algorithm).equals(rawOf(bytes, fields.algorithm));
    this.refusal = this.#refusalOf(extensions, entries, agree);
  }

  #refusalOf(extensions: readonly Extension[], entries: Entries, algorithmsAgree: boolean): string | undefined {
    const unknown = extensions.find(({ oid, critical }) => critical && !UNDERSTOOD.has(oid));
    if (extensions.some(({ oid }) => oid === OID.delta)) return 'a delta CRL';
    if (this.#scope.refusal !== undefined) return this.#scope.refusal;
    if (unknown !== undefined) return `a CRL with the unknown critical extension ${unknown.oid}`;
    if (entries.critical) return 'a CRL with an unknown critical extension in an entry';
    if (!algorithmsAgree) return 'a CRL that names two signature algorithms';
    if (!isAcceptable(this.signatureAlgorithm)) return `a CRL signed with the refused algorithm ${this.signatureAlgorithm.oid}`;
    return this.nextUpdate === undefined ? 'a CRL that does not say when the next one comes' : undefined;
  }

  covers(certificate: Certificate): boolean {
    const { points, onlyEndEntities, onlyCas } = this.#scope;
    if (certificate.isCa ? onlyEndEntities : onlyCas) return false;
    return points === undefined || certificate.extensions.crlDistributionPoints.some((point) => points.includes(point));
  }
}

function parseCrl(der: Uint8Array): Crl {
  try {
    return new ParsedCrl(der);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmpaError('crl-invalid', `a CRL that cannot be read: ${why}`, { cause });
  }
}

/** All CRLs of a PEM text (none: an empty list), or the one of a DER buffer. Throws EmpaError `crl-invalid`, `certificate-malformed`. */
export function parseCrls(bytes: Uint8Array): Crl[] {
  if (!isPem(bytes)) return [parseCrl(bytes)];
  return pemBlocks(bytes)
    .filter(({ label }) => label === 'X509 CRL')
    .map((block) => parseCrl(derOfPem(block)));
}
