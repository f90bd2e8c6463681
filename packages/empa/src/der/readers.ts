import { EmpaError } from '../errors.js';
import { type DerNode, TAG } from './node.js';

function malformed(why: string, cause?: unknown): EmpaError {
  return new EmpaError('der-malformed', `DER: ${why}`, { cause });
}

function primitive(node: DerNode, tag: number, what: string): Buffer {
  if (node.tagClass !== 'universal' || node.tag !== tag || node.constructed) throw malformed(`${what} expected`);
  return node.content;
}

/** Whether the node has context-specific tag `[n]`. */
export function isContext(node: DerNode | undefined, n: number): boolean {
  return node?.tagClass === 'context' && node.tag === n;
}

/** Whether the node has the universal tag (see TAG). */
export function isUniversal(node: DerNode | undefined, tag: number): boolean {
  return node?.tagClass === 'universal' && node.tag === tag;
}

/** The longest in use have fewer than 40 octets. Reading grows with the square of the length. */
const MAX_OID = 128;

/** From here on seven bits more might not be exact in a number. */
const LARGE_ARC = 2 ** 45;

function longerArc(arc: number | bigint, bits: number): number | bigint {
  return typeof arc === 'number' && arc < LARGE_ARC ? arc * 128 + bits : (BigInt(arc) << 7n) | BigInt(bits);
}

/** The same few are in every message: their dotted forms by their octets. */
const knownOids = new Map<string, string>();
const MAX_KNOWN_OIDS = 200;

/** Dotted form of an OBJECT IDENTIFIER; arcs of any size (2.25 has 128-bit ones). */
export function oidOf(node: DerNode): string {
  const octets = primitive(node, TAG.oid, 'an OBJECT IDENTIFIER');
  if (octets.length > MAX_OID) throw malformed('an OBJECT IDENTIFIER that is too long');
  const key = octets.toString('latin1');
  const known = knownOids.get(key);
  if (known !== undefined) return known;
  const dotted = dottedOf(octets);
  if (knownOids.size >= MAX_KNOWN_OIDS) knownOids.clear();
  knownOids.set(key, dotted);
  return dotted;
}

function dottedOf(octets: Buffer): string {
  const arcs: (number | bigint)[] = [];
  let arc: number | bigint = 0;
  let inside = false;
  for (const octet of octets) {
    if (!inside && octet === 0x80) throw malformed('an OBJECT IDENTIFIER that is not minimal');
    arc = longerArc(arc, octet & 0x7f);
    inside = octet >= 0x80;
    if (inside) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first, ...others] = arcs;
  if (inside || first === undefined) throw malformed('a cut-off OBJECT IDENTIFIER');
  const root = first < 80 ? Math.floor(Number(first) / 40) : 2;
  const second = typeof first === 'bigint' ? first - 80n : first - root * 40;
  return [root, second, ...others].join('.');
}

/** X.690 section 8.3.2: at least one octet, and never nine equal leading bits, in BER as in DER. So the same number has the same octets. */
export function isMinimalInteger(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 2) return end > start;
  const nine = bytes.readUInt16BE(start) >> 7;
  return nine !== 0 && nine !== 0x1ff;
}

/** Lower-case hex of the content octets of an INTEGER. */
export function integerHexOf(node: DerNode): string {
  const octets = primitive(node, TAG.integer, 'an INTEGER');
  if (!isMinimalInteger(octets, 0, octets.length)) throw malformed('an INTEGER that is empty or not minimal');
  return octets.toString('hex');
}

/** An INTEGER of at most four octets as a number. */
export function smallIntegerOf(node: DerNode): number {
  if (node.content.length > 4) throw malformed('an INTEGER out of range');
  const hex = integerHexOf(node);
  return node.content.readIntBE(0, hex.length / 2);
}

export function booleanOf(node: DerNode): boolean {
  const octets = primitive(node, TAG.boolean, 'a BOOLEAN');
  if (octets.length !== 1) throw malformed('a BOOLEAN of other than one octet');
  return octets[0] !== 0;
}

/**
 * Octets of an OCTET STRING, or of a context tag that stands for one (IMPLICIT). Segments of the constructed form are joined;
 * the primitive form is a view, not a copy.
 */
export function octetsOf(node: DerNode): Buffer {
  if (!isUniversal(node, TAG.octetString) && node.tagClass !== 'context') throw malformed('an OCTET STRING expected');
  if (!node.constructed) return node.content;
  const segments: Buffer[] = [];
  // Its own stack, as `push(...children)` of a long list would overflow the real one.
  const pending: { readonly children: readonly DerNode[]; next: number }[] = [{ children: node.children, next: 0 }];
  for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
    const child = top.children[top.next++];
    if (child === undefined) pending.pop();
    else if (!isUniversal(child, TAG.octetString)) throw malformed('a segment that is not an OCTET STRING');
    else if (child.constructed) pending.push({ children: child.children, next: 0 });
    else segments.push(child.content);
  }
  return Buffer.concat(segments);
}

/** A primitive BIT STRING of DER: its octets, and how many low bits of the last one do not count; these are 0 (X.690 section 11.2.1). */
export function bitsOf(node: DerNode): { readonly unusedBits: number; readonly bytes: Buffer } {
  const bits = anyBitsOf(node);
  const { bytes, unusedBits } = bits;
  if (((bytes.at(-1) ?? 0) & ((1 << unusedBits) - 1)) !== 0) throw malformed('a BIT STRING with bits that do not count');
  return bits;
}

/** The same where these bits may be anything, as CAs have written them; whoever reads it leaves them out. */
export function anyBitsOf(node: DerNode): { readonly unusedBits: number; readonly bytes: Buffer } {
  const octets = primitive(node, TAG.bitString, 'a BIT STRING');
  const [unusedBits] = octets;
  if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && octets.length === 1))
    throw malformed('a BIT STRING without its bits');
  return { unusedBits, bytes: octets.subarray(1) };
}

/** UTCTime as RFC 5280 section 4.1.2.5.1 has it, GeneralizedTime as 4.1.2.5.2: to the second, in Z. */
const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/u;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/u;

export function timeOf(node: DerNode): Date {
  const utc = isUniversal(node, TAG.utcTime);
  const text = primitive(node, utc ? TAG.utcTime : TAG.generalizedTime, 'a time').toString('latin1');
  if (text !== lastTime?.text || utc !== lastTime.utc) lastTime = { text, utc, time: timeIn(text, utc) };
  return new Date(lastTime.time);
}

/** Messages come many to a second. */
let lastTime: { readonly text: string; readonly utc: boolean; readonly time: number } | undefined;

/** Milliseconds since 1970. */
function timeIn(text: string, utc: boolean): number {
  const parts = (utc ? UTC_TIME : GENERALIZED_TIME).exec(text)?.slice(1);
  if (parts === undefined) throw malformed('a time that is not to the second and in Z');
  const century = utc ? (Number(parts[0]) < 50 ? '20' : '19') : '';
  const [year, month, day, hour, minute, second] = parts;
  const iso = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const date = new Date(iso);
  // Date takes the 30th of February for a day in March, and refuses what is not even that.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso) throw malformed('a time that does not exist');
  return date.getTime();
}

function utf32(octets: Buffer): string {
  if (octets.length % 4 !== 0) throw malformed('a UniversalString of odd length');
  let text = '';
  for (let at = 0; at < octets.length; at += 4) text += String.fromCodePoint(octets.readUInt32BE(at));
  return text;
}

// The byte-order mark is kept: two strings that differ only in one are not the same.
const decodeUtf8 = (octets: Buffer): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
const decodeUtf16 = (octets: Buffer): string =>
  new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true }).decode(Buffer.from(octets).swap16());
// One octet, one character: what is outside the type's own alphabet stays visible and distinct. T61String is in practice Latin-1.
const decodeLatin1 = (octets: Buffer): string => octets.toString('latin1');

const STRING_DECODERS = new Map<number, (octets: Buffer) => string>([
  [TAG.utf8String, decodeUtf8],
  [TAG.numericString, decodeLatin1],
  [TAG.printableString, decodeLatin1],
  [TAG.t61String, decodeLatin1],
  [TAG.ia5String, decodeLatin1],
  [TAG.visibleString, decodeLatin1],
  [TAG.universalString, utf32],
  [TAG.bmpString, decodeUtf16],
]);

/** Text of any of the character string types, primitive. */
export function textOf(node: DerNode): string {
  const decode = node.tagClass === 'universal' && !node.constructed ? STRING_DECODERS.get(node.tag) : undefined;
  if (decode === undefined) throw malformed('a character string expected');
  try {
    return decode(node.content);
  } catch (cause) {
    throw malformed('a character string with octets that are no characters', cause);
  }
}
