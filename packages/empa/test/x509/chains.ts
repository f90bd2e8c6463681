/** Certificates and trust directories in memory, for tests of what is judged by them. */
import assert from 'node:assert/strict';
import { type CertificateOptions, cachedKey, createCertificate, type IssuedCertificate, type IssuedCrl, nameHash } from '@ssm/test-support';
import type { EmpaErrorCode, OpenStep } from '../../src/errors.js';
import type { Limits } from '../../src/limits.js';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.js';
import { TrustBuilder, type TrustMaterial } from '../../src/x509/trust.js';
import { type VerifyOptions, type VerifyPolicy, verifyWith } from '../../src/x509/verify.js';

export const NOW = new Date('2030-06-01T12:00:00Z');
export const day = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);

const keys = { root: cachedKey('p256', 1), sub: cachedKey('p256', 2), leaf: cachedKey('p256', 3), other: cachedKey('p256', 4) };

/** A certificate that is valid at NOW, on a key that the tests share. */
export function make(role: keyof typeof keys, options: CertificateOptions): IssuedCertificate {
  return createCertificate({ key: keys[role], notBefore: day(-100), notAfter: day(100), ...options });
}

export const rootOf = (options: Partial<CertificateOptions> = {}): IssuedCertificate =>
  make('root', { subject: '/C=UK/O=eScience/CN=Root', ca: true, ...options });
export const subOf = (issuer: IssuedCertificate, options: Partial<CertificateOptions> = {}): IssuedCertificate =>
  make('sub', { subject: '/C=UK/O=eScience/CN=Sub', ca: true, issuer, ...options });
export const leafOf = (issuer: IssuedCertificate, options: Partial<CertificateOptions> = {}): IssuedCertificate =>
  make('leaf', { subject: '/C=UK/O=eScience/OU=RAL/CN=host.example.org', issuer, ...options });

export interface TrustFiles {
  readonly cas?: readonly IssuedCertificate[];
  readonly crls?: readonly (IssuedCrl | { readonly der: Buffer; readonly issuer: IssuedCertificate })[];
  /** Text by CA. */
  readonly policies?: readonly (readonly [ca: IssuedCertificate, text: string])[];
  /** Anything else: name and content. */
  readonly files?: readonly (readonly [name: string, content: string | Buffer])[];
}

export const hashOf = (ca: IssuedCertificate): string => nameHash(ca.subject);

export function trustOf({ cas = [], crls = [], policies = [], files = [] }: TrustFiles): TrustMaterial {
  const builder = new TrustBuilder();
  for (const [index, ca] of cas.entries())
    builder.add({ name: `${hashOf(ca)}.${index}`, bytes: Buffer.from(ca.certificatePem) }, 'certificates');
  for (const [index, crl] of crls.entries()) builder.add({ name: `${hashOf(crl.issuer)}.r${index}`, bytes: crl.der }, 'crl');
  for (const [ca, text] of policies) builder.add({ name: `${hashOf(ca)}.signing_policy`, bytes: Buffer.from(text) }, 'signing-policy');
  for (const [name, content] of files) {
    const kind = name.endsWith('signing_policy') ? 'signing-policy' : /\.(?:r\d+|crl)$/u.test(name) ? 'crl' : 'certificates';
    builder.add({ name, bytes: Buffer.from(content) }, kind);
  }
  return builder.finish();
}

export const parsed = (issued: IssuedCertificate): Certificate => parseCertificate(issued.der);

export interface Case {
  readonly intermediates?: readonly IssuedCertificate[];
  readonly now?: Date;
  readonly policy?: VerifyPolicy;
  readonly limits?: Partial<Limits>;
}

function verify(certificate: IssuedCertificate, trust: TrustMaterial, { intermediates = [], now = NOW, ...rest }: Case): void {
  const options: VerifyOptions = { now, ...rest };
  verifyWith(parsed(certificate), intermediates.map(parsed), trust, options);
}

export function accepted(certificate: IssuedCertificate, trust: TrustMaterial, options: Case = {}): void {
  assert.doesNotThrow(() => verify(certificate, trust, options));
}

const STEPS: readonly (readonly [prefix: RegExp, step: OpenStep])[] = [
  [/^(?:crl-|certificate-revoked)/u, 'revocation'],
  [/^signing-policy/u, 'signing-policy'],
  [/^/u, 'chain'],
];

export function refused(code: EmpaErrorCode, certificate: IssuedCertificate, trust: TrustMaterial, options: Case = {}): void {
  const step = STEPS.find(([prefix]) => prefix.test(code))?.[1];
  assert.throws(() => verify(certificate, trust, options), { name: 'EmpaError', code, step });
}
