/**
 * Reading and writing DER and BER (X.690). The only file that knows node-forge.
 *
 * Two readers look at every input. The first is a bounded walk of our own: node-forge keeps no source offsets, and signatures are checked
 * over the octets as they came; nor has it a limit on the number of values. The second is node-forge. Where they do not see the same
 * values in the same places the input is refused: what two readers can take two ways, an attacker can use.
 */
import forge from 'node-forge';
import { type DerNode, TAG } from './der/node.js';
import { octetsOf } from './der/readers.js';
import { type DerValue, walkDer } from './der/walk.js';
import { EmpaError } from './errors.js';
import { DEFAULT_LIMITS } from './limits.js';

declare module 'node-forge' {
  namespace asn1 {
    // Missing in the typings.
    function fromDer(bytes: util.ByteBuffer, options: FromDerOptions): Asn1;
    interface FromDerOptions {
      readonly strict: boolean;
      readonly parseAllBytes: boolean;
      readonly decodeBitStrings: boolean;
      readonly maxDepth: number;
    }
  }
}

export { type DerNode, TAG } from './der/node.js';
export {
  anyBitsOf,
  bitsOf,
  booleanOf,
  integerHexOf,
  isContext,
  isMinimalInteger,
  isUniversal,
  octetsOf,
  oidOf,
  smallIntegerOf,
  textOf,
  timeOf,
} from './der/readers.js';

export interface ParseDerOptions {
  /** Nesting. Default DEFAULT_LIMITS.derDepth. */
  readonly derDepth?: number;
  /** Values, apart from one for every 256 octets of input. Default DEFAULT_LIMITS.derValues. */
  readonly derValues?: number;
  /** DER only: definite minimal lengths, primitive strings. Default false: BER. */
  readonly strict?: boolean;
  /**
   * Says of the octets of a certificate in the place of SignedData.certificates whether both readers have read just these before: then it is
   * not looked into again, and has no children. So the certificates that come with every message of a signer cost nothing. Default: no.
   */
  readonly isKnown?: ((octets: Buffer) => boolean) | undefined;
}

/** A streamed message holds a segment for every 1,000 octets or so, however long it is. */
const OCTETS_FOR_A_FREE_VALUE = 256;

/** Reads exactly one value that fills `bytes`. Throws EmpaError der-malformed, limit-exceeded. */
export function parseDer(bytes: Uint8Array, options: ParseDerOptions = {}): DerNode {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const depth = options.derDepth ?? DEFAULT_LIMITS.derDepth;
  const values = (options.derValues ?? DEFAULT_LIMITS.derValues) + Math.floor(source.length / OCTETS_FOR_A_FREE_VALUE);
  const { isKnown, strict = false } = options;
  const opaque = new Set<number>();
  const isOpaque = isKnown && ((value: DerValue): boolean => isKnown(value.raw) && opaque.add(value.start).has(value.start));
  const root = walkDer(source, { depth, values, strict, isOpaque });
  assertSameShape(root, parseWithForge(new ForgeSource(source, opaque), depth), opaque);
  return root;
}

/**
 * What node-forge reads from: the part of its ByteBuffer that its DER reader calls, over our octets. Contents are not handed over but
 * only where they lie (`offset+length`), because node-forge keeps octets as characters of strings, several copies of each: a message of
 * 20 MB would cost hundreds.
 */
class ForgeSource extends forge.util.ByteStringBuffer {
  readonly #bytes: Buffer;
  readonly #opaque: ReadonlySet<number>;

  /** `opaque`: where values begin that it takes for OCTET STRINGs, so that it does not look into them either. */
  constructor(bytes: Buffer, opaque: ReadonlySet<number>) {
    super();
    this.#bytes = bytes;
    this.#opaque = opaque;
  }

  override length(): number {
    return this.#bytes.length - this.read;
  }

  override getByte(): number {
    if (this.#opaque.has(this.read)) {
      this.read++;
      return TAG.octetString;
    }
    return this.#bytes.readUInt8(this.read++);
  }

  override getInt(bits: number): number {
    const octets = bits / 8;
    const value = this.#bytes.readUIntBE(this.read, octets);
    this.read += octets;
    return value;
  }

  override getInt16(): number {
    return this.getInt(16);
  }

  override getBytes(count: number): string {
    const place = `${this.read}+${count}`;
    this.read += count;
    return place;
  }

  /** A look ahead: two octets in search of end-of-contents, else a copy of a BIT STRING, of which we have no need. */
  override bytes(count: number): string {
    return count === 2 ? this.#bytes.toString('latin1', this.read, this.read + 2) : '';
  }
}

function parseWithForge(source: ForgeSource, depth: number): forge.asn1.Asn1 {
  // Contents of BIT STRINGs are left alone: that some of them can be read as DER means nothing.
  // To node-forge a primitive value inside the deepest constructed one is a level of its own.
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false, maxDepth: depth + 1 };
  try {
    return forge.asn1.fromDer(source, options);
  } catch (cause) {
    throw new EmpaError('der-malformed', 'DER: not readable', { cause });
  }
}

const { UNIVERSAL, APPLICATION, CONTEXT_SPECIFIC, PRIVATE } = forge.asn1.Class;
const FORGE_CLASS = { universal: UNIVERSAL, application: APPLICATION, context: CONTEXT_SPECIFIC, private: PRIVATE } as const;

/** The values in `theirs`, or undefined when it is not the same value as `ours`. */
function sameValue(ours: DerValue, theirs: forge.asn1.Asn1): readonly forge.asn1.Asn1[] | undefined {
  const { value } = theirs;
  const type: number = theirs.type;
  const sameTag = FORGE_CLASS[ours.tagClass] === theirs.tagClass && ours.tag === type;
  if (!sameTag || ours.constructed !== theirs.constructed) return undefined;
  if (typeof value !== 'string') return value.length === ours.children.length ? value : undefined;
  const length = ours.contentEnd - ours.contentStart;
  // node-forge reads the characters of a BMPString itself.
  const same = type === TAG.bmpString ? 2 * value.length === length : value === `${ours.contentStart}+${length}`;
  return same && ours.children.length === 0 ? [] : undefined;
}

/** Whether node-forge saw an OCTET STRING in the place of a value that is not looked into. */
function sameOctets(ours: DerValue, theirs: forge.asn1.Asn1): boolean {
  const place = `${ours.contentStart}+${ours.contentEnd - ours.contentStart}`;
  return theirs.tagClass === UNIVERSAL && theirs.type === forge.asn1.Type.OCTETSTRING && theirs.value === place;
}

function assertSameShape(root: DerValue, theirRoot: forge.asn1.Asn1, opaque: ReadonlySet<number>): void {
  const pending: [DerValue, forge.asn1.Asn1 | undefined][] = [[root, theirRoot]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [ours, theirs] = pair;
    const values = theirs && (opaque.has(ours.start) ? (sameOctets(ours, theirs) ? [] : undefined) : sameValue(ours, theirs));
    if (values === undefined) throw new EmpaError('der-malformed', `DER: can be read two ways at octet ${ours.start}`);
    for (const [index, child] of ours.children.entries()) pending.push([child, values[index]]);
  }
}

const CONSTRUCTED = 0x20;

/** Tag and length here, since node-forge builds over strings; the contents are DER already. */
function encode(identifier: number, contents: readonly Uint8Array[]): Buffer {
  return Buffer.concat(inParts(identifier, contents));
}

/** The same in parts: what is long is joined with all that goes around it in one copy, and not in one for each level. */
function inParts(identifier: number, contents: readonly Uint8Array[]): readonly Uint8Array[] {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return [headerOf(identifier, length), ...contents];
}

/** Parts of a SEQUENCE of encoded values that are parts themselves. */
export function sequenceInParts(...contents: readonly Uint8Array[]): readonly Uint8Array[] {
  return inParts(TAG.sequence | CONSTRUCTED, contents);
}

/** Parts of a SET OF one encoded value that is parts itself. */
export function setOfOneInParts(content: readonly Uint8Array[]): readonly Uint8Array[] {
  return inParts(TAG.set | CONSTRUCTED, content);
}

/** Parts of what octetString() makes. */
export function octetStringInParts(octets: Uint8Array): readonly Uint8Array[] {
  return inParts(TAG.octetString, [octets]);
}

/** Parts of what context() makes. */
export function contextInParts(n: number, contents: readonly Uint8Array[], constructed = true): readonly Uint8Array[] {
  return inParts(CONTEXT_SPECIFIC | n | (constructed ? CONSTRUCTED : 0), contents);
}

const LONGEST_SHORT = 0x7f;
/** By identifier and length; nobody writes into them. */
const shortHeaders: (Uint8Array | undefined)[] = [];

/** X.690 sections 8.1.3.4 and 8.1.3.5, with the fewest octets (section 10.1). */
function headerOf(identifier: number, length: number): Uint8Array {
  if (length > LONGEST_SHORT) return longHeader(identifier, length);
  const index = identifier * (LONGEST_SHORT + 1) + length;
  const header = shortHeaders[index] ?? Uint8Array.of(identifier, length);
  shortHeaders[index] = header;
  return header;
}

function longHeader(identifier: number, length: number): Uint8Array {
  let octets = 1;
  while (length >= 0x100 ** octets) octets += 1;
  const header = Buffer.allocUnsafe(2 + octets);
  header[0] = identifier;
  header[1] = 0x80 | octets;
  header.writeUIntBE(length, 2, octets);
  return header;
}

/**
 * DER of a value that may have been BER: definite minimal lengths, primitive octet strings; the order of a SET is left as it is. What was
 * DER comes out as it was. Throws der-malformed for constructed strings of other types.
 */
export function derOf(node: DerNode): Buffer {
  const identifier = node.raw.readUInt8(0);
  if (!node.constructed) return encode(identifier, [node.content]);
  // Left closed since it is DER that is known.
  if (node.children.length === 0 && node.content.length > 0) return node.raw;
  if (node.tagClass !== 'universal' || node.tag === TAG.sequence || node.tag === TAG.set)
    return encode(identifier, node.children.map(derOf));
  return octetString(octetsOf(node));
}

const universal = (tag: number, ...contents: Uint8Array[]): Buffer => encode(tag, contents);

/** SEQUENCE of encoded values. */
export function sequence(...items: Uint8Array[]): Buffer {
  return universal(TAG.sequence | CONSTRUCTED, ...items);
}

/** SET OF encoded values in the order given: for what somebody else has put into order. */
export function setInOrder(...items: Uint8Array[]): Buffer {
  return universal(TAG.set | CONSTRUCTED, ...items);
}

/** SET OF encoded values, in DER order (X.690 section 11.6: shorter ones padded with zeros). */
export function setOf(...items: Uint8Array[]): Buffer {
  return universal(TAG.set | CONSTRUCTED, ...inDerOrder(items));
}

/** Encoded values in the order that DER gives to a SET OF. */
function inDerOrder(items: readonly Uint8Array[]): Uint8Array[] {
  // No encoding is the beginning of another, so that plain comparison gives the order.
  return items.toSorted((a, b) => Buffer.compare(a, b));
}

/** Context tag `[n]`; constructed unless said otherwise (IMPLICIT of a primitive type). */
export function context(n: number, contents: Uint8Array | readonly Uint8Array[], constructed = true): Buffer {
  return encode(CONTEXT_SPECIFIC | n | (constructed ? CONSTRUCTED : 0), contents instanceof Uint8Array ? [contents] : contents);
}

/** We write few of them, and again and again. */
const MAX_KNOWN_OIDS = 100;
const knownOids = new Map<string, Buffer>();

export function oid(dotted: string): Buffer {
  const known = knownOids.get(dotted);
  if (known !== undefined) return known;
  const encoded = universal(TAG.oid, Buffer.from(forge.asn1.oidToDer(dotted).getBytes(), 'latin1'));
  if (knownOids.size < MAX_KNOWN_OIDS) knownOids.set(dotted, encoded);
  return encoded;
}

/** A whole number of at most six octets, or the hex of the content octets of an INTEGER. */
export function integer(value: number | string): Buffer {
  if (typeof value === 'string') return universal(TAG.integer, Buffer.from(value, 'hex'));
  const octets = Buffer.alloc(6);
  octets.writeIntBE(value, 0, 6);
  // Leading octets that only repeat the sign bit are left out.
  let start = 0;
  while (start < 5 && octets.readInt16BE(start) >> 7 === (value < 0 ? -1 : 0)) start += 1;
  return universal(TAG.integer, octets.subarray(start));
}

export function octetString(octets: Uint8Array): Buffer {
  return universal(TAG.octetString, octets);
}

export function bitString(octets: Uint8Array, unusedBits = 0): Buffer {
  return universal(TAG.bitString, Uint8Array.of(unusedBits), octets);
}

export function nullValue(): Buffer {
  return universal(TAG.null, Buffer.alloc(0));
}

export function boolean(value: boolean): Buffer {
  return universal(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function utf8String(text: string): Buffer {
  return universal(TAG.utf8String, Buffer.from(text, 'utf8'));
}

export function printableString(text: string): Buffer {
  return universal(TAG.printableString, Buffer.from(text, 'latin1'));
}

export function ia5String(text: string): Buffer {
  return universal(TAG.ia5String, Buffer.from(text, 'latin1'));
}

/** UTCTime up to 2049, GeneralizedTime from then on and before 1950 (RFC 5280 section 4.1.2.5, RFC 5652 section 11.3). */
export function time(date: Date): Buffer {
  const second = Math.floor(date.getTime() / 1000);
  if (second !== lastTime.second) lastTime = { second, encoded: encodedTime(date) };
  return lastTime.encoded;
}

/** Messages come many to a second. */
let lastTime: { readonly second: number; readonly encoded: Buffer } = { second: Number.NaN, encoded: Buffer.alloc(0) };

function encodedTime(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/u, 'Z')
    .replaceAll(/[-:T]/gu, '');
  const year = date.getUTCFullYear();
  if (year >= 1950 && year < 2050) return universal(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'));
  return universal(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}
