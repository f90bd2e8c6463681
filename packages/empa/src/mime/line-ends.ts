const LF = 0x0a;
const CR = 0x0d;

/** The canonical form (RFC 8551 section 3.1.1): every line end CRLF. A lone CR ends no line. No copy when it has that form already. */
export function toCrlf(bytes: Buffer): Buffer {
  let missing = 0;
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] === LF && bytes[at - 1] !== CR) missing += 1;
  if (missing === 0) return bytes;
  const result = Buffer.allocUnsafe(bytes.length + missing);
  let end = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const octet = bytes[at] ?? 0;
    if (octet === LF && bytes[at - 1] !== CR) result[end++] = CR;
    result[end++] = octet;
  }
  return result;
}

/** Every CRLF as LF. */
export function toLf(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  let end = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const octet = bytes[at] ?? 0;
    if (octet !== CR || bytes[at + 1] !== LF) result[end++] = octet;
  }
  return result.subarray(0, end);
}
