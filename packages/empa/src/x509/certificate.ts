import type { KeyObject } from 'node:crypto';
import type { DistinguishedName } from './name.js';

/** A parsed X.509 v3 certificate (RFC 5280); immutable. The room's owner adds what the chain needs. */
export interface Certificate {
  /** The DER exactly as it was read. */
  readonly raw: Buffer;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** Lower-case hex of the content octets. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly isCa: boolean;
}

/** All certificates of a PEM text, or the one of a DER buffer. Throws EmpaError `certificate-malformed`. */
export function parseCertificates(_bytes: Uint8Array): Certificate[] {
  throw new Error('not built');
}
