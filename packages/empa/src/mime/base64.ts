import { EmpaError } from '../errors.js';
import { eachFilling, INPUT, INPUT_SIZE, memory, OUTPUT, text, written } from './text.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Characters of a line, and octets in it; of a group, the same. */
const LINE = 64;
const LINE_OCTETS = 48;
const GROUP = 4;
const GROUP_OCTETS = 3;
/** Octets that are encoded at once: a number of whole lines. */
const LINES_OCTETS = INPUT_SIZE - (INPUT_SIZE % LINE_OCTETS);

/** Of the reader: there is something else. */
const NO_BASE64 = -1;

/** Values of octets outside the alphabet. */
const SPACE = 64;
const PADDING = 65;
const OTHER = 66;
const VALUES = memory.subarray(text.values.value, text.values.value + 256).fill(OTHER);
for (const [value, octet] of Buffer.from(ALPHABET, 'latin1').entries()) VALUES[octet] = value;
for (const octet of Buffer.from(' \t\r\n', 'latin1')) VALUES[octet] = SPACE;
VALUES[0x3d] = PADDING;

/** `head`, and behind it the pieces as base64 in lines of 64 characters, each with an LF. */
export function encodeBase64(pieces: readonly Uint8Array[], head: Uint8Array = new Uint8Array()): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const characters = GROUP * Math.ceil(length / GROUP_OCTETS);
  const result = Buffer.allocUnsafe(head.length + characters + Math.ceil(characters / LINE));
  result.set(head);
  let end = head.length;
  eachFilling(pieces, LINES_OCTETS, (to) => {
    const whole = to - ((to - INPUT) % LINE_OCTETS);
    const lines = written(text.encodeLines(INPUT, whole, OUTPUT));
    result.set(lines, end);
    end += lines.length;
    if (whole < to) end += result.write(`${memory.toString('base64', whole, to)}\n`, end, 'latin1');
  });
  return result;
}

function malformed(why: string): EmpaError {
  return new EmpaError('message-malformed', `MIME: base64 ${why}`);
}

/**
 * White space is skipped; anything else that is not base64 is message-malformed: readers differ on what to do with it. Own decoding, as
 * Node's takes nearly everything, and needs the text as a string.
 */
export function decodeBase64(characters: Buffer): Buffer {
  const { pending, bits, padding } = text;
  for (const state of [pending, bits, padding]) state.value = 0;
  const result = Buffer.allocUnsafe(Math.ceil((characters.length * GROUP_OCTETS) / GROUP));
  let end = 0;
  eachFilling([characters], INPUT_SIZE, (to) => {
    const last = text.decode(INPUT, to, OUTPUT);
    if (last === NO_BASE64) throw malformed('with something else in it');
    const octets = written(last);
    result.set(octets, end);
    end += octets.length;
  });
  // What is left of the last character: nothing, or two or four bits with as many characters missing.
  if (bits.value === 6 || padding.value !== bits.value / 2) throw malformed('that does not come out even');
  return result.subarray(0, end);
}
