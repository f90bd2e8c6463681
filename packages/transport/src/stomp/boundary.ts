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

/** Moves the boundaries between chunks so that each can be decoded by itself. */
export class WholeChunks {
  #held: Buffer = Buffer.alloc(0);

  /** What can be decoded now; perhaps nothing. A frame is never held back: it ends with a NUL. */
  next(chunk: Buffer): Buffer {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const whole = wholeLength(bytes);
    this.#held = bytes.subarray(whole);
    return bytes.subarray(0, whole);
  }
}
