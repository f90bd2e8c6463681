/**
 * Chains from a certificate to a trust anchor (RFC 5280 section 6). Finding them and judging them are two things: a certificate may have
 * several chains (cross-certificates, CAs with old and new keys), and one good one is enough.
 */
import { EmpaError, type EmpaErrorCode } from '../errors.js';
import type { Certificate } from './certificate.js';
import { keyFault } from './key.js';
import { chainingKey } from './name-matching.js';
import { isSignedBy } from './signature.js';
import type { TrustMaterial } from './trust.js';

/** From the certificate in question to the anchor. */
export type Chain = readonly Certificate[];

export interface ChainSearch {
  /** CA certificates that came with the message: not trusted, only tried. */
  readonly intermediates: readonly Certificate[];
  readonly trust: TrustMaterial;
  /** Certificates in a chain, both ends included. */
  readonly maximumLength: number;
}

/**
 * Signatures that one search verifies at most. Whoever sends a message can put CA certificates into it that all issue one another;
 * honest ones need one for each link.
 */
const MAX_SIGNATURES = 32;

export function chainError(code: EmpaErrorCode, message: string, cause?: unknown): EmpaError {
  return new EmpaError(code, message, { step: 'chain', cause });
}

/** Why signatures made with the certificate's key do not count. */
export function keyError(certificate: Certificate): EmpaError | undefined {
  try {
    const fault = keyFault(certificate.publicKey);
    return fault && chainError(fault.code, `${certificate.toString()}: ${fault.message}`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return chainError('key-unsupported', `${certificate.toString()}: ${why}`, cause);
  }
}

const sameBytes = (a: Buffer | undefined, b: Buffer | undefined): boolean => a !== undefined && b !== undefined && a.equals(b);

/** One search; not used twice. */
class Search {
  readonly #options: ChainSearch;
  #signatures = 0;
  /** Why a certificate with the right name was not the issuer. */
  #failure: EmpaError | undefined;

  constructor(options: ChainSearch) {
    this.#options = options;
  }

  /** The reason to give when there is no chain. */
  get failure(): EmpaError | undefined {
    return this.#failure;
  }

  *chainsFrom(chain: Chain): Generator<Chain> {
    const last = chain.at(-1);
    if (last === undefined) return;
    if (this.#options.trust.isAnchor(last)) {
      yield chain;
      return;
    }
    const candidates = this.#candidates(last, chain);
    if (candidates.length === 0)
      this.#failure ??= chainError('chain-incomplete', `no certificate of ${last.issuer.toString()}, the issuer of ${last.toString()}`);
    if (chain.length >= this.#options.maximumLength) {
      this.#failure ??= chainError(
        'chain-incomplete',
        `no trust anchor within ${this.#options.maximumLength} certificates from ${chain[0]?.toString()}`,
      );
      return;
    }
    for (const issuer of candidates) {
      if (this.#isIssuedBy(last, issuer)) yield* this.chainsFrom([...chain, issuer]);
    }
  }

  /** Certificates with the issuer's name that are not in the chain yet, the likely ones first. */
  #candidates(certificate: Certificate, chain: Chain): Certificate[] {
    const { trust, intermediates } = this.#options;
    const key = chainingKey(certificate.issuer);
    const named = [...trust.casNamed(key), ...intermediates.filter((one) => chainingKey(one.subject) === key)];
    const wanted = certificate.extensions.authorityKeyId;
    const hinted = (one: Certificate): number => (sameBytes(wanted, one.extensions.subjectKeyId) ? 0 : 1);
    return named.filter((one) => !chain.some((other) => isSameHolder(one, other))).toSorted((a, b) => hinted(a) - hinted(b));
  }

  #isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
    const failure = this.#linkFault(certificate, issuer);
    // A signature that is wrong says more than a certificate that is missing somewhere else.
    if (failure !== undefined && this.#failure?.code !== 'chain-signature-invalid') this.#failure = failure;
    return failure === undefined;
  }

  #linkFault(certificate: Certificate, issuer: Certificate): EmpaError | undefined {
    if (this.#signatures >= MAX_SIGNATURES) return chainError('limit-exceeded', `more than ${MAX_SIGNATURES} links tried for a chain`);
    this.#signatures += 1;
    const fault = keyError(issuer);
    if (fault !== undefined) return fault;
    const { keyTypes, oid } = certificate.signatureAlgorithm;
    if (keyTypes.length === 0) return chainError('signature-algorithm-refused', `${certificate.toString()}: signed with ${oid}`);
    if (isSignedBy(certificate, issuer.publicKey)) return undefined;
    return chainError('chain-signature-invalid', `${certificate.toString()} was not signed with the key of ${issuer.toString()}`);
  }
}

/** The same subject with the same key: in one chain twice, it would be a loop of cross-certificates. */
function isSameHolder(a: Certificate, b: Certificate): boolean {
  return a.raw.equals(b.raw) || (a.spkiDer.equals(b.spkiDer) && chainingKey(a.subject) === chainingKey(b.subject));
}

/**
 * Chains in which every name and signature fits, one after the other; nothing else is judged. Throws at the end, if there was none:
 * EmpaError chain-incomplete, chain-signature-invalid, signature-algorithm-refused, key-too-weak, key-unsupported, limit-exceeded.
 */
export function* findChains(certificate: Certificate, options: ChainSearch): Generator<Chain> {
  const search = new Search(options);
  let found = false;
  for (const chain of search.chainsFrom([certificate])) {
    found = true;
    yield chain;
  }
  if (!found) throw search.failure ?? chainError('chain-incomplete', `no chain from ${certificate.toString()} to a trust anchor`);
}
