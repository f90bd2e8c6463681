import { createHash } from 'node:crypto';
import { OID } from './cms/algorithms.js';
import { decryptEnvelopedData, readEnvelopedData } from './cms/enveloped-data.js';
import { identifies } from './cms/identifier.js';
import {
  certificateThatSigned,
  digestedContent,
  readSignedData,
  readSignerInfo,
  type SignedData,
  type SignerInfo,
} from './cms/signed-data.js';
import { type ContentInfo, readContentInfo } from './cms/structure.js';
import { EmpaError, type OpenStep, type PartialMessage } from './errors.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { decodeBody, readSignedPart, readSmime, type SmimeEntity, toCrlf } from './mime.js';
import { type Identity, knownCertificates, type TrustStore, type VerifyPolicy, verifyCertificate } from './trust-store.js';
import type { Certificate } from './x509/certificate.js';
import type { KnownCertificates } from './x509/known-certificates.js';
import type { DistinguishedName } from './x509/name.js';

/** What is needed to read a message: everything but whom to trust. */
export interface ReadOptions {
  /** Decryption identities, tried by RecipientInfo; old and new key during a renewal. */
  readonly identities: readonly Identity[];
  readonly limits?: Partial<Limits>;
  /** Read 3DES content. Default false. */
  readonly allowTripleDes?: boolean;
  /** Told of every step that the message passes, in order; the one that it fails is in the error. */
  readonly onStep?: (passed: PassedStep) => void;
}

/** What is needed to judge a message that was read. */
export interface JudgeOptions {
  readonly trust: TrustStore;
  readonly now: Date;
  readonly policy?: VerifyPolicy;
  /** Refuse a signingTime older than this many milliseconds, more than five minutes ahead, or a message without one. Default: no limit. */
  readonly maximumAgeMs?: number;
  readonly limits?: Partial<Limits>;
  readonly onStep?: (passed: PassedStep) => void;
}

export interface OpenOptions extends ReadOptions, JudgeOptions {}

/** `contents`: the signed part was decoded, which a failure calls `parse`. Nothing but the signature vouches for the facts. */
export interface PassedStep {
  readonly step: OpenStep | 'contents';
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

export interface OpenedMessage {
  readonly body: Uint8Array;
  readonly signer: DistinguishedName;
  readonly certificate: Certificate;
  /** Content-ID of the signed part, without its angle brackets. */
  readonly deliveryId?: string;
  readonly signingTime?: Date;
  readonly encrypted: boolean;
}

/** A message with a good signature, of somebody who may be anybody. */
export interface ReadMessage extends Omit<OpenedMessage, 'signer'> {
  /** All certificates of the message that can be read, the signer's among them. */
  readonly bag: readonly Certificate[];
  /**
   * SHA-256 of what is signed: the signed attributes, and the signer's certificate without its signature. The same for all copies of a
   * message, whatever somebody has made of the rest, which anybody can change.
   */
  readonly signed: string;
}

/**
 * Raw message in (S/MIME, RFC 8551), verified body out; or an EmpaError that names code and step: those of {@link readMessage}, then those
 * of {@link judgeMessage}. After the signature was found good the error carries what is known of the message.
 */
export async function openMessage(raw: Uint8Array, options: OpenOptions): Promise<OpenedMessage> {
  return judgeMessage(readMessage(raw, options, knownCertificates(options.trust)), options);
}

/**
 * The first half of openMessage(): decrypts, and checks the signature. `known`: certificates that need not be read again. Throws EmpaError
 * with the step
 * - parse (RFC 8551 section 3): not-signed, message-malformed, message-too-large; also for what was signed, after the signature;
 * - decrypt (RFC 5652 section 6, RFC 5083): no-matching-recipient, decryption-failed; those of parse for what was encrypted;
 * - signer (RFC 5652 section 5.3): signer-count, signer-certificate-missing, signed-attributes-missing, digest-refused;
 * - signature (RFC 5652 sections 5.4 and 5.6): content-type-mismatch, digest-mismatch, signature-invalid, key-unsupported;
 * - any of these: der-malformed, algorithm-unsupported, limit-exceeded.
 */
export function readMessage(raw: Uint8Array, options: ReadOptions, known: KnownCertificates): ReadMessage {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const passed = passedOf(options);
  const isKnown = (certificate: Buffer): boolean => known.has(certificate);
  const received = atStep('parse', () => receive(raw, limits, isKnown));
  passed('parse', { bytes: raw.length, encrypted: received.kind === 'enveloped' });
  const { signed, encrypted } = atStep('decrypt', () => decrypt(received, options, limits, isKnown));
  passed('decrypt', { encrypted });
  const signer = atStep('signer', () => findSigner(signed.data, known));
  passed('signer', { certificates: signer.bag.length });
  const { certificate, content } = atStep('signature', () => verifySignature(signed, signer));
  const { signingTime } = signer.info.attributes;
  const partial = { signer: certificate.subject };
  passed('signature', {
    signer: partial.signer.toString(),
    serial: certificate.serialNumber,
    signed: signingTime?.toISOString() ?? 'no time given',
  });
  const { body, deliveryId } = atStep('parse', () => readContent(content, limits), partial);
  passed('contents', { bytes: body.length, deliveryId: deliveryId ?? 'none' });
  return {
    body,
    certificate,
    bag: signer.bag,
    ...(deliveryId === undefined ? {} : { deliveryId }),
    ...(signingTime === undefined ? {} : { signingTime }),
    encrypted,
    signed: createHash('sha256').update(signer.info.attributes.signed).update(certificate.signed).digest('hex'),
  };
}

/**
 * The second half: age, chain, revocation and signing policy. Throws EmpaError, which carries signer and body, with the step
 * - signature: signing-time-too-old;
 * - chain, revocation, signing-policy: as {@link verifyCertificate}.
 */
export function judgeMessage({ bag, signed, ...message }: ReadMessage, options: JudgeOptions): OpenedMessage {
  const { body, certificate, signingTime } = message;
  const passed = passedOf(options);
  const partial = { signer: certificate.subject, body, signed };
  atStep('signature', () => checkAge(signingTime, options), partial);
  atStep('chain', () => verifyCertificate(certificate, bag, options.trust, options), partial);
  for (const step of ['chain', 'revocation', 'signing-policy'] as const) passed(step);
  return { ...message, signer: certificate.subject };
}

function passedOf({ onStep }: Pick<OpenOptions, 'onStep'>): (step: PassedStep['step'], facts?: PassedStep['facts']) => void {
  return (step, facts = {}) => onStep?.({ step, facts });
}

/** Gives an error of `action` the step (unless it has one) and what is known of the message. */
function atStep<T>(step: OpenStep, action: () => T, partial: PartialMessage = {}): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    throw new EmpaError(error.code, error.message, { step: error.step ?? step, partial, cause: error.cause ?? error });
  }
}

/** A message that is signed, with the octets that its signer may have digested. */
interface Signed {
  readonly data: SignedData;
  readonly contents: () => Iterable<Buffer>;
}

type Received = { readonly kind: 'signed'; readonly signed: Signed } | { readonly kind: 'enveloped'; readonly info: ContentInfo };

type IsKnown = (certificate: Buffer) => boolean;

function receive(raw: Uint8Array, limits: Limits, isKnown: IsKnown): Received {
  if (raw.length > limits.messageBytes) throw new EmpaError('message-too-large', `The message is longer than ${limits.messageBytes} bytes`);
  const entity = readSmime(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), limits);
  const info = readContentInfo(entity.cms, limits, isKnown);
  const enveloped = entity.kind === 'pkcs7-mime' && (info.contentType === OID.envelopedData || info.contentType === OID.authEnvelopedData);
  return enveloped ? { kind: 'enveloped', info } : { kind: 'signed', signed: readSigned(entity, info, limits) };
}

function readSigned(entity: SmimeEntity, info: ContentInfo, limits: Limits): Signed {
  if (info.contentType !== OID.signedData) throw new EmpaError('not-signed', `The message holds ${info.contentType}, and no signature`);
  const data = readSignedData(info.content, limits);
  const detached = data.content === undefined;
  if (detached !== (entity.kind === 'multipart-signed')) {
    throw new EmpaError('message-malformed', detached ? 'A signature without what it signs' : 'A signature with contents of its own');
  }
  const { content } = data;
  return { data, contents: content === undefined ? () => forms(entity) : () => [content] };
}

/** The canonical form, which is signed by rule, and the part as it came, which is signed by who signs in binary. */
function* forms(entity: SmimeEntity): Generator<Buffer> {
  if (entity.kind !== 'multipart-signed') return;
  const canonical = toCrlf(entity.signedPart);
  yield canonical;
  if (canonical !== entity.signedPart) yield entity.signedPart;
}

function decrypt(
  received: Received,
  options: ReadOptions,
  limits: Limits,
  isKnown: IsKnown,
): { readonly signed: Signed; readonly encrypted: boolean } {
  if (received.kind === 'signed') return { signed: received.signed, encrypted: false };
  const { plaintext, good } = decryptEnvelopedData(readEnvelopedData(received.info), options.identities, options.allowTripleDes ?? false);
  // Looked into whether it is good or not: no failure up to here differs from another in code, text or work (RFC 3218).
  const entity = findEntity(plaintext, limits);
  if (!good || entity === undefined)
    throw new EmpaError('decryption-failed', 'The message cannot be decrypted, or holds no signed message');
  return { signed: readSigned(entity, readContentInfo(entity.cms, limits, isKnown), limits), encrypted: true };
}

function findEntity(plaintext: Buffer, limits: Limits): SmimeEntity | undefined {
  try {
    return readSmime(plaintext, limits, 'nothing-after');
  } catch {
    return undefined;
  }
}

interface Signer {
  readonly info: SignerInfo;
  /** Certificates with the id that the signer gives; at least one. */
  readonly candidates: readonly Certificate[];
  /** All certificates of the message that can be read. */
  readonly bag: readonly Certificate[];
}

function findSigner(data: SignedData, known: KnownCertificates): Signer {
  const [node, ...others] = data.signerInfos;
  if (node === undefined || others.length > 0) {
    throw new EmpaError('signer-count', `The message has ${data.signerInfos.length} signatures in place of one`);
  }
  const info = readSignerInfo(node);
  // One that cannot be read is as good as none: what else is in the bag changes nothing.
  const faults: EmpaError[] = [];
  const bag = data.certificates.flatMap((der) => readable(der, known, faults));
  const candidates = bag.filter((certificate) => identifies(info.identifier, certificate));
  if (candidates.length === 0) {
    const [fault] = faults;
    const orElse = fault === undefined ? '' : `, or it is ${fault.message}`;
    throw new EmpaError('signer-certificate-missing', `The message does not hold its signer's certificate${orElse}`);
  }
  return { info, candidates, bag };
}

function readable(der: Buffer, known: KnownCertificates, faults: EmpaError[]): Certificate[] {
  try {
    return [known.read(der)];
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    faults.push(error);
    return [];
  }
}

function verifySignature(signed: Signed, signer: Signer): { readonly certificate: Certificate; readonly content: Buffer } {
  const content = digestedContent(signer.info, signed.data.contentType, signed.contents());
  return { certificate: certificateThatSigned(signer.info, signer.candidates), content };
}

/** What is decoded is exactly what was digested. */
function readContent(content: Buffer, limits: Limits): { readonly body: Buffer; readonly deliveryId: string | undefined } {
  const part = readSignedPart(content, limits);
  return { body: decodeBody(part, limits), deliveryId: part.deliveryId };
}

/** By how much the signer's clock may be ahead of ours, milliseconds. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;

function checkAge(signingTime: Date | undefined, { now, maximumAgeMs }: JudgeOptions): void {
  if (maximumAgeMs === undefined) return;
  const age = signingTime === undefined ? Number.NaN : now.getTime() - signingTime.getTime();
  // A time to come would be a way round the limit.
  const within = age <= maximumAgeMs && age >= -MAX_CLOCK_DIFFERENCE_MS;
  if (!within) throw new EmpaError('signing-time-too-old', `Signed ${signingTime?.toISOString() ?? 'at a time that is not said'}`);
}
