import { ENCRYPTED_MARK } from './quoted-printable.js';
import { isPrintable, viewOf, WORD } from './words.js';

const TAB = 0x09;
const LF = 0x0a;
const SPACE = 0x20;
/** RFC 5322 section 2.1.1. */
const MAX_LINE = 998;

/** 1 for octets that go on in a line of plain text. */
const INSIDE_LINE = new Uint8Array(256).fill(1, SPACE, 0x7f);
INSIDE_LINE[TAB] = 1;

/** Whether every receiver gets these octets back from 7bit text: printable ASCII, LF line ends, no long line, no blank at a line's end. */
export function fitsSevenBit(body: Uint8Array): boolean {
  const view = viewOf(body);
  const lastWord = body.length - WORD;
  let lineStart = 0;
  for (let at = 0; at < body.length; ) {
    if (at <= lastWord && isPrintable(view.getInt32(at))) {
      at += WORD;
      continue;
    }
    const octet = body[at] ?? 0;
    if (INSIDE_LINE[octet] !== 1) {
      if (octet !== LF || !isGoodLine(body, lineStart, at)) return false;
      lineStart = at + 1;
    }
    at += 1;
  }
  const octets = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isGoodLine(body, lineStart, body.length) && !octets.includes(ENCRYPTED_MARK);
}

function isGoodLine(body: Uint8Array, start: number, end: number): boolean {
  const last = end > start ? body[end - 1] : undefined;
  return last !== SPACE && last !== TAB && end - start <= MAX_LINE;
}
