import { EmpaError } from '../errors.js';
import { viewOf } from './words.js';

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1');
/** Characters of a line, and octets in it; of a group, the same. */
const LINE = 64;
const LINE_OCTETS = 48;
const GROUP = 4;
const GROUP_OCTETS = 3;
const LF = 0x0a;

/** The two characters, of 8 bits each, that stand for 12 bits. */
const PAIRS = new Uint16Array(64 * 64);
/** The 12 bits for which two characters stand; NO_PAIR for what is outside the alphabet. */
const PAIR_VALUES = new Uint16Array(256 * 256);
const NO_PAIR = 64 * 64;
PAIR_VALUES.fill(NO_PAIR);
for (const [high, first] of ALPHABET.entries())
  for (const [low, second] of ALPHABET.entries()) {
    PAIRS[(high << 6) | low] = (first << 8) | second;
    PAIR_VALUES[(first << 8) | second] = (high << 6) | low;
  }

/** Value of each octet of the alphabet of RFC 4648 section 4, or one of the marks below. */
const VALUES = new Uint8Array(256);
const SPACE = 64;
const PADDING = 65;
const OTHER = 66;
VALUES.fill(OTHER);
for (const [value, octet] of ALPHABET.entries()) VALUES[octet] = value;
for (const octet of Buffer.from(' \t\r\n', 'latin1')) VALUES[octet] = SPACE;
VALUES[0x3d] = PADDING;

/** Octets that are encoded at once, a number of whole lines, and one that is read with the last group. Each slice overwrites the one before. */
const SLICE = 1024 * LINE_OCTETS;
const slice = Buffer.allocUnsafeSlow(SLICE + 1);
const sliceView = viewOf(slice);

/** `head`, and behind it the pieces as base64 in lines of 64 characters, each with an LF. */
export function encodeBase64(pieces: readonly Uint8Array[], head: Uint8Array = new Uint8Array()): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const characters = GROUP * Math.ceil(length / GROUP_OCTETS);
  const result = Buffer.allocUnsafe(head.length + characters + Math.ceil(characters / LINE));
  result.set(head);
  let end = head.length;
  let filled = 0;
  for (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + SLICE - filled);
      slice.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < SLICE) continue;
      end = encodeSlice(filled, result, end);
      filled = 0;
    }
  encodeSlice(filled, result, end);
  return result;
}

/** Puts so many octets of the slice into `result` from there on, as lines, and returns where they end. */
function encodeSlice(length: number, result: Buffer, from: number): number {
  const target = viewOf(result);
  const whole = length - (length % LINE_OCTETS);
  let end = from;
  for (let at = 0; at < whole; ) {
    for (const lineEnd = at + LINE_OCTETS; at < lineEnd; at += GROUP_OCTETS, end += GROUP) {
      const group = sliceView.getUint32(at) >>> 8;
      target.setUint32(end, ((PAIRS[group >>> 12] ?? 0) << 16) | (PAIRS[group & 0xfff] ?? 0));
    }
    result[end++] = LF;
  }
  if (whole === length) return end;
  end += result.write(slice.toString('base64', whole, length), end, 'latin1');
  result[end++] = LF;
  return end;
}

function malformed(why: string): EmpaError {
  return new EmpaError('message-malformed', `MIME: base64 ${why}`);
}

/** Decodes groups of four characters from `at` on, as far as nothing else comes; returns how far. Three octets a group go to `result`. */
function decodeGroups(text: DataView, at: number, result: DataView, end: number): number {
  const last = text.byteLength - GROUP;
  let from = at;
  for (let to = end; from <= last; from += GROUP, to += GROUP_OCTETS) {
    const high = PAIR_VALUES[text.getUint16(from)] ?? NO_PAIR;
    const low = PAIR_VALUES[text.getUint16(from + 2)] ?? NO_PAIR;
    if ((high | low) >= NO_PAIR) break;
    // One octet too many, which what comes next overwrites.
    result.setUint32(to, (high << 20) | (low << 8));
  }
  return from;
}

function valueAt(text: Buffer, at: number): number {
  return VALUES[text[at] ?? 0] ?? OTHER;
}

/**
 * White space is skipped; anything else that is not base64 is message-malformed: readers differ on what to do with it. Own decoding, as
 * Node's takes nearly everything, and needs the text as a string.
 */
export function decodeBase64(text: Buffer): Buffer {
  const result = Buffer.allocUnsafe(Math.ceil((text.length * GROUP_OCTETS) / GROUP) + 1);
  const [source, target] = [viewOf(text), viewOf(result)];
  let end = 0;
  let bits = 0;
  let pending = 0;
  let padding = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (bits === 0 && padding === 0) {
      const groups = decodeGroups(source, at, target, end);
      end += ((groups - at) / GROUP) * GROUP_OCTETS;
      at = groups;
      if (at === text.length) break;
    }
    const value = valueAt(text, at);
    if (value === SPACE) continue;
    if (value === PADDING) {
      padding += 1;
      continue;
    }
    if (value === OTHER || padding > 0) throw malformed('with something else in it');
    pending = ((pending << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    result[end++] = pending >> bits;
  }
  // What is left of the last character: nothing, or two or four bits with as many characters missing.
  if (bits === 6 || padding !== bits / 2) throw malformed('that does not come out even');
  return result.subarray(0, end);
}
