/**
 * DER values one at a time, without a tree: a CRL of a megabyte holds hundreds of thousands of them, of which only serial numbers matter.
 * Strict: definite lengths of the fewest octets.
 */
import { EmpaError } from '../errors.js';

/** Where a value lies in the bytes that were read. */
export interface Tlv {
  /** The identifier octet. */
  readonly identifier: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

function malformed(at: number): EmpaError {
  return new EmpaError('der-malformed', `DER: no value at octet ${at}`);
}

/** The value that begins at `at` and must end by `limit`. Throws EmpaError `der-malformed`. */
export function readTlv(bytes: Buffer, at: number, limit: number): Tlv {
  if (at + 2 > limit) throw malformed(at);
  const identifier = bytes.readUInt8(at);
  const first = bytes.readUInt8(at + 1);
  const octets = first < 0x80 ? 0 : first & 0x7f;
  const contentStart = at + 2 + octets;
  if ((identifier & 0x1f) === 0x1f || first === 0x80 || octets > 4 || contentStart > limit) throw malformed(at);
  const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets);
  if (octets > 0 && (length < 0x80 || length < 2 ** (8 * (octets - 1)))) throw malformed(at);
  if (contentStart + length > limit) throw malformed(at);
  return { identifier, start: at, contentStart, end: contentStart + length };
}

/** All values in the content of one. */
export function* tlvsIn(bytes: Buffer, outer: Tlv): Generator<Tlv> {
  for (let at = outer.contentStart; at < outer.end; ) {
    const tlv = readTlv(bytes, at, outer.end);
    at = tlv.end;
    yield tlv;
  }
}

export const rawOf = (bytes: Buffer, tlv: Tlv): Buffer => bytes.subarray(tlv.start, tlv.end);
