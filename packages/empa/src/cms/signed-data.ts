/** SignedData (RFC 5652 section 5) of messages with one signer. */
import { createHash, type Hash, sign } from 'node:crypto';
import { promisify } from 'node:util';
import {
  context,
  type DerNode,
  integer,
  isUniversal,
  octetStringInParts,
  oid,
  oidOf,
  sequence,
  sequenceInParts,
  setOf,
  setOfOneInParts,
  smallIntegerOf,
  TAG,
} from '../der.js';
import { EmpaError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Identity } from '../trust-store.js';
import type { Certificate } from '../x509/certificate.js';
import { isAcceptable, isSignedBy, readSignatureAlgorithm, type SignatureAlgorithm } from '../x509/signature.js';
import { digestNamed, type HashName, OID, unsupported } from './algorithms.js';
import { type CertificateIdentifier, issuerAndSerial, readIdentifier } from './identifier.js';
import { readSignedAttributes, type SignedAttributes, writeSignedAttributes } from './signed-attributes.js';
import { isMeant, writeSigningCertificate } from './signing-certificate.js';
import { Fields, onlyChild, readAlgorithm, readOctets, writeAlgorithm, writeContentInfo } from './structure.js';

export interface SignedData {
  readonly contentType: string;
  /** Absent in a detached signature. */
  readonly content: Buffer | undefined;
  /** Each as it came, not yet read. */
  readonly certificates: readonly Buffer[];
  readonly signerInfos: readonly DerNode[];
}

/** Throws der-malformed, limit-exceeded. */
export function readSignedData(node: DerNode, limits: Pick<Limits, 'certificates' | 'certificateBytes'>): SignedData {
  const fields = new Fields(node, 'SignedData');
  smallIntegerOf(fields.take());
  // digestAlgorithms: a hint for readers in one pass. Each SignerInfo names its own.
  fields.takeSet();
  const encapsulated = new Fields(fields.take(), 'EncapsulatedContentInfo');
  const contentType = oidOf(encapsulated.take());
  const content = encapsulated.takeContext(0);
  encapsulated.end();
  const certificates = fields.takeContext(0)?.children ?? [];
  if (certificates.length > limits.certificates) {
    throw new EmpaError('limit-exceeded', `CMS: more than ${limits.certificates} certificates`);
  }
  if (certificates.some(({ content: { length } }) => length > limits.certificateBytes)) {
    throw new EmpaError('limit-exceeded', `CMS: a certificate of more than ${limits.certificateBytes} bytes`);
  }
  fields.takeContext(1);
  const signerInfos = fields.takeSet();
  fields.end();
  return {
    contentType,
    content: content && readOctets(onlyChild(content), 'content'),
    // Other kinds than X.509 are context-tagged, and are left out.
    certificates: certificates.filter((certificate) => isUniversal(certificate, TAG.sequence)).map((certificate) => certificate.raw),
    signerInfos,
  };
}

export interface SignerInfo {
  readonly identifier: CertificateIdentifier;
  readonly hash: HashName;
  readonly attributes: SignedAttributes;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Buffer;
}

/** RFC 5652 section 5.3. Throws der-malformed, name-malformed, limit-exceeded, signed-attributes-missing, digest-refused, algorithm-unsupported. */
export function readSignerInfo(node: DerNode): SignerInfo {
  const fields = new Fields(node, 'SignerInfo');
  smallIntegerOf(fields.take());
  const identifier = readIdentifier(fields.take());
  const digest = readAlgorithm(fields.take());
  const attributes = fields.takeContext(0);
  // Without them the signature is over the content itself, and content that looks like attributes would do for a signature with them.
  if (attributes === undefined) throw new EmpaError('signed-attributes-missing', 'The signature is without signed attributes');
  const algorithm = fields.take();
  const signature = readOctets(fields.take(), 'signature');
  fields.takeContext(1);
  fields.end();
  const hash = digestNamed(digest.oid);
  return {
    identifier,
    hash,
    attributes: readSignedAttributes(attributes),
    signatureAlgorithm: signatureAlgorithmOf(algorithm, hash),
    signature,
  };
}

function signatureAlgorithmOf(node: DerNode, hash: HashName): SignatureAlgorithm {
  const { oid: named } = readAlgorithm(node);
  // RFC 3370 section 3.2: the algorithm of the key alone; the hash is the digest's.
  if (named === OID.rsaEncryption) return { oid: named, hash, keyTypes: ['rsa'] };
  const algorithm = readSignatureAlgorithm(node);
  if (algorithm.weak) throw new EmpaError('digest-refused', `Signature algorithm ${named} is refused for its digest`);
  // One hash for both (RFC 5754 section 3, RFC 4056 section 3).
  if (!isAcceptable(algorithm) || algorithm.hash !== hash) throw unsupported(`signature algorithm with digest ${hash}`, named);
  return algorithm;
}

/**
 * Which of the candidates' contents is the one that the signer digested: `contents` gives them one after the other, as making one may cost
 * a copy. Throws content-type-mismatch, digest-mismatch.
 */
export function digestedContent(signer: SignerInfo, contentType: string, contents: Iterable<Buffer>): Buffer {
  if (contentType !== OID.data || signer.attributes.contentType !== contentType) {
    throw new EmpaError('content-type-mismatch', 'The type of the content is not the one that was signed');
  }
  for (const content of contents) {
    const digest = createHash(signer.hash).update(content).digest();
    if (digest.equals(signer.attributes.messageDigest)) return content;
  }
  throw new EmpaError('digest-mismatch', 'The content is not the one that was signed');
}

/** Certificates with the signer's id. Honest messages have one; a verification with the largest keys takes 10 ms. */
const MAX_CANDIDATES = 4;

/**
 * The certificate whose key made the signature, and which it was made for where the signer says so. Throws signature-invalid;
 * limit-exceeded; key-unsupported when that may be because a key cannot be read.
 */
export function certificateThatSigned(signer: SignerInfo, candidates: readonly Certificate[]): Certificate {
  if (candidates.length > MAX_CANDIDATES) {
    throw new EmpaError('limit-exceeded', `CMS: more than ${MAX_CANDIDATES} certificates with the id of the signer`);
  }
  const { signatureAlgorithm, signature } = signer;
  const signed = { signed: signer.attributes.signed, signatureAlgorithm, signature };
  let fault: EmpaError | undefined;
  for (const candidate of meantBy(signer, candidates)) {
    try {
      if (isSignedBy(signed, candidate.publicKey)) return candidate;
    } catch (error) {
      if (!(error instanceof EmpaError)) throw error;
      fault = error;
    }
  }
  throw fault ?? new EmpaError('signature-invalid', 'The signature does not verify');
}

/** All of them where the signer does not say which he means. Throws signature-invalid where he means none of them. */
function meantBy({ attributes: { signingCertificate } }: SignerInfo, candidates: readonly Certificate[]): readonly Certificate[] {
  if (signingCertificate === undefined) return candidates;
  const meant = candidates.filter((candidate) => isMeant(signingCertificate, candidate));
  if (meant.length === 0) throw new EmpaError('signature-invalid', 'The signature was made for another certificate');
  return meant;
}

const signInThread = promisify(sign);

const VERSION = integer(1);
const DIGEST_ALGORITHM = writeAlgorithm(OID.sha256);
const DIGEST_ALGORITHMS = setOf(DIGEST_ALGORITHM);
const DETACHED = sequence(oid(OID.data));
const RSA = writeAlgorithm(OID.rsaEncryption, 'null');
const ECDSA = writeAlgorithm(OID.ecdsaWithSha256);

/** The digest of what writeSignedData() signs. */
export function contentDigest(): Hash {
  return createHash('sha256');
}

/** ContentInfo with a detached signature over the content of that digest, as PKCS#7 version 1.5 has it. Throws key-unsupported. */
export async function writeSignedData(digest: Hash, signer: Identity, now: Date): Promise<Buffer> {
  const { content, signerInfo, signatureAlgorithm, signingCertificate } = partsOf(signer);
  const attributes = writeSignedAttributes({ messageDigest: digest.digest(), signingTime: now, signingCertificate });
  const signature = await signInThread('sha256', attributes.signed, signer.privateKey);
  const signed = sequenceInParts(signerInfo, attributes.sent, signatureAlgorithm, ...octetStringInParts(signature));
  const signedData = sequenceInParts(content, ...setOfOneInParts(signed));
  return Buffer.concat(writeContentInfo(OID.signedData, signedData));
}

/** What is the same in every message of a signer. */
interface SignerParts {
  /** What SignedData begins with: all before the signerInfos. */
  readonly content: Buffer;
  /** What a SignerInfo begins with: all before the signed attributes. */
  readonly signerInfo: Buffer;
  readonly signatureAlgorithm: Buffer;
  readonly signingCertificate: Buffer;
}

const signers = new WeakMap<Identity, SignerParts>();

function partsOf(signer: Identity): SignerParts {
  const known = signers.get(signer);
  if (known !== undefined) return known;
  const certificates = [signer.certificate, ...signer.intermediates].map((certificate) => certificate.raw);
  const parts = {
    content: Buffer.concat([VERSION, DIGEST_ALGORITHMS, DETACHED, context(0, certificates)]),
    signerInfo: Buffer.concat([VERSION, issuerAndSerial(signer.certificate), DIGEST_ALGORITHM]),
    signatureAlgorithm: writtenSignatureAlgorithm(signer),
    signingCertificate: writeSigningCertificate(signer.certificate),
  };
  signers.set(signer, parts);
  return parts;
}

function writtenSignatureAlgorithm({ privateKey }: Identity): Buffer {
  if (privateKey.asymmetricKeyType === 'rsa') return RSA;
  if (privateKey.asymmetricKeyType === 'ec') return ECDSA;
  throw new EmpaError('key-unsupported', `A key of type ${privateKey.asymmetricKeyType ?? 'unknown'} cannot sign: RSA or EC only`);
}
