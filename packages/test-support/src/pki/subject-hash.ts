import { createHash } from 'node:crypto';
import { child, children, content, type Der, decode, encode, oidOf, primitive, sequence, TAG, tagOf } from './der.js';
import { ATTRIBUTE_OIDS } from './name.js';

function utf16(bytes: Buffer): string {
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString('utf16le');
}

function utf32(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 4 <= bytes.length; at += 4) text += String.fromCodePoint(bytes.readUInt32BE(at));
  return text;
}

/** Undefined for types that have no text form here (NumericString is one: OpenSSL leaves it as it is). */
function textOf(element: Der): string | undefined {
  const bytes = content(element);
  switch (tagOf(element).tag) {
    case TAG.utf8:
      return bytes.toString('utf8');
    case TAG.printable:
    case TAG.ia5:
    case TAG.visible:
    case TAG.t61:
      return bytes.toString('latin1');
    case TAG.bmp:
      return utf16(bytes);
    case TAG.universal:
      return utf32(bytes);
    default:
      return undefined;
  }
}

/** White space trimmed and runs of it made one blank, ASCII letters in lower case, as UTF8String. */
function canonicalValue(element: Der): Der {
  const text = textOf(element);
  if (text === undefined) return element;
  const spaced = text.replace(/^[ \t-\r]+|[ \t-\r]+$/g, '').replace(/[ \t-\r]+/g, ' ');
  const lower = spaced.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return primitive(TAG.utf8, Buffer.from(lower, 'utf8'));
}

function canonicalRdn(rdn: Der): Buffer {
  const attributes = children(rdn).map((pair) => encode(sequence(child(pair, 0), canonicalValue(child(pair, 1)))));
  attributes.sort((a, b) => Buffer.compare(a, b));
  const body = Buffer.concat(attributes);
  const wrapped = encode(sequence(...attributes.map((bytes) => decode(bytes))));
  // A SET has the length octets of a SEQUENCE of the same size; only its first octet differs.
  return Buffer.concat([Buffer.from([0x31]), wrapped.subarray(1, wrapped.length - body.length), body]);
}

const shortHash = (digest: Buffer): string => digest.readUInt32LE(0).toString(16).padStart(8, '0');

/** What `openssl x509 -hash` prints for a certificate with this Name as subject: SHA-1 over the canonical encoding. */
export function nameHash(nameDer: Uint8Array): string {
  const canonical = Buffer.concat(children(decode(nameDer)).map(canonicalRdn));
  return shortHash(createHash('sha1').update(canonical).digest());
}

/** What `openssl x509 -subject_hash_old` prints: MD5 over the encoding. */
export function nameHashOld(nameDer: Uint8Array): string {
  return shortHash(createHash('md5').update(nameDer).digest());
}

/** DER of a certificate's subject. */
function subjectOf(certificateDer: Uint8Array): Buffer {
  const body = child(decode(certificateDer), 0);
  return encode(child(body, tagOf(child(body, 0)).context ? 5 : 4));
}

export const subjectHash = (certificateDer: Uint8Array): string => nameHash(subjectOf(certificateDer));
export const subjectHashOld = (certificateDer: Uint8Array): string => nameHashOld(subjectOf(certificateDer));

const SHORT_NAMES = new Map(Object.entries(ATTRIBUTE_OIDS).map(([name, dotted]) => [dotted, name]));

/** `/C=UK/O=eScience/CN=host`, attributes in encoded order. */
export function slashForm(nameDer: Uint8Array): string {
  const attributes = children(decode(nameDer)).flatMap(children);
  return attributes
    .map((pair) => {
      const dotted = oidOf(child(pair, 0));
      return `/${SHORT_NAMES.get(dotted) ?? dotted}=${textOf(child(pair, 1)) ?? content(child(pair, 1)).toString('latin1')}`;
    })
    .join('');
}
