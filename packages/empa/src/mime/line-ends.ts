import { eachFilling, giveSlice, INPUT, INPUT_SIZE, OUTPUT, text, written } from './text.js';

/** The canonical form (RFC 8551 section 3.1.1): every line end CRLF. A lone CR ends no line. No copy when it has that form already. */
export function toCrlf(bytes: Buffer): Buffer {
  let missing = 0;
  for (let from = 0; from < bytes.length; from += INPUT_SIZE) missing += text.countLoneFeeds(INPUT, giveSlice(bytes, from));
  if (missing === 0) return bytes;
  const result = Buffer.allocUnsafe(bytes.length + missing);
  let end = 0;
  for (let from = 0; from < bytes.length; from += INPUT_SIZE) {
    const canonical = written(text.toCrlf(INPUT, giveSlice(bytes, from), OUTPUT));
    result.set(canonical, end);
    end += canonical.length;
  }
  return result;
}

/**
 * Calls `work` with the canonical form of the parts behind one another, piece by piece: it is never there as a whole. A piece is overwritten by
 * whatever is done with text next.
 */
export function eachCanonicalPiece(parts: readonly Buffer[], work: (piece: Buffer) => void): void {
  eachFilling(parts, INPUT_SIZE, (to) => work(written(text.toCrlf(INPUT, to, OUTPUT))));
}

/** Every CRLF as LF. */
export function toLf(bytes: Buffer): Buffer {
  let pairs = 0;
  for (let from = 0; from < bytes.length; from += INPUT_SIZE) pairs += text.countPairs(INPUT, giveSlice(bytes, from));
  const result = Buffer.allocUnsafe(bytes.length - pairs);
  let end = 0;
  for (let from = 0; from < bytes.length; from += INPUT_SIZE) {
    const lines = written(text.toLf(INPUT, giveSlice(bytes, from), OUTPUT));
    result.set(lines, end);
    end += lines.length;
  }
  return result;
}
