const LF = 0x0a;
const CR = 0x0d;

/** The canonical form (RFC 8551 section 3.1.1): every line end CRLF. A lone CR ends no line. No copy when it has that form already. */
export function toCrlf(bytes: Buffer): Buffer {
  const missing = countLoneLf(bytes);
  if (missing === 0) return bytes;
  const result = Buffer.allocUnsafe(bytes.length + missing);
  let end = 0;
  let previous = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const octet = bytes[at] ?? 0;
    if (octet === LF && previous !== CR) result[end++] = CR;
    result[end++] = octet;
    previous = octet;
  }
  return result;
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
  let previous = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const octet = bytes[at] ?? 0;
    // The LF takes the place of the CR before it.
    if (octet === LF && previous === CR) end -= 1;
    result[end++] = octet;
    previous = octet;
  }
  return result.subarray(0, end);
}
