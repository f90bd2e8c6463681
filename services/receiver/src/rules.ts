import type { OpenOptions } from '@ssm/empa';
import type { ReceiverConfig } from './config.js';

/** How strictly messages are judged. */
export function verificationRules({
  limits,
  trust,
  verification,
}: Pick<ReceiverConfig, 'limits' | 'trust' | 'verification'>): Omit<OpenOptions, 'identities' | 'trust' | 'now' | 'onStep'> {
  return {
    policy: { crl: trust.crl, signingPolicy: trust.signingPolicy, requireEmailProtection: verification.emailProtection },
    limits: { messageBytes: limits.message, bodyBytes: limits.body },
    allowTripleDes: verification.tripleDes,
    ...(verification.maximumAge === 0 ? {} : { maximumAgeMs: verification.maximumAge }),
  };
}
