import type { Certificate } from './certificate.js';
import type { Chain } from './chain.js';

/** Certificates that are remembered, the latest used ones. */
const MAXIMUM_CERTIFICATES = 1000;
/** Octets of one that is remembered. Others are rare, and are read each time. */
const MAXIMUM_OCTETS = 8 * 1024;

interface Known {
  readonly chain: Chain;
  /** Those of the chain that came with the message: without them the directory does not lead to an anchor. */
  readonly sent: readonly Certificate[];
}

/**
 * Certificates of messages that were found good, as they were read then, and the chains from them: most messages come from few signers.
 * It belongs to one snapshot of a trust directory and ends with it. Only what never changes is remembered, that is octets, names and
 * signatures; whether a chain is good at some time is for others to judge, each time anew. What nobody vouched for is not remembered.
 */
export class KnownChains {
  /** By DER. The latest used one is the last. */
  readonly #certificates = new Map<string, Certificate>();
  readonly #chains = new WeakMap<Certificate, Known>();
  readonly #maximum: number;

  constructor(maximum = MAXIMUM_CERTIFICATES) {
    this.#maximum = maximum;
  }

  /** The certificate that was read from exactly these octets. */
  certificate(der: Buffer): Certificate | undefined {
    if (der.length > MAXIMUM_OCTETS) return undefined;
    const key = der.toString('latin1');
    const certificate = this.#certificates.get(key);
    if (certificate === undefined) return undefined;
    this.#certificates.delete(key);
    this.#certificates.set(key, certificate);
    return certificate;
  }

  has(der: Buffer): boolean {
    return der.length <= MAXIMUM_OCTETS && this.#certificates.has(der.toString('latin1'));
  }

  /** The chain that was good for the certificate before, where the directory and what came with this message lead to it again. */
  chainFrom(certificate: Certificate, intermediates: readonly Certificate[]): Chain | undefined {
    const known = this.#chains.get(certificate);
    return known?.sent.every((one) => intermediates.includes(one)) === true ? known.chain : undefined;
  }

  /** The chain is good now; `isOfDirectory` says which of its certificates are there whatever a message brings. */
  remember(chain: Chain, isOfDirectory: (certificate: Certificate) => boolean): void {
    const [first, ...issuers] = chain;
    if (first === undefined || chain.some(({ raw }) => raw.length > MAXIMUM_OCTETS)) return;
    this.#chains.set(first, { chain, sent: issuers.filter((issuer) => !isOfDirectory(issuer)) });
    for (const certificate of chain) this.#certificates.set(certificate.raw.toString('latin1'), certificate);
    for (const oldest of this.#certificates.keys()) {
      if (this.#certificates.size <= this.#maximum) return;
      this.#certificates.delete(oldest);
    }
  }
}
