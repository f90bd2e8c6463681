/** EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083) for recipients with RSA keys. */
import {
  contextInParts,
  derOf,
  integer,
  octetString,
  octetsOf,
  oid,
  oidOf,
  sequenceInParts,
  setInOrder,
  setOf,
  smallIntegerOf,
} from '../der.js';
import { EmpaError } from '../errors.js';
import type { Identity } from '../trust-store.js';
import type { Certificate } from '../x509/certificate.js';
import { OID, unsupported } from './algorithms.js';
import {
  type Authentication,
  type Decrypted,
  decryptCbc,
  decryptGcm,
  type EncryptedContent,
  readContentEncryption,
} from './content-encryption.js';
import { describeIdentifier, identifies } from './identifier.js';
import { type KeyTransport, prepareUnwrap, readKeyTransport, writeKeyTransport } from './key-transport.js';
import { type Algorithm, type ContentInfo, Fields, readAlgorithm, readOctets, writeContentInfo } from './structure.js';

export interface EnvelopedData {
  readonly recipients: readonly KeyTransport[];
  readonly algorithm: Algorithm;
  readonly ciphertext: Buffer;
  /** Of AuthEnvelopedData only. */
  readonly authentication: Authentication | undefined;
}

/** RecipientInfos of one message. */
const MAX_RECIPIENTS = 100;
/** Authenticated attributes, octets of DER. */
const MAX_ATTRIBUTES = 64 * 1024;

/** Throws der-malformed, algorithm-unsupported, limit-exceeded. */
export function readEnvelopedData({ contentType, content }: ContentInfo): EnvelopedData {
  const fields = new Fields(content, 'EnvelopedData');
  smallIntegerOf(fields.take());
  fields.takeContext(0);
  const recipientInfos = fields.takeSet();
  if (recipientInfos.length > MAX_RECIPIENTS) throw new EmpaError('limit-exceeded', `CMS: more than ${MAX_RECIPIENTS} recipients`);
  const recipients = recipientInfos.map(readKeyTransport);
  const encrypted = new Fields(fields.take(), 'EncryptedContentInfo');
  const encryptedType = oidOf(encrypted.take());
  if (encryptedType !== OID.data) throw unsupported('type of encrypted content', encryptedType);
  const algorithm = readAlgorithm(encrypted.take());
  const ciphertext = encrypted.takeContext(0);
  encrypted.end();
  const authentication = contentType === OID.authEnvelopedData ? readAuthentication(fields) : undefined;
  fields.takeContext(authentication === undefined ? 1 : 2);
  fields.end();
  return {
    recipients: recipients.filter((recipient) => recipient !== undefined),
    algorithm,
    ciphertext: ciphertext === undefined ? Buffer.alloc(0) : octetsOf(ciphertext),
    authentication,
  };
}

function readAuthentication(fields: Fields): Authentication {
  const attributes = fields.takeContext(1);
  const tag = readOctets(fields.take(), 'mac');
  if (attributes !== undefined && attributes.raw.length > MAX_ATTRIBUTES)
    throw new EmpaError('limit-exceeded', `CMS: authenticated attributes of more than ${MAX_ATTRIBUTES} bytes`);
  // RFC 5083 section 2.2: authenticated as DER with the tag of a SET.
  return { tag, attributes: attributes && setInOrder(...attributes.children.map(derOf)) };
}

/**
 * Decrypts for the first identity that a recipient names. Errors tell of what everybody can see only: no-matching-recipient,
 * algorithm-unsupported, der-malformed. Beyond that there is no error: a key that does not come out is replaced by a random one, and the
 * result says whether all was good.
 */
export function decryptEnvelopedData(enveloped: EnvelopedData, identities: readonly Identity[], allowTripleDes: boolean): Decrypted {
  const { recipient, identity } = matchRecipient(enveloped.recipients, identities);
  const { algorithm, ciphertext, authentication } = enveloped;
  const encryption = readContentEncryption(algorithm, allowTripleDes);
  const { cipher } = encryption;
  // A tag that nobody checks would be as bad as a cipher without one where one is due.
  if ((cipher.mode === 'gcm') !== (authentication !== undefined)) throw unsupported('cipher for this type of message', algorithm.oid);
  const unwrap = prepareUnwrap(recipient);
  const key = unwrap(identity.privateKey, cipher.keyLength);
  if (authentication === undefined) return decryptCbc(encryption, key, ciphertext);
  return decryptGcm(encryption, key, ciphertext, authentication);
}

interface Match {
  readonly recipient: KeyTransport;
  readonly identity: Identity;
}

/** Recipients in an error message. */
const MAX_DESCRIBED = 3;

function matchRecipient(recipients: readonly KeyTransport[], identities: readonly Identity[]): Match {
  for (const identity of identities) {
    if (identity.privateKey.asymmetricKeyType !== 'rsa') continue;
    const recipient = recipients.find(({ identifier }) => identifies(identifier, identity.certificate));
    if (recipient !== undefined) return { recipient, identity };
  }
  const wanted = recipients.slice(0, MAX_DESCRIBED).map(({ identifier }) => describeIdentifier(identifier));
  throw new EmpaError(
    'no-matching-recipient',
    `The message is encrypted for somebody else: ${wanted.join('; ') || 'no holder of an RSA key'}`,
  );
}

/** Pieces of a ContentInfo around the pieces of the content, which each of the recipients can decrypt. Throws key-unsupported. */
export function writeEnvelopedData(encrypted: EncryptedContent, recipients: readonly Certificate[]): readonly Uint8Array[] {
  const { key, algorithm, ciphertext, tag } = encrypted;
  const recipientInfos = setOf(...recipients.map((certificate) => writeKeyTransport(key, certificate)));
  const content = sequenceInParts(oid(OID.data), algorithm, ...contextInParts(0, ciphertext, false));
  const authentication = tag === undefined ? [] : [octetString(tag)];
  const enveloped = sequenceInParts(integer(0), recipientInfos, ...content, ...authentication);
  return writeContentInfo(tag === undefined ? OID.envelopedData : OID.authEnvelopedData, enveloped);
}
