/**
 * Text is looked at four octets at a time, as one number: several times as fast as one after the other. A DataView needs no alignment, and
 * puts back what it read in the same order.
 */

/** Octets in a word. */
export const WORD = 4;

const HIGH_BITS = 0x8080_8080;

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Four times the octet. */
export function fourOf(octet: number): number {
  return octet * 0x0101_0101;
}

/** Whether one of the octets is the one that `four` is four times. */
export function hasOctet(word: number, four: number): boolean {
  // Where they are the same there are eight zeros: only if there are such does the subtraction give a high bit to an octet that had none.
  const difference = word ^ four;
  return ((difference - 0x0101_0101) & ~difference & HIGH_BITS) !== 0;
}

/** Whether all octets are printable ASCII, 0x20 to 0x7e. */
export function isPrintable(word: number): boolean {
  // The high bit comes up by the subtraction in the first one below 0x20, by the addition in 0x7f, and is there from 0x80 on.
  return (((word - 0x2020_2020) | (word + 0x0101_0101) | word) & HIGH_BITS) === 0;
}
