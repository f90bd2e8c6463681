/** What every certificate of a chain must be (RFC 5280 section 6.1). Signatures and names have been checked when the chain was found. */
import type { EmpaError } from '../errors.js';
import { type Certificate, isSelfIssued } from './certificate.js';
import { type Chain, chainError, keyError } from './chain.js';
import { DistinguishedName } from './name.js';
import { satisfies } from './name-constraints.js';
import { namesMatch } from './name-matching.js';
import { isAcceptable } from './signature.js';

const EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4';
const ANY_PURPOSE = '2.5.29.37.0';
const LEGACY_PROXY = new Set(['proxy', 'limited proxy']);

function proxyError(certificate: Certificate): EmpaError {
  return chainError('signer-is-proxy', `${certificate.toString()} is a proxy certificate`);
}

/** Whether the subject is the issuer's name and one CN more. */
function extendsIssuerName(certificate: Certificate): boolean {
  const { subject, issuer } = certificate;
  const [last, ...others] = subject.rdns.at(-1) ?? [];
  return last?.type === 'CN' && others.length === 0 && namesMatch(new DistinguishedName(subject.rdns.slice(0, -1)), issuer);
}

/** Of the end of the chain alone, before any chain is looked for: signers must be end entities. */
export function checkSigner(certificate: Certificate): void {
  const name = certificate.subject.rdns.at(-1)?.[0]?.value ?? '';
  if (certificate.extensions.isProxy) throw proxyError(certificate);
  if (LEGACY_PROXY.has(name) && extendsIssuerName(certificate)) throw proxyError(certificate);
  if (certificate.isCa) throw chainError('signer-is-ca', `${certificate.toString()} is the certificate of a CA`);
}

function checkValidity(certificate: Certificate, now: Date): void {
  const { notBefore, notAfter } = certificate;
  if (now < notBefore) {
    throw chainError('certificate-not-yet-valid', `${certificate.toString()} is not valid before ${notBefore.toISOString()}`);
  }
  if (now > notAfter) throw chainError('certificate-expired', `${certificate.toString()} expired at ${notAfter.toISOString()}`);
}

function checkAlgorithms(certificate: Certificate, isAnchor: boolean): void {
  const { signatureAlgorithm } = certificate;
  const refused = (why: string): EmpaError => chainError('signature-algorithm-refused', `${certificate.toString()}: ${why}`);
  if (!certificate.algorithmsAgree) throw refused('it names two signature algorithms');
  // The signature of a root over itself proves nothing, so that its hash does not matter.
  if (!isAnchor && !isAcceptable(signatureAlgorithm)) throw refused(`signed with ${signatureAlgorithm.oid}`);
}

/** Of every certificate, whatever its place. */
function checkCertificate(certificate: Certificate, now: Date, isAnchor: boolean): void {
  checkAlgorithms(certificate, isAnchor);
  const fault = keyError(certificate);
  if (fault !== undefined) throw fault;
  const [unknown] = certificate.extensions.unknownCritical;
  if (unknown !== undefined) {
    throw chainError('critical-extension-unknown', `${certificate.toString()}: critical extension ${unknown} is not understood`);
  }
  checkValidity(certificate, now);
}

/** Of an issuer: it must be a CA. Old roots may say so in other ways than by basicConstraints. */
function checkIssuer(issuer: Certificate, issued: Certificate, isAnchor: boolean): void {
  const { basicConstraints, keyUsage } = issuer.extensions;
  if (isAnchor ? !issuer.isCa : basicConstraints?.ca !== true) {
    if (extendsIssuerName(issued)) throw proxyError(issued);
    throw chainError('chain-constraint', `${issuer.toString()} is not the certificate of a CA`);
  }
  if (keyUsage !== undefined && !keyUsage.has('keyCertSign')) {
    throw chainError('chain-constraint', `${issuer.toString()}: its key must not sign certificates`);
  }
}

/** pathLenConstraint: self-issued certificates, and the end of the chain, do not count. */
function checkPathLength(chain: Chain, position: number): void {
  const issuer = chain[position];
  const allowed = issuer?.extensions.basicConstraints?.pathLength;
  const between = chain.slice(1, position).filter((certificate) => !isSelfIssued(certificate));
  if (allowed !== undefined && between.length > allowed) {
    throw chainError('chain-constraint', `${issuer?.toString()} allows ${allowed} CAs below it, there are ${between.length}`);
  }
}

/** Name constraints of one CA, on all that is below it except self-issued CA certificates. */
function checkNames(chain: Chain, position: number): void {
  const issuer = chain[position];
  const constraints = issuer?.extensions.nameConstraints;
  if (constraints === undefined) return;
  for (const [index, certificate] of chain.slice(0, position).entries()) {
    if (index > 0 && isSelfIssued(certificate)) continue;
    if (!satisfies(certificate, constraints, index === 0)) {
      throw chainError('chain-constraint', `${certificate.toString()}: a name that ${issuer?.toString()} must not issue`);
    }
  }
}

/** S/MIME purpose (RFC 8551 section 4.4), where the certificates speak of purposes at all. */
function checkPurpose(chain: Chain): void {
  const [signer] = chain;
  const usage = signer?.extensions.keyUsage;
  if (usage !== undefined && !usage.has('digitalSignature') && !usage.has('nonRepudiation')) {
    throw chainError('purpose-refused', `${signer?.toString()}: its key must not sign messages`);
  }
  for (const certificate of chain.slice(0, -1)) {
    const purposes = certificate.extensions.extendedKeyUsage;
    if (purposes !== undefined && !purposes.includes(EMAIL_PROTECTION) && !purposes.includes(ANY_PURPOSE)) {
      throw chainError('purpose-refused', `${certificate.toString()} is not for protecting e-mail`);
    }
  }
}

/** Throws EmpaError of step chain with what is wrong with the chain at `now`. */
export function checkChain(chain: Chain, now: Date, requireEmailProtection: boolean): void {
  const anchor = chain.length - 1;
  for (const [position, certificate] of chain.entries()) {
    const issued = chain[position - 1];
    checkCertificate(certificate, now, position === anchor);
    if (issued !== undefined) checkIssuer(certificate, issued, position === anchor);
    checkPathLength(chain, position);
    checkNames(chain, position);
  }
  if (requireEmailProtection) checkPurpose(chain);
}
