import type { KeyObject } from 'node:crypto';
import type { Certificate } from './x509/certificate.js';

export interface IdentityPaths {
  /** PEM: the certificate first, its intermediates (if any) after it. */
  readonly certificate: string;
  /** PEM, PKCS#8 or traditional, not encrypted. */
  readonly key: string;
}

export interface IdentityWarning {
  readonly code: 'key-group-readable' | 'certificate-expires-soon';
  readonly message: string;
}

/** A certificate, its intermediates and its private key. */
export interface Identity {
  readonly certificate: Certificate;
  readonly intermediates: readonly Certificate[];
  readonly privateKey: KeyObject;
  readonly warnings: readonly IdentityWarning[];
}

/**
 * Reads a certificate and its key and checks that they belong together.
 * Errors: identity-unreadable, identity-malformed, key-mismatch, key-world-readable, key-unsupported, key-too-weak,
 * certificate-expired, certificate-not-yet-valid.
 */
export function loadIdentity(_paths: IdentityPaths, _options: { readonly now: Date }): Promise<Identity> {
  throw new Error('not built');
}

export interface TrustProblem {
  readonly file: string;
  readonly message: string;
}

/** An immutable snapshot of a trust directory. */
export interface TrustStore {
  readonly directory: string;
  readonly loadedAt: Date;
  readonly anchors: readonly Certificate[];
  /** Issuer (slash form) and nextUpdate of every CRL that was read. */
  readonly crls: readonly { readonly issuer: string; readonly nextUpdate: Date | undefined }[];
  /** Files that were left out, and why; never a reason to refuse the whole. */
  readonly problems: readonly TrustProblem[];
}

export interface TrustStoreOptions {
  readonly now: Date;
  /** Refuse (`trust-unstable`) when a file changed less than so many milliseconds ago. Default 2000; 0 switches it off. */
  readonly stabilityMs?: number;
  readonly signal?: AbortSignal;
}

/** Errors: trust-unreadable, trust-empty, trust-unstable. */
export function loadTrustStore(_directory: string, _options: TrustStoreOptions): Promise<TrustStore> {
  throw new Error('not built');
}

/** How strictly a certificate is judged. */
export interface VerifyPolicy {
  /** Default `if-present`. */
  readonly crl?: 'off' | 'if-present' | 'require';
  /** Default `if-present`. */
  readonly signingPolicy?: 'ignore' | 'if-present' | 'require';
  /** Ask for digitalSignature and emailProtection where keyUsage and EKU are present. Default false. */
  readonly requireEmailProtection?: boolean;
}

/**
 * Verifies chain, revocation and signing policy of one certificate against the snapshot. Resolves or returns when all is well;
 * throws EmpaError with step chain, revocation or signing-policy.
 */
export function verifyCertificate(
  _certificate: Certificate,
  _intermediates: readonly Certificate[],
  _trust: TrustStore,
  _options: { readonly now: Date; readonly policy?: VerifyPolicy },
): void {
  throw new Error('not built');
}
