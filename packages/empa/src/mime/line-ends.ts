const LF = 0x0a;
const CR = 0x0d;

/** Octets that are looked at together, as a string: Node replaces in one several times as fast as a loop over octets does. */
const SLICE = 16 * 1024;

/** The canonical form (RFC 8551 section 3.1.1): every line end CRLF. A lone CR ends no line. No copy when it has that form already. */
export function toCrlf(bytes: Buffer): Buffer {
  const missing = countLoneLf(bytes);
  if (missing === 0) return bytes;
  const result = Buffer.allocUnsafe(bytes.length + missing);
  let end = 0;
  for (let from = 0; from < bytes.length; from += SLICE) {
    const slice = bytes.subarray(from, from + SLICE);
    if (slice.includes(CR) || bytes[from - 1] === CR) end = copyAsCrlf(slice, bytes[from - 1] ?? 0, result, end);
    else end += result.write(slice.toString('latin1').replaceAll('\n', '\r\n'), end, 'latin1');
  }
  return result;
}

/** One octet after the other, since some line ends are CRLF already. `before`: the octet in front. Returns the end in `result`. */
function copyAsCrlf(bytes: Buffer, before: number, result: Buffer, from: number): number {
  let end = from;
  let previous = before;
  for (let at = 0; at < bytes.length; at += 1) {
    const octet = bytes[at] ?? 0;
    if (octet === LF && previous !== CR) result[end++] = CR;
    result[end++] = octet;
    previous = octet;
  }
  return end;
}

/** A body up to this size (octets) is brought into the canonical form once, and not once for each reader of it. */
const KEPT_WHOLE = 1024 * 1024;

/** Octets that are brought into the canonical form at once. */
const CANONICAL_SLICE = 64 * 1024;

/** The pieces of what toCrlf() makes; of a large body each time anew, so that it is never there twice as a whole. */
export function canonicalPieces(parts: readonly Buffer[]): Iterable<Buffer> {
  if (parts.every(({ length }) => length <= KEPT_WHOLE)) return parts.map(toCrlf);
  return { [Symbol.iterator]: () => slices(parts) };
}

function* slices(parts: readonly Buffer[]): Generator<Buffer> {
  for (const part of parts) {
    for (let from = 0; from < part.length; ) {
      // One more where a line end would be cut in two.
      const stop = part[from + CANONICAL_SLICE] === LF ? from + CANONICAL_SLICE + 1 : from + CANONICAL_SLICE;
      yield toCrlf(part.subarray(from, stop));
      from = stop;
    }
  }
}

function countLoneLf(bytes: Buffer): number {
  let count = 0;
  let previous = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const octet = bytes[at] ?? 0;
    if (octet === LF && previous !== CR) count += 1;
    previous = octet;
  }
  return count;
}

/** Every CRLF as LF. */
export function toLf(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  let end = 0;
  for (let from = 0; from < bytes.length; ) {
    // One more where a line end would be cut in two.
    const stop = bytes[from + SLICE] === LF ? from + SLICE + 1 : from + SLICE;
    end += result.write(bytes.toString('latin1', from, stop).replaceAll('\r\n', '\n'), end, 'latin1');
    from = stop;
  }
  return result.subarray(0, end);
}
