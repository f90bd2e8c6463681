import { EmpaError, OPEN_STEPS } from '../errors.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import type { Certificate } from './certificate.js';
import { type Chain, findChains } from './chain.js';
import { chainingKey } from './name-matching.js';
import { checkChain, checkSigner } from './path-validation.js';
import { checkRevocation } from './revocation.js';
import { policyAllows } from './signing-policy.js';
import type { TrustMaterial } from './trust.js';

/** How strictly a certificate is judged. */
export interface VerifyPolicy {
  /** Default `if-present`. */
  readonly crl?: 'off' | 'if-present' | 'require';
  /** Default `if-present`. */
  readonly signingPolicy?: 'ignore' | 'if-present' | 'require';
  /** Ask for digitalSignature and emailProtection where keyUsage and EKU are present. Default false. */
  readonly requireEmailProtection?: boolean;
}

export interface VerifyOptions {
  readonly now: Date;
  readonly policy?: VerifyPolicy;
  /** Of these, chainLength. Default DEFAULT_LIMITS. */
  readonly limits?: Partial<Limits>;
}

function policyError(code: 'signing-policy-refused' | 'signing-policy-missing' | 'signing-policy-malformed', message: string): EmpaError {
  return new EmpaError(code, message, { step: 'signing-policy' });
}

/** Every link: the issuer's policy must let it sign that subject. */
function checkSigningPolicies(chain: Chain, trust: TrustMaterial, mode: 'if-present' | 'require'): void {
  for (const [position, certificate] of chain.entries()) {
    const ca = chain[position + 1];
    if (ca === undefined) return;
    const policy = trust.policyOf(ca);
    const name = ca.subject.toString();
    if (policy instanceof EmpaError) throw policyError('signing-policy-malformed', `signing policy of ${name}: ${policy.message}`);
    if (policy === undefined) {
      if (mode === 'require') throw policyError('signing-policy-missing', `no signing policy of ${name}`);
    } else if (!policyAllows(policy, certificate.subject)) {
      throw policyError('signing-policy-refused', `the signing policy of ${name} does not cover ${certificate.toString()}`);
    }
  }
}

function checkAll(chain: Chain, trust: TrustMaterial, { now, policy = {} }: VerifyOptions): void {
  const { crl = 'if-present', signingPolicy = 'if-present', requireEmailProtection = false } = policy;
  checkChain(chain, now, requireEmailProtection);
  if (crl !== 'off') checkRevocation(chain, trust, { mode: crl, now });
  if (signingPolicy !== 'ignore') checkSigningPolicies(chain, trust, signingPolicy);
}

/** How far verification came; of several chains the failure of the one that came farthest is told. */
const progress = (error: EmpaError): number => (error.step === undefined ? -1 : OPEN_STEPS.indexOf(error.step));

/** Whether the chain that was good for an earlier message is so for this one. What is wrong with it, if it is not, the search finds out. */
function isGoodAgain(
  certificate: Certificate,
  intermediates: readonly Certificate[],
  trust: TrustMaterial,
  options: VerifyOptions & { readonly maximumLength: number },
): boolean {
  const chain = trust.known.chainFrom(certificate, intermediates);
  if (chain === undefined || chain.length > options.maximumLength) return false;
  try {
    checkAll(chain, trust, options);
    return true;
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    return false;
  }
}

/**
 * Returns when one chain from the certificate to an anchor passes everything. Throws EmpaError of step chain, revocation or
 * signing-policy otherwise; the message names the certificate that is at fault.
 */
export function verifyWith(
  certificate: Certificate,
  intermediates: readonly Certificate[],
  trust: TrustMaterial,
  options: VerifyOptions,
): void {
  checkSigner(certificate);
  const maximumLength = options.limits?.chainLength ?? DEFAULT_LIMITS.chainLength;
  if (isGoodAgain(certificate, intermediates, trust, { ...options, maximumLength })) return;
  let failure: EmpaError | undefined;
  for (const chain of findChains(certificate, { intermediates, trust, maximumLength })) {
    try {
      checkAll(chain, trust, options);
      trust.known.remember(chain, (one) => trust.casNamed(chainingKey(one.subject)).includes(one));
      return;
    } catch (error) {
      if (!(error instanceof EmpaError)) throw error;
      if (failure === undefined || progress(error) > progress(failure)) failure = error;
    }
  }
  if (failure !== undefined) throw failure;
}
