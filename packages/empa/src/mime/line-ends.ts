import { fourOf, hasOctet, viewOf, WORD } from './words.js';

const LF = 0x0a;
const CR = 0x0d;
const FOUR_LF = fourOf(LF);
const FOUR_CR = fourOf(CR);

/** The canonical form (RFC 8551 section 3.1.1): every line end CRLF. A lone CR ends no line. No copy when it has that form already. */
export function toCrlf(bytes: Buffer): Buffer {
  const missing = countLoneLf(bytes);
  if (missing === 0) return bytes;
  const result = Buffer.allocUnsafe(bytes.length + missing);
  copyAsCrlf(bytes, 0, result, 0);
  return result;
}

function countLoneLf(bytes: Buffer): number {
  const view = viewOf(bytes);
  const lastWord = bytes.length - WORD;
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    if (at <= lastWord && !hasOctet(view.getInt32(at), FOUR_LF)) {
      at += WORD;
      continue;
    }
    if (bytes[at] === LF && bytes[at - 1] !== CR) count += 1;
    at += 1;
  }
  return count;
}

/** Puts the canonical form into `result` from there on, which has room for it, and returns where it ends. `before`: the octet in front. */
function copyAsCrlf(bytes: Buffer, before: number, result: Buffer, from: number): number {
  const [source, target] = [viewOf(bytes), viewOf(result)];
  const lastWord = bytes.length - WORD;
  let end = from;
  let previous = before;
  for (let at = 0; at < bytes.length; ) {
    const word = at <= lastWord ? source.getInt32(at) : FOUR_LF;
    if (!hasOctet(word, FOUR_LF)) {
      target.setInt32(end, word);
      end += WORD;
      at += WORD;
      previous = word & 0xff;
      continue;
    }
    const octet = bytes[at] ?? 0;
    if (octet === LF && previous !== CR) result[end++] = CR;
    result[end++] = octet;
    previous = octet;
    at += 1;
  }
  return end;
}

/** Octets that are brought into the canonical form at once. */
const SLICE = 32 * 1024;

/** Room for two slices, or some small parts and one, if each of their octets were a line end. */
const scratch = Buffer.allocUnsafeSlow(4 * SLICE);

/**
 * The canonical form of the parts behind one another, in pieces: it is never there as a whole. Each piece is overwritten by the next one,
 * and by those of the next call.
 */
export function* canonicalPieces(parts: readonly Buffer[]): Generator<Buffer> {
  let filled = 0;
  let previous = 0;
  for (const part of parts)
    for (let from = 0; from < part.length; from += SLICE) {
      const slice = part.subarray(from, from + SLICE);
      if (filled + 2 * slice.length > scratch.length) {
        yield scratch.subarray(0, filled);
        filled = 0;
      }
      filled = copyAsCrlf(slice, previous, scratch, filled);
      previous = slice.at(-1) ?? 0;
    }
  if (filled > 0) yield scratch.subarray(0, filled);
}

/** Every CRLF as LF. */
export function toLf(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  const [source, target] = [viewOf(bytes), viewOf(result)];
  const lastWord = bytes.length - WORD;
  let end = 0;
  for (let at = 0; at < bytes.length; ) {
    const word = at <= lastWord ? source.getInt32(at) : FOUR_CR;
    if (!hasOctet(word, FOUR_CR)) {
      target.setInt32(end, word);
      end += WORD;
      at += WORD;
      continue;
    }
    const octet = bytes[at] ?? 0;
    if (octet !== CR || bytes[at + 1] !== LF) result[end++] = octet;
    at += 1;
  }
  return result.subarray(0, end);
}
