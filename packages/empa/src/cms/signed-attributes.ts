/** Signed attributes (RFC 5652 section 11): what a SignerInfo signs in place of the content. */
import { type DerNode, derOf, octetString, oid, oidOf, sequence, setInOrder, setOf, time, timeOf } from '../der.js';
import { EmpaError } from '../errors.js';
import { OID } from './algorithms.js';
import { readSigningCertificate, type SigningCertificate } from './signing-certificate.js';
import { Fields, readOctets } from './structure.js';

export interface SignedAttributes {
  readonly contentType: string;
  readonly messageDigest: Buffer;
  readonly signingTime: Date | undefined;
  /** Absent in messages of senders that do not write it. */
  readonly signingCertificate: SigningCertificate | undefined;
  /** The octets that are signed. */
  readonly signed: Buffer;
}

const CONTENT_TYPE = sequence(oid(OID.contentType), setOf(oid(OID.data)));
const SIGNING_TIME = oid(OID.signingTime);
/** The tag of `[0]`, constructed, in place of that of the SET. */
const CONTEXT_0 = 0xa0;
const MESSAGE_DIGEST = oid(OID.messageDigest);

export interface WrittenAttributes {
  readonly messageDigest: Buffer;
  readonly signingTime: Date;
  /** The whole attribute: see writeSigningCertificate(). */
  readonly signingCertificate: Buffer;
}

/** What is signed and, with another tag, sent: section 5.4. */
export function writeSignedAttributes(written: WrittenAttributes): { readonly signed: Buffer; readonly sent: Buffer } {
  const { messageDigest, signingTime, signingCertificate } = written;
  const before = beforeDigest(time(signingTime), messageDigest.length, signingCertificate);
  const signed = Buffer.concat([before, messageDigest, signingCertificate]);
  const sent = Buffer.from(signed);
  sent[0] = CONTEXT_0;
  return { signed, sent };
}

interface BeforeDigest {
  readonly encodedTime: Buffer;
  readonly length: number;
  readonly signingCertificate: Buffer;
  readonly octets: Buffer;
}

let last: BeforeDigest | undefined;

/**
 * The attributes up to the octets of a digest of this length, after which there is only the last attribute; the same for all messages of a
 * signer in one second, as are the objects of its time and its certificate.
 */
function beforeDigest(encodedTime: Buffer, length: number, signingCertificate: Buffer): Buffer {
  if (last?.encodedTime !== encodedTime || last.length !== length || last.signingCertificate !== signingCertificate) {
    const digest = sequence(MESSAGE_DIGEST, setOf(octetString(Buffer.alloc(length))));
    // The order of DER is that of their lengths.
    const all = setInOrder(CONTENT_TYPE, sequence(SIGNING_TIME, setOf(encodedTime)), digest, signingCertificate);
    last = { encodedTime, length, signingCertificate, octets: all.subarray(0, -(length + signingCertificate.length)) };
  }
  return last.octets;
}

/** Octets of DER: they are encoded anew before any signature has been checked. */
const MAX_ATTRIBUTES = 64 * 1024;

/** Reads the `[0]` of a SignerInfo. Throws der-malformed, signed-attributes-missing, digest-refused, name-malformed, limit-exceeded. */
export function readSignedAttributes(node: DerNode): SignedAttributes {
  if (node.raw.length > MAX_ATTRIBUTES)
    throw new EmpaError('limit-exceeded', `CMS: signed attributes of more than ${MAX_ATTRIBUTES} bytes`);
  const values = new Map<string, readonly DerNode[]>();
  for (const child of node.children) {
    const fields = new Fields(child, 'Attribute');
    const type = oidOf(fields.take());
    // RFC 5652 section 5.3: SignedAttributes must not have two of one type.
    if (values.has(type)) throw missing(`The signed attribute ${type} is there twice`);
    values.set(type, fields.takeSet());
    fields.end();
  }
  const signingTime = onlyValue(values, OID.signingTime);
  const signingCertificate = onlyValue(values, OID.signingCertificateV2);
  return {
    contentType: oidOf(required(values, OID.contentType)),
    messageDigest: readOctets(required(values, OID.messageDigest), 'messageDigest'),
    signingTime: signingTime && timeOf(signingTime),
    signingCertificate: signingCertificate && readSigningCertificate(signingCertificate),
    // Section 5.4: signed is the DER with the tag of a SET. What is DER already is not changed by this; the order is the sender's.
    signed: setInOrder(...node.children.map(derOf)),
  };
}

function missing(why: string): EmpaError {
  return new EmpaError('signed-attributes-missing', why);
}

function onlyValue(attributes: ReadonlyMap<string, readonly DerNode[]>, type: string): DerNode | undefined {
  const values = attributes.get(type);
  if (values !== undefined && values.length !== 1) throw missing(`The signed attribute ${type} has other than one value`);
  return values?.[0];
}

function required(attributes: ReadonlyMap<string, readonly DerNode[]>, type: string): DerNode {
  const value = onlyValue(attributes, type);
  if (value === undefined) throw missing(`The signed attribute ${type} is missing`);
  return value;
}
