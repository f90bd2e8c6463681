/**
 * The signed attribute signingCertificateV2 (RFC 5035): the certificate that the signer meant. Without it nothing that is signed says so,
 * and the certificate of a message can be exchanged for any other of the same key.
 */
import { createHash } from 'node:crypto';
import { type DerNode, isUniversal, octetString, oid, sequence, setOf, TAG } from '../der.js';
import type { Certificate } from '../x509/certificate.js';
import { digestNamed, type HashName, OID } from './algorithms.js';
import { type CertificateIdentifier, identifies, readIssuerSerial } from './identifier.js';
import { Fields, readAlgorithm, readOctets } from './structure.js';

/** ESSCertIDv2 (section 4). */
export interface SigningCertificate {
  readonly hash: HashName;
  /** Of the whole certificate. */
  readonly digest: Buffer;
  readonly identifier: CertificateIdentifier | undefined;
}

/** Where no algorithm is named. */
const DEFAULT_HASH = 'sha256';

/** The last one of each certificate: most messages come from few signers. */
const digests = new WeakMap<Certificate, Pick<SigningCertificate, 'hash' | 'digest'>>();

function digestOf(certificate: Certificate, hash: HashName): Buffer {
  const known = digests.get(certificate);
  if (known?.hash === hash) return known.digest;
  const digest = createHash(hash).update(certificate.raw).digest();
  digests.set(certificate, { hash, digest });
  return digest;
}

/** The whole attribute. Without issuerSerial, which is in the SignerInfo and in what is digested: section 4 lets it be left out then. */
export function writeSigningCertificate(certificate: Certificate): Buffer {
  const certificates = sequence(sequence(octetString(digestOf(certificate, DEFAULT_HASH))));
  return sequence(oid(OID.signingCertificateV2), setOf(sequence(certificates)));
}

/**
 * Reads the value of the attribute. Of its certificates the first is the signer's; the others and the policies are about its chain, which
 * is built from what is trusted here. Throws der-malformed, digest-refused, name-malformed, limit-exceeded.
 */
export function readSigningCertificate(node: DerNode): SigningCertificate {
  const fields = new Fields(node, 'SigningCertificateV2');
  const certificates = new Fields(fields.take(), 'SigningCertificateV2.certs');
  fields.takeOptional();
  fields.end();
  const id = new Fields(certificates.take(), 'ESSCertIDv2');
  const first = id.take();
  const named = isUniversal(first, TAG.sequence);
  const hash = named ? digestNamed(readAlgorithm(first).oid) : DEFAULT_HASH;
  const digest = readOctets(named ? id.take() : first, 'certHash');
  const issuerSerial = id.takeOptional();
  id.end();
  return { hash, digest, identifier: issuerSerial && readIssuerSerial(issuerSerial) };
}

/** Whether it is this one that the signer meant. */
export function isMeant({ hash, digest, identifier }: SigningCertificate, certificate: Certificate): boolean {
  if (!digestOf(certificate, hash).equals(digest)) return false;
  return identifier === undefined || identifies(identifier, certificate);
}
