import type { Certificate } from './certificate.js';
import type { Chain } from './chain.js';
import { KnownCertificates } from './known-certificates.js';

interface Known {
  readonly chain: Chain;
  /** Those of the chain that came with the message: without them the directory does not lead to an anchor. */
  readonly sent: readonly Certificate[];
}

/**
 * The chains from certificates of messages that were found good, with the certificates. It belongs to one snapshot of a trust directory and
 * ends with it. Only what never changes is remembered, that is octets, names and signatures; whether a chain is good at some time is for
 * others to judge, each time anew. What nobody vouched for is not remembered.
 */
export class KnownChains {
  readonly certificates: KnownCertificates;
  readonly #chains = new WeakMap<Certificate, Known>();

  constructor(maximum?: number) {
    this.certificates = new KnownCertificates(maximum);
  }

  /** The chain that was good for the certificate before, where the directory and what came with this message lead to it again. */
  chainFrom(certificate: Certificate, intermediates: readonly Certificate[]): Chain | undefined {
    const known = this.#chains.get(certificate);
    return known?.sent.every((one) => intermediates.includes(one)) === true ? known.chain : undefined;
  }

  /** The chain is good now; `isOfDirectory` says which of its certificates are there whatever a message brings. */
  remember(chain: Chain, isOfDirectory: (certificate: Certificate) => boolean): void {
    const [first, ...issuers] = chain;
    if (first === undefined || !this.certificates.remember(chain)) return;
    this.#chains.set(first, { chain, sent: issuers.filter((issuer) => !isOfDirectory(issuer)) });
  }
}
