import { EmpaError } from '../errors.js';
import { type DerNode, TAG } from './node.js';

/** What one walk may meet before it is given up. */
export interface WalkLimits {
  readonly depth: number;
  readonly values: number;
  /** Definite minimal lengths and primitive strings only. */
  readonly strict: boolean;
  /** Whether a certificate in the place of SignedData.certificates is left closed. Default: none is. */
  readonly isOpaque?: ((value: DerValue) => boolean) | undefined;
}

const MAX_LENGTH_OCTETS = 4;
/** Of a BMPString, and of whatever else has tag number 30, which the second reader takes for one and reads a character at a time. */
const MAX_BMP_STRING = 64 * 1024;
const INDEFINITE = -1;

/** A value under construction; `end` and `contentEnd` of an indefinite length are known when its end-of-contents is met. */
export class DerValue implements DerNode {
  readonly tagClass: DerNode['tagClass'];
  readonly tag: number;
  readonly constructed: boolean;
  readonly children: DerValue[] = [];
  readonly start: number;
  readonly contentStart: number;
  contentEnd: number;
  end: number;
  readonly #source: Buffer;

  constructor(source: Buffer, start: number, identifier: number, length: { readonly contentStart: number; readonly length: number }) {
    this.#source = source;
    this.tagClass = classOf(identifier);
    this.tag = identifier & 0x1f;
    this.constructed = (identifier & 0x20) !== 0;
    this.start = start;
    this.contentStart = length.contentStart;
    this.contentEnd = length.length === INDEFINITE ? INDEFINITE : length.contentStart + length.length;
    this.end = this.contentEnd;
  }

  get indefinite(): boolean {
    return this.contentEnd === INDEFINITE;
  }

  get raw(): Buffer {
    return this.#source.subarray(this.start, this.end);
  }

  get content(): Buffer {
    return this.#source.subarray(this.contentStart, this.contentEnd);
  }
}

function classOf(identifier: number): DerNode['tagClass'] {
  if (identifier < 0x40) return 'universal';
  if (identifier < 0x80) return 'application';
  return identifier < 0xc0 ? 'context' : 'private';
}

function malformed(why: string, offset: number): EmpaError {
  return new EmpaError('der-malformed', `DER: ${why} at octet ${offset}`);
}

/** Length octets (X.690 section 8.1.3) from `at`, of a value that must end by `limit`. */
function readLength(bytes: Buffer, at: number, limit: number, strict: boolean): { contentStart: number; length: number } {
  const first = at < limit ? bytes.readUInt8(at) : undefined;
  if (first === undefined) throw malformed('no length', at);
  if (first < 0x80) return { contentStart: at + 1, length: first };
  if (first === 0x80) {
    if (strict) throw malformed('indefinite length', at);
    return { contentStart: at + 1, length: INDEFINITE };
  }
  const octets = first & 0x7f;
  if (octets > MAX_LENGTH_OCTETS) throw malformed('a length of more than four octets', at);
  if (at + 1 + octets > limit) throw malformed('a cut-off length', at);
  const length = bytes.readUIntBE(at + 1, octets);
  if (strict && (length < 0x80 || length < 2 ** (8 * (octets - 1)))) throw malformed('a length that is not minimal', at);
  return { contentStart: at + 1 + octets, length };
}

function checkTag(value: DerValue, strict: boolean): void {
  // Tag numbers from 31 on take more octets; nothing in CMS or X.509 has one.
  if (value.tag === 0x1f) throw malformed('a long tag', value.start);
  if (value.indefinite && !value.constructed) throw malformed('a primitive value of indefinite length', value.start);
  if (value.tagClass !== 'universal') return;
  if (value.tag === TAG.endOfContents) throw malformed('end-of-contents out of place', value.start);
  const list = value.tag === TAG.sequence || value.tag === TAG.set;
  if (list && !value.constructed) throw malformed('a primitive SEQUENCE or SET', value.start);
  if (!list && value.constructed && strict) throw malformed('a constructed string', value.start);
}

function readHeader(bytes: Buffer, at: number, limit: number, strict: boolean): DerValue {
  if (at >= limit) throw malformed('no value', at);
  const value = new DerValue(bytes, at, bytes.readUInt8(at), readLength(bytes, at + 1, limit, strict));
  checkTag(value, strict);
  if (value.indefinite) return value;
  if (value.contentEnd > limit) throw malformed('a value longer than what holds it', at);
  if (value.tag === TAG.bmpString && !value.constructed && value.contentEnd - value.contentStart > MAX_BMP_STRING) {
    throw new EmpaError('limit-exceeded', `DER: a BMPString of more than ${MAX_BMP_STRING} octets`);
  }
  return value;
}

/** Whether the innermost open value ends at `at`; closes an indefinite one. Returns the position after it, or undefined. */
function closeAt(bytes: Buffer, open: DerValue, at: number, limit: number): number | undefined {
  if (!open.indefinite) return at === open.end ? at : undefined;
  if (at + 2 > limit || bytes.readUInt16BE(at) !== 0) return undefined;
  open.contentEnd = at;
  open.end = at + 2;
  return open.end;
}

/** ContentInfo, its `[0]`, SignedData and its `[0]` (RFC 5652 sections 3 and 5.1). */
const AROUND_CERTIFICATES = 4;

/** There alone: anywhere else octets count that nobody has read before, as in attributes that are signed. */
function mayBeOpaque(value: DerValue, holder: DerValue, depth: number): boolean {
  if (depth !== AROUND_CERTIFICATES) return false;
  return (
    value.tagClass === 'universal' && value.tag === TAG.sequence && !value.indefinite && holder.tagClass === 'context' && holder.tag === 0
  );
}

/**
 * Reads exactly one value and all values in it, without recursion, so that neither depth nor number costs more than the limits say.
 * Throws EmpaError der-malformed or limit-exceeded.
 */
export function walkDer(bytes: Buffer, limits: WalkLimits): DerValue {
  const root = readHeader(bytes, 0, bytes.length, limits.strict);
  let position = root.constructed ? root.contentStart : root.contentEnd;
  let count = 1;
  // Each open value with the octet by which all in it must have ended.
  const opened: { readonly value: DerValue; readonly limit: number }[] = [];
  const enter = (value: DerValue, outer: number): void => {
    if (opened.length >= limits.depth) throw new EmpaError('limit-exceeded', `DER: nested deeper than ${limits.depth}`);
    opened.push({ value, limit: value.indefinite ? outer : value.end });
  };
  if (root.constructed) enter(root, bytes.length);
  for (let top = opened.at(-1); top !== undefined; top = opened.at(-1)) {
    const closed = closeAt(bytes, top.value, position, top.limit);
    if (closed !== undefined) {
      position = closed;
      opened.pop();
      continue;
    }
    if (++count > limits.values) throw new EmpaError('limit-exceeded', `DER: more than ${limits.values} values`);
    const value = readHeader(bytes, position, top.limit, limits.strict);
    top.value.children.push(value);
    const open = value.constructed && !(mayBeOpaque(value, top.value, opened.length) && limits.isOpaque?.(value) === true);
    if (open) enter(value, top.limit);
    position = open ? value.contentStart : value.contentEnd;
  }
  if (position !== bytes.length) throw malformed('octets after the value', position);
  return root;
}
