/**
 * Chains from a certificate to a trust anchor (RFC 5280 section 6). Finding them and judging them are two things: a certificate may have
 * several chains (cross-certificates, CAs with old and new keys), and one good one is enough.
 */
import { EmpaError, type EmpaErrorCode } from '../errors.js';
import type { Certificate } from './certificate.js';
import { keyFault } from './key.js';
import { chainingKey, namesMatch } from './name-matching.js';
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
 * Signatures that one search verifies at most, and so the links that it tries. Whoever sends a message can put many certificates with the
 * names of real CAs into it; honest ones need one for each link.
 */
const MAX_SIGNATURES = 32;
/** Links of all chains of one search, those that were verified before included. */
const MAX_STEPS = 256;

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

/**
 * One search; not used twice. It goes up from the certificate by names alone, and from the anchors that it comes to down again by
 * signatures: so no key is used that no anchor vouches for, as somebody may have made it only to be slow.
 */
class Search {
  readonly #certificate: Certificate;
  readonly #options: ChainSearch;
  readonly #anchors: Certificate[] = [];
  /** By certificate those below it that name it as their issuer. */
  readonly #below = new Map<Certificate, Certificate[]>();
  /** What came of each link that was tried, by the key above and the certificate below. */
  readonly #links = new Map<string, EmpaError | undefined>();
  #steps = 0;
  /** Why there is no chain, or why a certificate with the right name was not the issuer. */
  #failure: EmpaError | undefined;

  constructor(certificate: Certificate, options: ChainSearch) {
    this.#certificate = certificate;
    this.#options = options;
    this.#ascend();
  }

  /** The reason to give when there is no chain. */
  get failure(): EmpaError {
    return this.#failure ?? chainError('chain-incomplete', `no chain from ${this.#certificate.toString()} to a trust anchor`);
  }

  #ascend(): void {
    const reached = new Set([this.#certificate]);
    for (const one of reached) {
      if (this.#options.trust.isAnchor(one)) {
        this.#anchors.push(one);
        continue;
      }
      const issuers = this.#issuersNamed(one);
      if (issuers.length === 0)
        this.#failure ??= chainError('chain-incomplete', `no certificate of ${one.issuer.toString()}, the issuer of ${one.toString()}`);
      for (const issuer of issuers) {
        reached.add(issuer);
        const below = this.#below.get(issuer) ?? [];
        this.#below.set(issuer, below);
        below.push(one);
      }
    }
  }

  /** Certificates with the issuer's name, the likely ones first. */
  #issuersNamed(certificate: Certificate): Certificate[] {
    const { trust, intermediates } = this.#options;
    const key = chainingKey(certificate.issuer);
    const named = [...trust.casNamed(key), ...intermediates.filter((one) => chainingKey(one.subject) === key)];
    const wanted = certificate.extensions.authorityKeyId;
    const hinted = (one: Certificate): number => (sameBytes(wanted, one.extensions.subjectKeyId) ? 0 : 1);
    return named.filter((one) => !isSameHolder(one, certificate)).toSorted((a, b) => hinted(a) - hinted(b));
  }

  *chains(): Generator<Chain> {
    for (const anchor of this.#anchors) yield* this.#chainsTo([anchor]);
  }

  /** `chain`: the upper part, in which every signature is good. */
  *#chainsTo(chain: Chain): Generator<Chain> {
    const [lowest] = chain;
    if (lowest === undefined) return;
    if (lowest === this.#certificate) {
      yield chain;
      return;
    }
    const { maximumLength } = this.#options;
    if (chain.length >= maximumLength) {
      const text = `no trust anchor within ${maximumLength} certificates from ${this.#certificate.toString()}`;
      this.#failure ??= chainError('chain-incomplete', text);
      return;
    }
    const below = this.#below.get(lowest) ?? [];
    for (const one of below.filter((candidate) => !chain.some((other) => isSameHolder(candidate, other))))
      if (this.#isIssuedBy(one, lowest)) yield* this.#chainsTo([one, ...chain]);
  }

  #isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) {
      this.#failure ??= chainError('limit-exceeded', `more than ${MAX_STEPS} links in all chains`);
      return false;
    }
    // A CA that was renewed with its key is there several times, and each link is below each of them.
    const link = `${issuer.spkiDer.toString('base64')} ${certificate.raw.toString('base64')}`;
    const failure = this.#links.has(link) ? this.#links.get(link) : this.#linkFault(certificate, issuer);
    this.#links.set(link, failure);
    // A signature that is wrong says more than a certificate that is missing somewhere else.
    if (failure !== undefined && this.#failure?.code !== 'chain-signature-invalid') this.#failure = failure;
    return failure === undefined;
  }

  #linkFault(certificate: Certificate, issuer: Certificate): EmpaError | undefined {
    if (this.#links.size >= MAX_SIGNATURES) return chainError('limit-exceeded', `more than ${MAX_SIGNATURES} links tried for a chain`);
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
  return a === b || (a.spkiDer.equals(b.spkiDer) && namesMatch(a.subject, b.subject));
}

/**
 * Chains in which every name and signature fits, one after the other; nothing else is judged. Throws at the end, if there was none:
 * EmpaError chain-incomplete, chain-signature-invalid, signature-algorithm-refused, key-too-weak, key-unsupported, limit-exceeded.
 */
export function* findChains(certificate: Certificate, options: ChainSearch): Generator<Chain> {
  const search = new Search(certificate, options);
  let found = false;
  for (const chain of search.chains()) {
    found = true;
    yield chain;
  }
  if (!found) throw search.failure;
}
