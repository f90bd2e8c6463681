import { type Certificate, parseCertificate } from './certificate.js';

/** Certificates that are remembered, the latest used ones. */
const MAXIMUM_CERTIFICATES = 1000;
/** Octets of one that is remembered. Others are rare, and are read each time. */
const MAXIMUM_OCTETS = 8 * 1024;

/** Of a certificate's octets the last ones, of its signature, find it: all of them would take longer to look up than to compare. */
const KEY_OCTETS = 32;

function keyOf(der: Buffer): string {
  return der.toString('latin1', Math.max(0, der.length - KEY_OCTETS));
}

/** Certificates of messages that were found good, as they were read then: most messages come from few signers. */
export class KnownCertificates {
  /** By the end of their DER. The latest used one is the last. */
  readonly #certificates = new Map<string, Certificate>();
  readonly #maximum: number;

  constructor(maximum = MAXIMUM_CERTIFICATES) {
    this.#maximum = maximum;
  }

  /** Whether these octets are those of a certificate that was read whole. */
  has(der: Buffer): boolean {
    return this.#certificates.get(keyOf(der))?.raw.equals(der) === true;
  }

  /** The certificate that was read from exactly these octets. */
  find(der: Buffer): Certificate | undefined {
    const key = keyOf(der);
    const certificate = this.#certificates.get(key);
    if (certificate?.raw.equals(der) !== true) return undefined;
    this.#certificates.delete(key);
    this.#certificates.set(key, certificate);
    return certificate;
  }

  /** The one that is remembered, or read now. Throws EmpaError `certificate-malformed`. */
  read(der: Buffer): Certificate {
    return this.find(der) ?? parseCertificate(der);
  }

  /** Says whether none of them is too large for that; if one is, none is remembered. */
  remember(certificates: readonly Certificate[]): boolean {
    if (certificates.some(({ raw }) => raw.length > MAXIMUM_OCTETS)) return false;
    for (const certificate of certificates) this.#certificates.set(keyOf(certificate.raw), certificate);
    for (const oldest of this.#certificates.keys()) {
      if (this.#certificates.size <= this.#maximum) break;
      this.#certificates.delete(oldest);
    }
    return true;
  }
}
