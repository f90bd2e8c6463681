import { randomBytes } from 'node:crypto';
import { bits, type Der, decode, encode, integer, pem, sequence, tagged, time } from './der.js';
import * as extensions from './extensions.js';
import { createKey, type KeyKind, type TestKey } from './keys.js';
import { encodeName, type NameInput } from './name.js';
import { type SignatureAlgorithm, signatureIdentifier, signBytes } from './signature.js';
import { slashForm } from './subject-hash.js';

const HOUR_MS = 3_600_000;
const DEFAULT_VALIDITY_MS = 365 * 24 * HOUR_MS;

export interface CertificateOptions {
  readonly subject: NameInput;
  /** Default: a new P-256 key. */
  readonly key?: TestKey | KeyKind;
  /** Who signs: a certificate made here, or only a name (then with issuerKey). Default: self-signed. */
  readonly issuer?: IssuedCertificate | NameInput;
  /** Key to sign with; default: the issuer's. Another one forges a signature. */
  readonly issuerKey?: TestKey;
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in a year. */
  readonly notAfter?: Date;
  readonly ca?: boolean;
  readonly pathLen?: number;
  /** Default: keyCertSign and cRLSign for a CA, digitalSignature and keyEncipherment otherwise; none: empty list. */
  readonly keyUsage?: readonly extensions.KeyUsage[];
  /** `serverAuth`, `clientAuth`, `emailProtection`, `codeSigning`, `any`, or OIDs. */
  readonly eku?: readonly string[];
  /** `DNS:localhost`, `IP:127.0.0.1`, `email:a@b`, `URI:...`, `dirName:/C=UK`. */
  readonly san?: readonly string[];
  /** URL. */
  readonly crlDistribution?: string;
  readonly nameConstraints?: extensions.NameConstraints;
  readonly proxyCertInfo?: extensions.ProxyCertInfo;
  readonly extensions?: readonly extensions.ExtraExtension[];
  /** Default: 64 random bits. */
  readonly serial?: number | bigint;
  /** Default: sha256. */
  readonly signature?: SignatureAlgorithm;
  /** What the signed part says instead, to forge a mismatch with the outer algorithm. */
  readonly innerAlgorithm?: SignatureAlgorithm;
  /** Default 3; versions 1 and 2 have no extensions. */
  readonly version?: 1 | 2 | 3;
  readonly withoutBasicConstraints?: boolean;
  readonly withoutSki?: boolean;
  readonly withoutAki?: boolean;
}

export interface IssuedCertificate {
  readonly der: Buffer;
  readonly certificatePem: string;
  readonly key: TestKey;
  readonly keyPem: string;
  /** Name, DER. */
  readonly subject: Buffer;
  /** `/C=UK/CN=host`. */
  readonly dn: string;
  readonly serial: bigint;
}

interface Issuer {
  readonly name: Buffer;
  readonly key: TestKey;
}

function isIssued(issuer: IssuedCertificate | NameInput): issuer is IssuedCertificate {
  return typeof issuer === 'object' && 'certificatePem' in issuer;
}

function issuerOf(options: CertificateOptions, self: Issuer): Issuer {
  const { issuer, issuerKey } = options;
  if (issuer === undefined) return { name: self.name, key: issuerKey ?? self.key };
  if (isIssued(issuer)) return { name: issuer.subject, key: issuerKey ?? issuer.key };
  if (issuerKey === undefined) throw new TypeError('an issuer that is only a name needs an issuerKey');
  return { name: encodeName(issuer), key: issuerKey };
}

const DEFAULT_USAGE = { ca: ['keyCertSign', 'cRLSign'], leaf: ['digitalSignature', 'keyEncipherment'] } as const;

function usageExtensions(options: CertificateOptions): Der[] {
  const usage = options.keyUsage ?? DEFAULT_USAGE[options.ca === true ? 'ca' : 'leaf'];
  return [
    ...(options.withoutBasicConstraints === true ? [] : [extensions.basicConstraints(options.ca === true, options.pathLen)]),
    ...(usage.length === 0 ? [] : [extensions.keyUsage(usage)]),
    ...(options.eku === undefined ? [] : [extensions.extendedKeyUsage(options.eku)]),
  ];
}

function extensionsOf(options: CertificateOptions, key: TestKey, issuerKey: TestKey): Der {
  return sequence(
    ...usageExtensions(options),
    ...(options.withoutSki === true ? [] : [extensions.subjectKeyId(key.id)]),
    ...(options.withoutAki === true ? [] : [extensions.authorityKeyId(issuerKey.id)]),
    ...(options.san === undefined ? [] : [extensions.subjectAltName(options.san)]),
    ...(options.crlDistribution === undefined ? [] : [extensions.crlDistribution(options.crlDistribution)]),
    ...(options.nameConstraints === undefined ? [] : [extensions.nameConstraints(options.nameConstraints)]),
    ...(options.proxyCertInfo === undefined ? [] : [extensions.proxyCertInfo(options.proxyCertInfo)]),
    ...(options.extensions ?? []).map((extra) => extensions.extension(extra.oid, extra.critical, extra.der)),
  );
}

function validity(options: CertificateOptions): Der {
  const notBefore = options.notBefore ?? new Date(Date.now() - HOUR_MS);
  const notAfter = options.notAfter ?? new Date(Date.now() + DEFAULT_VALIDITY_MS);
  return sequence(time(notBefore), time(notAfter));
}

/** Any X.509 certificate, good or wrong on purpose; nothing of what is asked for is checked. */
export function createCertificate(options: CertificateOptions): IssuedCertificate {
  const key = typeof options.key === 'object' ? options.key : createKey(options.key ?? 'p256');
  const subject = encodeName(options.subject);
  const issuer = issuerOf(options, { name: subject, key });
  const signature = options.signature ?? 'sha256';
  const version = options.version ?? 3;
  const serial = options.serial === undefined ? BigInt(`0x7${randomBytes(8).toString('hex').slice(1)}`) : BigInt(options.serial);
  const body = sequence(
    ...(version === 1 ? [] : [tagged(0, integer(version - 1))]),
    integer(serial),
    signatureIdentifier(issuer.key, options.innerAlgorithm ?? signature),
    decode(issuer.name),
    validity(options),
    decode(subject),
    decode(key.spki),
    ...(version === 3 ? [tagged(3, extensionsOf(options, key, issuer.key))] : []),
  );
  const signed = signBytes(encode(body), issuer.key, signature);
  const der = encode(sequence(body, signatureIdentifier(issuer.key, signature), bits(signed)));
  return { der, certificatePem: pem('CERTIFICATE', der), key, keyPem: key.pem, subject, dn: slashForm(subject), serial };
}
