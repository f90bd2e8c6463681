const CR = 0x0d;
/** The longest UTF-8 sequence, without its first byte. */
const MAX_CONTINUATION = 3;

function sequenceLength(first: number): number {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

/**
 * How many bytes of a chunk can be decoded by themselves: without a UTF-8 sequence that goes on in the next chunk, or a CR whose LF may follow.
 * stompit decodes header lines chunk by chunk.
 */
export function wholeLength(bytes: Uint8Array): number {
  const { length } = bytes;
  if (bytes[length - 1] === CR) return length - 1;
  for (let back = 1; back <= Math.min(MAX_CONTINUATION, length); back += 1) {
    const byte = bytes[length - back] ?? 0;
    if (byte < 0x80) return length;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? length - back : length;
  }
  return length;
}
