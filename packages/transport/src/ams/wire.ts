import { TransportError } from '../errors.js';
import type { OutgoingMessage } from '../transport.js';
import { decodeEmpaId, encodeEmpaId } from './empa-id.js';

/** What the server adds to a message when it stores it: its number, the time, and the log's own. Generously. */
const ENVELOPE_BYTES = 512;

const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/** One message of a publish. Neither base64 nor an encoded id holds anything that JSON would escape. */
export function encodeMessage({ id, body }: OutgoingMessage): string {
  return `{"data":"${Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64')}","attributes":{"empaid":"${encodeEmpaId(id)}"}}`;
}

/** Bytes that the server will count for a message. */
export function storedSize({ id, body }: OutgoingMessage): number {
  return base64Length(body.length) + encodeEmpaId(id).length + ENVELOPE_BYTES;
}

/** What the longest usual id takes, encoded. */
const ID_BYTES = 512;

/** The largest body that surely fits into the server's limit. */
export function largestBody(serverLimitBytes: number): number {
  return Math.max(0, Math.floor((serverLimitBytes - ENVELOPE_BYTES - ID_BYTES) / 4) * 3);
}

/** A message that was pulled. */
export interface Pulled {
  readonly offset: number;
  readonly empaId: string | undefined;
  /** Of data that is no base64: as it came, for whoever reads it to refuse. */
  readonly body: Buffer;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/** Whether a JSON text has more values than that, which may take far more memory than the text. Each but the first is behind one of `{[,`. */
export function hasMoreValues(text: Buffer, maximum: number): boolean {
  let count = 1;
  let inString = false;
  for (let at = 0; at < text.length && count <= maximum; at += 1) {
    const byte = text[at];
    if (byte === QUOTE) inString = !inString;
    else if (!inString) count += byte === COMMA || byte === BRACE || byte === BRACKET ? 1 : 0;
    else if (byte === BACKSLASH) at += 1;
  }
  return count > maximum;
}

/** Errors: protocol-error. `maximumValues`: in the whole text. */
export function parseObject(name: string, text: Buffer, maximumValues = Number.POSITIVE_INFINITY): Fields {
  if (hasMoreValues(text, maximumValues))
    throw new TransportError('protocol-error', `${name}: the answer has more than ${maximumValues} values`);
  const value = parse(name, text);
  if (!isFields(value)) throw new TransportError('protocol-error', `${name}: the answer is no JSON object`);
  return value;
}

/** Without the cause: its message shows a part of the answer, which may be secret. */
function parse(name: string, text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    throw new TransportError('protocol-error', `${name}: the answer is no JSON`);
  }
}

function bodyOf(data: unknown): Buffer {
  const given = typeof data === 'string' ? data : '';
  // Some clients break it into lines.
  const text = /\s/.test(given) ? given.replaceAll(/\s+/g, '') : given;
  const body = Buffer.from(text, 'base64');
  // Node decodes whatever it can.
  return body.toString('base64') === text ? body : Buffer.from(given);
}

function empaIdOf(attributes: unknown): string | undefined {
  const { empaid } = isFields(attributes) ? attributes : { empaid: undefined };
  return typeof empaid === 'string' && empaid !== '' ? decodeEmpaId(empaid) : undefined;
}

/** Messages of a pull, in their order. Errors: protocol-error for anything that could not be acknowledged. */
export function parsePulled(name: string, answer: Fields, ackPrefix: string): Pulled[] {
  const receivedMessages = answer['receivedMessages'] === null ? [] : answer['receivedMessages'];
  if (!Array.isArray(receivedMessages)) throw new TransportError('protocol-error', `${name}: the answer has no list of messages`);
  let last = -1;
  return receivedMessages.map((received: unknown) => {
    const { ackId, message } = isFields(received) ? received : { ackId: undefined, message: undefined };
    const offset = typeof ackId === 'string' && ackId.startsWith(ackPrefix) ? offsetOf(ackId.slice(ackPrefix.length)) : undefined;
    if (offset === undefined || offset <= last) throw new TransportError('protocol-error', `${name}: a message without a good ackId`);
    last = offset;
    const { data, attributes } = isFields(message) ? message : { data: undefined, attributes: undefined };
    return { offset, empaId: empaIdOf(attributes), body: bodyOf(data) };
  });
}

function offsetOf(digits: string): number | undefined {
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

export interface Offsets {
  readonly max: number;
  readonly current: number;
}

const isOffset = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value);

/** Errors: protocol-error. */
export function parseOffsets(name: string, { max, current }: Fields): Offsets {
  if (isOffset(max) && isOffset(current)) return { max, current };
  throw new TransportError('protocol-error', `${name}: the answer has no offsets`);
}
