import { EmpaError } from '../errors.js';

const LINE = 64;
const LF = 0x0a;

/** Value of each octet of the alphabet of RFC 4648 section 4, or one of the marks below. */
const VALUES = new Uint8Array(256);
const SPACE = 64;
const PADDING = 65;
const OTHER = 66;
VALUES.fill(OTHER);
for (const [value, octet] of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1').entries())
  VALUES[octet] = value;
for (const octet of Buffer.from(' \t\r\n', 'latin1')) VALUES[octet] = SPACE;
VALUES[0x3d] = PADDING;

/** Octets that are encoded at once, a number of whole lines: the text of a large message is never there twice. */
const SLICE = 48 * 1024;

/** `head`, and behind it the pieces as base64 in lines of 64 characters, each with an LF. */
export function encodeBase64(pieces: readonly Uint8Array[], head: Uint8Array = new Uint8Array()): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const characters = 4 * Math.ceil(length / 3);
  const result = Buffer.allocUnsafe(head.length + characters + Math.ceil(characters / LINE));
  result.set(head);
  let end = head.length;
  for (const slice of slicesOf(pieces, length)) {
    const text = Buffer.from(slice.toString('base64'), 'latin1');
    for (let at = 0; at < text.length; at += LINE) {
      end += text.copy(result, end, at, at + LINE);
      result[end++] = LF;
    }
  }
  return result;
}

/** The pieces in slices of one size, but for the last. Each is overwritten by the next. */
function* slicesOf(pieces: readonly Uint8Array[], length: number): Generator<Buffer> {
  const slice = Buffer.allocUnsafe(Math.min(SLICE, length));
  let filled = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + slice.length - filled);
      slice.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < slice.length) continue;
      yield slice;
      filled = 0;
    }
  }
  if (filled > 0) yield slice.subarray(0, filled);
}

function malformed(why: string): EmpaError {
  return new EmpaError('message-malformed', `MIME: base64 ${why}`);
}

/** Decodes groups of four characters from `at` on, as far as nothing else comes; returns how far. Three octets a group go to `result`. */
function decodeGroups(text: Buffer, at: number, result: Buffer, end: number): number {
  let from = at;
  for (let to = end; from + 3 < text.length; from += 4, to += 3) {
    const [a, b, c, d] = [valueAt(text, from), valueAt(text, from + 1), valueAt(text, from + 2), valueAt(text, from + 3)];
    // Each of the marks has a bit that no value has.
    if ((a | b | c | d) >= SPACE) break;
    result[to] = (a << 2) | (b >> 4);
    result[to + 1] = (b << 4) | (c >> 2);
    result[to + 2] = (c << 6) | d;
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
  const result = Buffer.allocUnsafe(Math.ceil((text.length * 3) / 4));
  let end = 0;
  let bits = 0;
  let pending = 0;
  let padding = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (bits === 0 && padding === 0) {
      const groups = decodeGroups(text, at, result, end);
      end += ((groups - at) / 4) * 3;
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
