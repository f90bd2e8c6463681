/** S/MIME entities (RFC 8551, RFC 1847): what is around the CMS, and the signed part inside. */
import { randomUUID } from 'node:crypto';
import { EmpaError } from './errors.js';
import type { Limits } from './limits.js';
import { decodeBase64, encodeBase64 } from './mime/base64.js';
import { type ContentType, type Entity, type HeaderLimits, parseContentType, parseEntity } from './mime/header.js';
import { toCrlf, toLf } from './mime/line-ends.js';
import { decodeQuotedPrintable, encodeQuotedPrintable } from './mime/quoted-printable.js';
import { fitsSevenBit } from './mime/seven-bit.js';

export { eachCanonicalPiece, toCrlf } from './mime/line-ends.js';

/** A received message, taken apart but not yet believed. */
export type SmimeEntity =
  /** `signedPart`: exactly the octets between the delimiters. `cms`: DER or BER of the ContentInfo. */
  | { readonly kind: 'multipart-signed'; readonly signedPart: Buffer; readonly cms: Buffer }
  | { readonly kind: 'pkcs7-mime'; readonly cms: Buffer };

export interface SignedPart {
  /** In its transfer encoding; see {@link decodeBody}. */
  readonly encoded: Buffer;
  readonly encoding: string;
  readonly deliveryId: string | undefined;
}

const SIGNATURE_TYPES: readonly (string | undefined)[] = ['application/pkcs7-signature', 'application/x-pkcs7-signature'];
const PKCS7_TYPES: readonly string[] = ['application/pkcs7-mime', 'application/x-pkcs7-mime'];
const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const DASH = 0x2d;
const SPACE = 0x20;
const WHITE_SPACE: readonly number[] = [TAB, LF, CR, SPACE];

function malformed(why: string): EmpaError {
  return new EmpaError('message-malformed', `MIME: ${why}`);
}

function contentTypeOf(entity: Entity): ContentType {
  // RFC 2045 section 5.2.
  return parseContentType(entity.fields.get('content-type') ?? 'text/plain');
}

function encodingOf(entity: Entity): string {
  return entity.fields.get('content-transfer-encoding')?.toLowerCase() ?? '7bit';
}

/**
 * Reads the outermost entity. Throws not-signed, message-malformed, limit-exceeded.
 * `nothing-after`: only white space may follow a multipart. What was decrypted must be read so: if anything could be appended to a CBC
 * message, whether it opens would tell whether the padding behind it came out right.
 */
export function readSmime(bytes: Buffer, limits: HeaderLimits, end: 'anything-after' | 'nothing-after' = 'anything-after'): SmimeEntity {
  const entity = parseEntity(bytes, limits);
  const { type, parameters } = contentTypeOf(entity);
  if (PKCS7_TYPES.includes(type)) return { kind: 'pkcs7-mime', cms: decodeCms(entity) };
  const protocol = parameters.get('protocol')?.toLowerCase();
  const ours = type === 'multipart/signed' && (protocol === undefined || SIGNATURE_TYPES.includes(protocol));
  if (!ours) throw new EmpaError('not-signed', 'The message is neither signed nor encrypted with S/MIME');
  const { parts, epilogue } = splitMultipart(entity.body, parameters.get('boundary'));
  if (end === 'nothing-after' && epilogue.some((octet) => !WHITE_SPACE.includes(octet))) throw malformed('something after the end');
  const [signedPart, signature] = parts;
  const signatureEntity = parseEntity(signature, limits);
  if (!SIGNATURE_TYPES.includes(contentTypeOf(signatureEntity).type)) throw malformed('a second part that is no signature');
  return { kind: 'multipart-signed', signedPart, cms: decodeCms(signatureEntity) };
}

function decodeCms(entity: Entity): Buffer {
  const encoding = encodingOf(entity);
  return ['7bit', '8bit'].includes(encoding) ? entity.body : decodeTransfer(encoding, entity.body);
}

function decodeTransfer(encoding: string, body: Buffer): Buffer {
  switch (encoding) {
    case '7bit':
    case '8bit':
      return toLf(body);
    case 'binary':
      return body;
    case 'quoted-printable':
      return decodeQuotedPrintable(body);
    case 'base64':
      return decodeBase64(body);
    default:
      throw malformed('an unknown Content-Transfer-Encoding');
  }
}

interface Delimiter {
  /** Where the part before it ends: the line end before a delimiter belongs to the delimiter. */
  readonly start: number;
  readonly end: number;
  readonly closing: boolean;
}

interface Multipart {
  readonly parts: readonly [Buffer, Buffer];
  readonly epilogue: Buffer;
}

/** The two parts of a multipart/signed (RFC 1847 section 2.1). What is before and after them means nothing. */
function splitMultipart(body: Buffer, boundary: string | undefined): Multipart {
  // RFC 2046 section 5.1.1; wider in its alphabet.
  if (boundary === undefined || !/^[ -~]{0,69}[!-~]$/u.test(boundary)) throw malformed('a boundary that is none');
  const first = findDelimiter(body, 0, boundary);
  const second = findDelimiter(body, first.end, boundary);
  const third = findDelimiter(body, second.end, boundary);
  if (first.closing || second.closing || !third.closing) throw malformed('a multipart/signed with other than two parts');
  const parts = [body.subarray(first.end, second.start), body.subarray(second.end, third.start)] as const;
  return { parts, epilogue: body.subarray(third.end) };
}

/** The next delimiter line from `from`, which is the begin of a line. */
function findDelimiter(body: Buffer, from: number, boundary: string): Delimiter {
  const marker = Buffer.from(`\n--${boundary}`, 'latin1');
  const atOnce = body.subarray(from, from + marker.length - 1).equals(marker.subarray(1));
  const lineFeed = atOnce ? from - 1 : body.indexOf(marker, from);
  if (lineFeed === -1 && !atOnce) throw malformed('a multipart/signed that is cut off');
  const after = lineFeed + marker.length;
  const closing = body[after] === DASH && body[after + 1] === DASH;
  const start = Math.max(from, body[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed);
  return { start, end: endOfDelimiter(body, closing ? after + 2 : after), closing };
}

/** Where the line ends of which only blanks may be left. */
function endOfDelimiter(body: Buffer, from: number): number {
  let at = from;
  while (body[at] === SPACE || body[at] === TAB) at += 1;
  if (body[at] === CR && body[at + 1] === LF) at += 1;
  // Some readers would take the line for a delimiter and some would not.
  if (at < body.length && body[at] !== LF) throw malformed('a line that begins like a delimiter');
  return Math.min(at + 1, body.length);
}

/** A Content-ID that can be an id: visible ASCII. */
const CONTENT_ID = /^<([!-;=?-~]{1,255})>$/u;

/** Reads the entity that was signed. Throws message-malformed, limit-exceeded. */
export function readSignedPart(octets: Buffer, limits: HeaderLimits): SignedPart {
  const entity = parseEntity(octets, limits);
  const { type } = contentTypeOf(entity);
  // Lines like `Site: A` are no header but a record that was signed without one, and would be lost.
  if (entity.fields.size === 0 && !/^\r?\n/u.test(octets.toString('latin1', 0, 2))) throw malformed('a signed part without a header');
  // No entities in entities: a record is one body, and what nests can be nested for ever.
  if (/^(?:multipart|message)\//u.test(type) || PKCS7_TYPES.includes(type)) throw malformed('a signed part that holds other parts');
  const deliveryId = CONTENT_ID.exec(entity.fields.get('content-id') ?? '')?.[1];
  return { encoded: entity.body, encoding: encodingOf(entity), deliveryId };
}

/** Text in 7bit and 8bit gets LF line ends. Throws message-malformed, message-too-large. */
export function decodeBody(part: SignedPart, limits: Pick<Limits, 'bodyBytes'>): Buffer {
  const body = decodeTransfer(part.encoding, part.encoded);
  if (body.length > limits.bodyBytes) throw new EmpaError('message-too-large', `The body is longer than ${limits.bodyBytes} bytes`);
  return body;
}

export interface SignedPartOptions {
  readonly transferEncoding?: 'auto' | 'base64';
  /** Visible ASCII but `<` and `>`, at most 255 characters. */
  readonly deliveryId?: string;
}

function encodeBody(body: Uint8Array, choice: 'auto' | 'base64'): { readonly encoding: string; readonly encoded: Uint8Array } {
  if (choice === 'base64') return { encoding: 'base64', encoded: encodeBase64([body]) };
  if (fitsSevenBit(body)) return { encoding: '7bit', encoded: body };
  return { encoding: 'quoted-printable', encoded: encodeQuotedPrintable(body) };
}

/** The entity that is to be signed, with LF line ends: header and contents. Throws message-malformed for a delivery id that no header can hold. */
export function writeSignedPart(body: Uint8Array, options: SignedPartOptions): readonly Buffer[] {
  const { encoding, encoded } = encodeBody(body, options.transferEncoding ?? 'auto');
  // Old receivers want the text header first.
  const lines = ['Content-Type: text/plain'];
  if (encoding !== '7bit') lines.push(`Content-Transfer-Encoding: ${encoding}`);
  if (options.deliveryId !== undefined) lines.push(contentId(options.deliveryId));
  return [joined([...lines, '', '']), Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)];
}

function contentId(deliveryId: string): string {
  const value = `<${deliveryId}>`;
  if (!CONTENT_ID.test(value)) throw malformed('a delivery id that no header can hold');
  return `Content-ID: ${value}`;
}

function joined(lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\n'), 'latin1');
}

/** The signed message, with LF line ends, as current senders write it. */
export function writeMultipartSigned(part: readonly Buffer[], cms: Buffer): Buffer {
  const { before, after } = signedFrame('\n');
  return Buffer.concat([before, ...part, ...after(encodeBase64([cms]))]);
}

/** What is around the signed part. */
export interface CanonicalFrame {
  readonly before: Buffer;
  readonly after: (cms: Buffer) => Buffer;
}

/** Of the signed message in its canonical form (RFC 8551 section 3.3: what is encrypted). */
export function canonicalFrame(): CanonicalFrame {
  const { before, after } = signedFrame('\r\n');
  return { before, after: (cms) => Buffer.concat(after(toCrlf(encodeBase64([cms])))) };
}

interface SignedFrame {
  readonly before: Buffer;
  readonly after: (signature: Buffer) => readonly Buffer[];
}

function signedFrame(lineEnd: '\n' | '\r\n'): SignedFrame {
  // 122 random bits are in no body.
  const boundary = `----${randomUUID().replaceAll('-', '').toUpperCase()}`;
  const [beforeBoundary, afterBoundary, signatureHead] = FRAMES[lineEnd];
  return {
    before: Buffer.from(`${beforeBoundary}${boundary}${afterBoundary}${boundary}${lineEnd}`, 'latin1'),
    after: (signature) => [
      Buffer.from(`${lineEnd}--${boundary}${lineEnd}${signatureHead}`, 'latin1'),
      signature,
      Buffer.from(`${lineEnd}--${boundary}--${lineEnd}${lineEnd}`, 'latin1'),
    ],
  };
}

/** What stands in every signed message: around the first boundary, and before the signature. */
const FRAMES = { '\n': framesWith('\n'), '\r\n': framesWith('\r\n') } as const;

function framesWith(lineEnd: string): readonly [string, string, string] {
  const type = 'Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; micalg="sha-256"; boundary="';
  const signature = [
    'Content-Type: application/x-pkcs7-signature; name="smime.p7s"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="smime.p7s"',
    '',
    '',
  ];
  return [
    ['MIME-Version: 1.0', type].join(lineEnd),
    ['"', '', 'This is an S/MIME signed message', '', '--'].join(lineEnd),
    signature.join(lineEnd),
  ];
}

/** The encrypted message, with LF line ends, of the pieces of its CMS. */
export function writePkcs7Mime(cms: readonly Uint8Array[], smimeType: 'enveloped-data' | 'authEnveloped-data'): Buffer {
  const head = [
    'MIME-Version: 1.0',
    'Content-Disposition: attachment; filename="smime.p7m"',
    `Content-Type: application/x-pkcs7-mime; smime-type=${smimeType}; name="smime.p7m"`,
    'Content-Transfer-Encoding: base64',
    '',
    '',
  ];
  return encodeBase64(cms, joined(head));
}
