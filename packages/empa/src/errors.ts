import type { DistinguishedName } from './x509/name.js';

/** The steps of {@link openMessage}, in order; a failure names the step at which it was found. */
export const OPEN_STEPS = ['parse', 'decrypt', 'signer', 'signature', 'chain', 'revocation', 'signing-policy'] as const;
export type OpenStep = (typeof OPEN_STEPS)[number];

/** Every code that {@link EmpaError} can carry; docs/errors.md has one heading for each. */
export const EMPA_ERROR_CODES = [
  // parse
  'message-malformed',
  'message-too-large',
  'limit-exceeded',
  'not-signed',
  'algorithm-unsupported',
  'der-malformed',
  // decrypt
  'no-matching-recipient',
  'decryption-failed',
  // signer
  'signer-count',
  'signed-attributes-missing',
  'signer-certificate-missing',
  // signature
  'digest-refused',
  'content-type-mismatch',
  'digest-mismatch',
  'signature-invalid',
  'signing-time-too-old',
  // chain
  'certificate-malformed',
  'certificate-expired',
  'certificate-not-yet-valid',
  'chain-incomplete',
  'chain-signature-invalid',
  'chain-constraint',
  'critical-extension-unknown',
  'signature-algorithm-refused',
  'key-too-weak',
  'signer-is-ca',
  'signer-is-proxy',
  'purpose-refused',
  // revocation
  'certificate-revoked',
  'crl-expired',
  'crl-missing',
  'crl-invalid',
  // signing policy
  'signing-policy-refused',
  'signing-policy-missing',
  'signing-policy-malformed',
  // names, identities, trust directories
  'name-malformed',
  'identity-unreadable',
  'identity-malformed',
  'key-mismatch',
  'key-world-readable',
  'key-unsupported',
  'trust-unreadable',
  'trust-empty',
  'trust-unstable',
] as const;
export type EmpaErrorCode = (typeof EMPA_ERROR_CODES)[number];

/** What is known of a message that was refused after its signature had been found good. */
export interface PartialMessage {
  readonly signer?: DistinguishedName;
  /** The decoded body. Set only when the signature over it verified. */
  readonly body?: Uint8Array;
  /** As in ReadMessage; set where the body is. */
  readonly signed?: string;
}

export interface EmpaErrorOptions {
  readonly cause?: unknown;
  readonly step?: OpenStep;
  readonly partial?: PartialMessage;
}

export class EmpaError extends Error {
  override readonly name = 'EmpaError';
  readonly code: EmpaErrorCode;
  readonly step: OpenStep | undefined;
  readonly partial: PartialMessage;

  constructor(code: EmpaErrorCode, message: string, options: EmpaErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.step = options.step;
    this.partial = options.partial ?? {};
  }
}
