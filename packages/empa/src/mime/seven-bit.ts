import { ENCRYPTED_MARK } from './quoted-printable.js';
import { giveSlice, INPUT, INPUT_SIZE, text } from './text.js';

const TAB = 0x09;
const SPACE = 0x20;
/** RFC 5322 section 2.1.1. */
const MAX_LINE = 998;
/** Of a pass: there is an octet or a line that does not fit. */
const NO_FIT = -1;

/** Whether every receiver gets these octets back from 7bit text: printable ASCII, LF line ends, no long line, no blank at a line's end. */
export function fitsSevenBit(body: Uint8Array): boolean {
  let line = 0;
  for (let from = 0; from < body.length && line !== NO_FIT; from += INPUT_SIZE)
    line = text.sevenBit(INPUT, giveSlice(body, from), line, MAX_LINE);
  const last = body.at(-1);
  const octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return line !== NO_FIT && line <= MAX_LINE && last !== SPACE && last !== TAB && !octets.includes(ENCRYPTED_MARK);
}
