import { EmpaError } from '../errors.js';

const LINE = 64;
const LF = 0x0a;
const EQUALS = 0x3d;
const SPACES = new Set([0x09, LF, 0x0d, 0x20]);

/** 1 for each octet of the alphabet of RFC 4648 section 4. */
const ALPHABET = new Uint8Array(256);
for (const octet of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1')) ALPHABET[octet] = 1;

/** Base64 in lines of 64 characters, each with an LF. */
export function encodeBase64(octets: Uint8Array): Buffer {
  const text = Buffer.from(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64'), 'latin1');
  const result = Buffer.allocUnsafe(text.length + Math.ceil(text.length / LINE));
  let end = 0;
  for (let at = 0; at < text.length; at += LINE) {
    end += text.copy(result, end, at, at + LINE);
    result[end++] = LF;
  }
  return result;
}

/** White space is skipped; anything else that is not base64 is message-malformed: readers differ on what to do with it. */
export function decodeBase64(text: Buffer): Buffer {
  const packed = Buffer.allocUnsafe(text.length);
  let end = 0;
  let padding = 0;
  for (const octet of text) {
    if (octet === EQUALS) padding += 1;
    else if (ALPHABET[octet] === 1 && padding === 0) packed[end++] = octet;
    else if (!SPACES.has(octet)) throw new EmpaError('message-malformed', 'MIME: base64 with something else in it');
  }
  const last = end % 4;
  if (padding !== (4 - last) % 4 || last === 1) throw new EmpaError('message-malformed', 'MIME: base64 that does not come out even');
  return Buffer.from(packed.toString('latin1', 0, end), 'base64');
}
