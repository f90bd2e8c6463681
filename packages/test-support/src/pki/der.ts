import forge from 'node-forge';

const { asn1 } = forge;

/** One DER element; made by the functions of this file, turned into bytes by {@link encode}. */
export type Der = forge.asn1.Asn1;

const toBinary = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

export function encode(element: Der): Buffer {
  return Buffer.from(asn1.toDer(element).getBytes(), 'latin1');
}

/** Throws on what is not DER. */
export function decode(bytes: Uint8Array): Der {
  // Without the option, which its types do not know, bit strings whose content looks like DER are taken apart.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return asn1.fromDer(toBinary(bytes), { decodeBitStrings: false } as never);
}

export const TAG = {
  utf8: 12,
  numeric: 18,
  printable: 19,
  t61: 20,
  ia5: 22,
  visible: 26,
  universal: 28,
  bmp: 30,
  utcTime: 23,
  generalizedTime: 24,
} as const;

// The library keeps BMPString as UTF-16 text and everything else as one character a byte.
const toValue = (tag: number, bytes: Uint8Array): string =>
  tag === TAG.bmp ? Buffer.from(bytes).swap16().toString('utf16le') : toBinary(bytes);
const fromValue = (tag: number, value: string): Buffer =>
  tag === TAG.bmp ? Buffer.from(value, 'utf16le').swap16() : Buffer.from(value, 'latin1');

export function primitive(tag: number, bytes: Uint8Array): Der {
  return asn1.create(asn1.Class.UNIVERSAL, tag, false, toValue(tag, bytes));
}

export function sequence(...elements: Der[]): Der {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, elements);
}

/** In the order given, so that unsorted sets can be made too. */
export function set(...elements: Der[]): Der {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, elements);
}

/** Context tag around elements: an explicit tag, or an implicit one over a constructed type. */
export function tagged(tag: number, ...elements: Der[]): Der {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, elements);
}

/** Implicit context tag over a primitive type. */
export function taggedPrimitive(tag: number, bytes: Uint8Array): Der {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, toBinary(bytes));
}

export function oid(dotted: string): Der {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

export const nothing = (): Der => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.NULL, false, '');
export const boolean = (value: boolean): Der => primitive(asn1.Type.BOOLEAN, Buffer.from([value ? 0xff : 0]));
export const octets = (bytes: Uint8Array): Der => primitive(asn1.Type.OCTETSTRING, bytes);

/** Non-negative. */
export function integer(value: number | bigint): Der {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return primitive(asn1.Type.INTEGER, Buffer.concat([Buffer.from([0]), bytes]));
}

export function bits(bytes: Uint8Array, unused = 0): Der {
  return primitive(asn1.Type.BITSTRING, Buffer.concat([Buffer.from([unused]), bytes]));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
export function time(date: Date): Der {
  const text = date.toISOString().replace(/[-:T]|\.\d{3}/g, '');
  return date.getUTCFullYear() < 2050
    ? primitive(TAG.utcTime, Buffer.from(text.slice(2)))
    : primitive(TAG.generalizedTime, Buffer.from(text));
}

/** Elements inside a constructed one. Throws on a primitive one. */
export function children(element: Der): Der[] {
  if (typeof element.value === 'string') throw new TypeError('primitive DER element where a constructed one is expected');
  return element.value;
}

/** The element at that place inside a constructed one. Throws where there is none. */
export function child(element: Der, index: number): Der {
  const found = children(element)[index];
  if (found === undefined) throw new RangeError(`DER element has no member ${index}`);
  return found;
}

/** Content of a primitive element. */
export function content(element: Der): Buffer {
  if (typeof element.value !== 'string') throw new TypeError('constructed DER element where a primitive one is expected');
  return fromValue(tagOf(element).context ? 0 : element.type, element.value);
}

/** Number of a tag, and whether it is a context tag. */
export function tagOf(element: Der): { readonly tag: number; readonly context: boolean } {
  return { tag: element.type, context: element.tagClass === asn1.Class.CONTEXT_SPECIFIC };
}

export function oidOf(element: Der): string {
  return asn1.derToOid(forge.util.createBuffer(content(element).toString('latin1')));
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
