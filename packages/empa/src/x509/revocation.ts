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

/** A CRL and the CA certificate whose key signed it. */
interface SignedCrl {
  readonly crl: Crl;
  readonly signer: Certificate;
}

/** What the directory has for the certificates of one issuer. */
interface Found {
  /** The newest that counts of each signing key, the issuer's own first. */
  readonly valid: readonly SignedCrl[];
  /** Why one that is there does not count. */
  readonly fault: string | undefined;
}

function newestOf(crls: readonly Crl[]): Crl | undefined {
  return crls.reduce<Crl | undefined>((best, crl) => (best === undefined || crl.thisUpdate > best.thisUpdate ? crl : best), undefined);
}

/**
 * CRLs that cover the certificate. A CA that has changed its key may sign them with another one than the certificate: that of any CA
 * certificate in the directory with the same name.
 */
function findCrls(certificate: Certificate, issuer: Certificate, trust: TrustMaterial, now: Date): Found {
  const name = chainingKey(issuer.subject);
  const crls = trust.crlsOf(name).filter((crl) => crl.covers(certificate));
  const usable = crls.filter((crl) => crl.refusal === undefined && crl.thisUpdate <= now);
  const others = trust.casNamed(name).filter((ca) => !ca.spkiDer.equals(issuer.spkiDer));
  const valid = [issuer, ...others].filter(maySignCrls).flatMap((signer) => {
    const crl = newestOf(usable.filter((one) => isCrlSignedBy(one, signer)));
    return crl === undefined ? [] : [{ crl, signer }];
  });
  const broken = trust.brokenCrlOf(issuer);
  const refused = crls.find((crl) => crl.refusal !== undefined)?.refusal;
  const unsigned = crls.length === 0 ? undefined : 'no CRL that is signed by its CA and not from the future';
  return { valid, fault: refused ?? unsigned ?? (broken === undefined ? undefined : `${broken} cannot be read`) };
}

function checkOne(certificate: Certificate, issuer: Certificate, trust: TrustMaterial, options: RevocationOptions): void {
  const { valid, fault } = findCrls(certificate, issuer, trust, options.now);
  const ca = issuer.subject.toString();
  if (valid.some(({ crl }) => crl.revoked.has(certificate.serialNumber))) {
    throw revocationError('certificate-revoked', `${certificate.toString()} was revoked by ${ca}`);
  }
  const [governing] = valid;
  if (governing === undefined) {
    if (fault !== undefined) throw revocationError('crl-invalid', `CRL of ${ca}: ${fault}`);
    if (options.mode === 'require') throw revocationError('crl-missing', `no CRL of ${ca} for ${certificate.toString()}`);
    return;
  }
  const { nextUpdate } = governing.crl;
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
