import { EmpaError, type EmpaErrorCode } from '../errors.js';
import type { Certificate } from './certificate.js';
import type { Chain } from './chain.js';
import type { Crl } from './crl.js';
import { keyFault } from './key.js';
import { chainingKey } from './name-matching.js';
import { isSignedBy } from './signature.js';
import type { TrustMaterial } from './trust.js';

function revocationError(code: EmpaErrorCode, message: string): EmpaError {
  return new EmpaError(code, message, { step: 'revocation' });
}

/** Verifying a CRL means hashing megabytes: once for each key, not once for each message. */
const verified = new WeakMap<Crl, Map<string, boolean>>();
const MAX_KEYS = 16;

function isCrlSignedBy(crl: Crl, ca: Certificate): boolean {
  const known = verified.get(crl) ?? new Map<string, boolean>();
  verified.set(crl, known);
  const key = ca.spkiDer.toString('base64');
  const result = known.get(key) ?? isSignedBy(crl, ca.publicKey);
  if (known.size < MAX_KEYS) known.set(key, result);
  return result;
}

function maySignCrls(ca: Certificate): boolean {
  const { keyUsage } = ca.extensions;
  return (keyUsage === undefined || keyUsage.has('cRLSign')) && keyFault(ca.publicKey) === undefined;
}

/** What the directory has for a certificate of an issuer. */
interface Found {
  /** All CRLs of the issuer that count, of each scope and signing key the newest. */
  readonly valid: readonly Crl[];
  /** The newest of those that would list the certificate; signed with the issuer's own key where there is one. */
  readonly governing: Crl | undefined;
  /** Why one that is there does not count. */
  readonly fault: string | undefined;
}

const newer = (a: Crl | undefined, b: Crl): Crl => (a === undefined || b.thisUpdate > a.thisUpdate ? b : a);

/** Of two that were made in the same second either may be the later one: both count. */
function newestOfEachScope(crls: readonly Crl[]): readonly Crl[] {
  const newest = new Map<string, Crl[]>();
  for (const crl of crls) {
    const best = newest.get(crl.scope);
    const age = (best?.[0]?.thisUpdate.getTime() ?? Number.NEGATIVE_INFINITY) - crl.thisUpdate.getTime();
    if (age < 0) newest.set(crl.scope, [crl]);
    else if (age === 0) best?.push(crl);
  }
  return [...newest.values()].flat();
}

/**
 * CRLs of the issuer. A CA that has changed its key may sign them with another one than the certificate: that of any CA certificate in the
 * directory with the same name.
 */
function findCrls(certificate: Certificate, issuer: Certificate, trust: TrustMaterial, now: Date): Found {
  const name = chainingKey(issuer.subject);
  const crls = trust.crlsOf(name);
  const usable = crls.filter((crl) => crl.refusal === undefined && crl.thisUpdate <= now);
  const others = trust.casNamed(name).filter((ca) => !ca.spkiDer.equals(issuer.spkiDer));
  const signers = [issuer, ...others].filter(maySignCrls);
  const valid = signers.map((signer) => newestOfEachScope(usable.filter((crl) => isCrlSignedBy(crl, signer))));
  const covering = (list: readonly Crl[]): readonly Crl[] => list.filter((crl) => crl.covers(certificate));
  const [governing] = valid.flatMap((list) => covering(list).reduce<Crl | undefined>(newer, undefined) ?? []);
  const refused = covering(crls).find((crl) => crl.refusal !== undefined)?.refusal;
  const unsigned = covering(crls).length === 0 ? undefined : 'no CRL that is signed by its CA and not from the future';
  return { valid: valid.flat(), governing, fault: refused ?? unsigned ?? trust.brokenCrlOf(issuer) };
}

function checkOne(certificate: Certificate, issuer: Certificate, trust: TrustMaterial, options: RevocationOptions): void {
  const { valid, governing, fault } = findCrls(certificate, issuer, trust, options.now);
  const ca = issuer.subject.toString();
  // An issuer gives a serial number once (RFC 5280 section 4.1.2.2): it does not matter of which certificates a CRL is that has it.
  if (valid.some((crl) => crl.revoked.has(certificate.serialNumber))) {
    throw revocationError('certificate-revoked', `${certificate.toString()} was revoked by ${ca}`);
  }
  if (governing === undefined) {
    if (fault !== undefined) throw revocationError('crl-invalid', `CRL of ${ca}: ${fault}`);
    if (options.mode === 'require') throw revocationError('crl-missing', `no CRL of ${ca} for ${certificate.toString()}`);
    return;
  }
  const { nextUpdate } = governing;
  if (nextUpdate === undefined || options.now > nextUpdate) {
    throw revocationError('crl-expired', `CRL of ${ca}: a newer one was due at ${nextUpdate?.toISOString()}`);
  }
}

export interface RevocationOptions {
  readonly mode: 'if-present' | 'require';
  readonly now: Date;
}

/**
 * Every certificate of the chain but the anchor. Throws EmpaError of step revocation: certificate-revoked, crl-expired, crl-invalid and,
 * with `require`, crl-missing.
 */
export function checkRevocation(chain: Chain, trust: TrustMaterial, options: RevocationOptions): void {
  for (const [position, certificate] of chain.entries()) {
    const issuer = chain[position + 1];
    if (issuer !== undefined) checkOne(certificate, issuer, trust, options);
  }
}
