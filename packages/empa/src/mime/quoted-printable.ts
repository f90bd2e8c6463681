import { EmpaError } from '../errors.js';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const EQUALS = 0x3d;
/** Of an encoded line without the `=` of its soft end (RFC 2045 section 6.7 rule 5). */
const LINE = 75;
const HEX = Buffer.from('0123456789ABCDEF', 'latin1');

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

/** Old receivers take any message with `application/pkcs7-mime` or `application/x-pkcs7-mime` in it for an encrypted one. */
export const ENCRYPTED_MARK = Buffer.from('pkcs7-mime', 'latin1');

const ESCAPED = 0;
const LITERAL = 1;
const DEPENDS = 2;
/** Which octets may stand for themselves: printable ASCII but `=`; it depends for blanks and for the first letter of the mark. */
const KINDS = new Uint8Array(256).fill(LITERAL, SPACE + 1, 0x7f);
KINDS[EQUALS] = ESCAPED;
for (const octet of [SPACE, TAB, ENCRYPTED_MARK[0] ?? 0]) KINDS[octet] = DEPENDS;

function isLiteral(octets: Uint8Array, at: number): boolean {
  const next = octets[at + 1];
  if (isBlank(octets[at])) return next !== undefined && next !== LF;
  return next !== ENCRYPTED_MARK[1] || !ENCRYPTED_MARK.equals(octets.subarray(at, at + ENCRYPTED_MARK.length));
}

function writeEscape(result: Buffer, at: number, octet: number): void {
  result[at] = EQUALS;
  result[at + 1] = HEX[octet >> 4] ?? 0;
  result[at + 2] = HEX[octet & 15] ?? 0;
}

/**
 * Encodes octets so that they come back one for one: LF is a line end, CR and all else that is not printable ASCII is escaped, so are
 * blanks at the end of a line, and a letter of the mark by which old receivers know encrypted messages.
 */
export function encodeQuotedPrintable(octets: Uint8Array): Buffer {
  // Three characters an octet, and two a soft end of line.
  const result = Buffer.allocUnsafe(3 * octets.length + 2 * Math.ceil((3 * octets.length) / (LINE - 2)));
  let end = 0;
  let column = 0;
  for (let at = 0; at < octets.length; at += 1) {
    const octet = octets[at] ?? 0;
    if (octet === LF) {
      result[end++] = LF;
      column = 0;
      continue;
    }
    const kind = KINDS[octet];
    const literal = kind === LITERAL || (kind === DEPENDS && isLiteral(octets, at));
    column += literal ? 1 : 3;
    if (column > LINE) {
      result[end++] = EQUALS;
      result[end++] = LF;
      column = literal ? 1 : 3;
    }
    if (literal) result[end] = octet;
    else writeEscape(result, end, octet);
    end += literal ? 1 : 3;
  }
  return result.subarray(0, end);
}

/** Value of a hexadecimal digit, or -1. */
function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Length of the line end at `at`: 0 when there is none. */
function lineEnd(text: Buffer, at: number): number {
  if (text[at] === LF) return 1;
  return text[at] === CR && text[at + 1] === LF ? 2 : 0;
}

/** The octet that `=XX` at `at` stands for; undefined when the `=` is not followed by two digits. */
function escapedOctet(text: Buffer, at: number): number | undefined {
  const high = hexValue(text[at + 1]);
  const low = hexValue(text[at + 2]);
  return high < 0 || low < 0 ? undefined : 16 * high + low;
}

/** Where the text goes on after a `=` that ends a line softly; blanks between it and the line end come from transport. */
function afterSoftEnd(text: Buffer, start: number): number {
  let at = start;
  while (isBlank(text[at])) at += 1;
  if (at === text.length) return at;
  const length = lineEnd(text, at);
  if (length === 0) throw new EmpaError('message-malformed', 'MIME: quoted-printable with a bare =');
  return at + length;
}

/** Decodes; a line end becomes LF, blanks before one are dropped (they come from transport). Throws message-malformed. */
export function decodeQuotedPrintable(text: Buffer): Buffer {
  const result = Buffer.allocUnsafe(text.length);
  let end = 0;
  // Blanks beyond this are dropped when the line ends.
  let solid = 0;
  for (let at = 0; at < text.length; ) {
    const octet = text[at] ?? 0;
    const ending = lineEnd(text, at);
    if (ending > 0) {
      end = solid;
      result[end++] = LF;
      solid = end;
      at += ending;
    } else if (octet === EQUALS) {
      const value = escapedOctet(text, at);
      if (value !== undefined) result[end++] = value;
      solid = end;
      at = value === undefined ? afterSoftEnd(text, at + 1) : at + 3;
    } else {
      result[end++] = octet;
      if (!isBlank(octet)) solid = end;
      at += 1;
    }
  }
  return result.subarray(0, solid);
}
