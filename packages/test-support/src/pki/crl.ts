import type { IssuedCertificate } from './certificate.js';
import { bits, type Der, decode, encode, integer, pem, sequence, tagged, taggedPrimitive, time } from './der.js';
import { authorityKeyId, type ExtraExtension, extension } from './extensions.js';
import type { TestKey } from './keys.js';
import { type SignatureAlgorithm, signatureIdentifier, signBytes } from './signature.js';

const DAY_MS = 86_400_000;

export interface CrlOptions {
  readonly issuer: IssuedCertificate;
  /** Default: the issuer's; another one forges a signature. */
  readonly issuerKey?: TestKey;
  readonly revoked?: readonly (bigint | number | IssuedCertificate)[];
  /** Default: an hour ago. */
  readonly thisUpdate?: Date;
  /** Default: in 30 days; `null` leaves it out. */
  readonly nextUpdate?: Date | null;
  readonly number?: number;
  /** Marks it as a delta CRL on base number 1. */
  readonly delta?: boolean;
  /** Marks it as an indirect CRL. */
  readonly indirect?: boolean;
  readonly extensions?: readonly ExtraExtension[];
  /** Critical extension inside the entries, for instance a certificate issuer. */
  readonly entryExtensions?: readonly ExtraExtension[];
  readonly signature?: SignatureAlgorithm;
  readonly withoutAki?: boolean;
}

export interface IssuedCrl {
  readonly der: Buffer;
  readonly pem: string;
  readonly issuer: IssuedCertificate;
}

function entries(options: CrlOptions, date: Date): Der[] {
  const extras = (options.entryExtensions ?? []).map((extra) => extension(extra.oid, extra.critical, extra.der));
  const list = (options.revoked ?? []).map((entry) => {
    const serial = typeof entry === 'object' ? entry.serial : entry;
    return sequence(integer(serial), time(date), ...(extras.length === 0 ? [] : [sequence(...extras)]));
  });
  return list.length === 0 ? [] : [sequence(...list)];
}

function crlExtensions(options: CrlOptions, key: TestKey): Der {
  return sequence(
    ...(options.withoutAki === true ? [] : [authorityKeyId(key.id)]),
    extension('2.5.29.20', false, integer(options.number ?? 2)),
    ...(options.delta === true ? [extension('2.5.29.27', true, integer(1))] : []),
    ...(options.indirect === true ? [extension('2.5.29.28', true, sequence(taggedPrimitive(4, Buffer.from([0xff]))))] : []),
    ...(options.extensions ?? []).map((extra) => extension(extra.oid, extra.critical, extra.der)),
  );
}

/** A version 2 CRL (RFC 5280 section 5), good or wrong on purpose. */
export function createCrl(options: CrlOptions): IssuedCrl {
  const key = options.issuerKey ?? options.issuer.key;
  const signature = options.signature ?? 'sha256';
  const thisUpdate = options.thisUpdate ?? new Date(Date.now() - DAY_MS / 24);
  const nextUpdate = options.nextUpdate === undefined ? new Date(Date.now() + 30 * DAY_MS) : options.nextUpdate;
  const body = sequence(
    integer(1),
    signatureIdentifier(key, signature),
    decode(options.issuer.subject),
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...entries(options, thisUpdate),
    tagged(0, crlExtensions(options, key)),
  );
  const der = encode(sequence(body, signatureIdentifier(key, signature), bits(signBytes(encode(body), key, signature))));
  return { der, pem: pem('X509 CRL', der), issuer: options.issuer };
}
