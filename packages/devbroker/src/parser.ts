import { type Frame, type FrameHead, parseHead, Refusal, type StompVersion } from './frame.js';

/** Command and headers of one frame. */
const MAXIMUM_HEAD_BYTES = 64 * 1024;
const LF = 10;
const CR = 13;
const EMPTY = Buffer.alloc(0);

/** Where the blank line of a head that starts at `at` begins and ends; undefined when it is not there yet. */
function findBlankLine(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | undefined {
  for (let start = at; ; ) {
    const end = bytes.indexOf(LF, start);
    if (end < 0) return undefined;
    if (end === start || (end === start + 1 && bytes[start] === CR)) return { start, end: end + 1 };
    start = end + 1;
  }
}

function contentLength(head: FrameHead): number | undefined {
  const text = head.headers.get('content-length')?.trim();
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new Refusal('content-length is not a number');
  return Number(text);
}

/** Takes the bytes of a connection as they come and calls back for each complete frame. Each body byte is copied once. */
export class FrameParser {
  /** What was negotiated; decides about escapes. */
  version: StompVersion = '1.2';
  readonly #onFrame: (frame: Frame) => void;
  readonly #checkSize: (bytes: number) => void;
  #stopped = false;
  /** Beginning of a head, kept for the next chunk. */
  #rest: Buffer = EMPTY;
  /** Defined while a body is read: filled up to its content-length, or pieces up to a NUL. */
  #head: FrameHead | undefined;
  #body: Buffer | undefined;
  #filled = 0;
  #pieces: Buffer[] = [];

  /** `checkSize` throws when a body of so many bytes is too large; it is called before that body is kept. */
  constructor(onFrame: (frame: Frame) => void, checkSize: (bytes: number) => void) {
    this.#onFrame = onFrame;
    this.#checkSize = checkSize;
  }

  /** Nothing is called back any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Throws Refusal for what is not STOMP, and what `onFrame` and `checkSize` throw. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    let at = 0;
    while (at < bytes.length && !this.#stopped) at = this.#head === undefined ? this.#readHead(bytes, at) : this.#readBody(bytes, at);
  }

  #readHead(bytes: Buffer, at: number): number {
    // Line ends between frames are heart-beats.
    if (bytes[at] === LF) return at + 1;
    if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
    const blank = findBlankLine(bytes, at);
    if ((blank?.start ?? bytes.length) - at > MAXIMUM_HEAD_BYTES) throw new Refusal('The header of the frame is too large');
    if (blank === undefined) {
      this.#rest = bytes.subarray(at);
      return bytes.length;
    }
    const head = parseHead(bytes.toString('utf8', at, Math.max(at, blank.start - 1)), this.version);
    const length = contentLength(head);
    if (length !== undefined) this.#checkSize(length);
    this.#head = head;
    this.#body = length === undefined ? undefined : Buffer.allocUnsafe(length);
    this.#filled = 0;
    return blank.end;
  }

  #readBody(bytes: Buffer, at: number): number {
    return this.#body === undefined ? this.#readUntilNul(bytes, at) : this.#fill(this.#body, bytes, at);
  }

  #fill(body: Buffer, bytes: Buffer, at: number): number {
    const copied = bytes.copy(body, this.#filled, at);
    this.#filled += copied;
    const next = at + copied;
    if (this.#filled < body.length || next === bytes.length) return next;
    if (bytes[next] !== 0) throw new Refusal('No NUL after content-length bytes of body');
    this.#emit(body);
    return next + 1;
  }

  #readUntilNul(bytes: Buffer, at: number): number {
    const nul = bytes.indexOf(0, at);
    const piece = bytes.subarray(at, nul < 0 ? bytes.length : nul);
    this.#filled += piece.length;
    this.#checkSize(this.#filled);
    this.#pieces.push(piece);
    if (nul < 0) return bytes.length;
    const body = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#emit(body);
    return nul + 1;
  }

  #emit(body: Buffer): void {
    const head = this.#head;
    this.#head = undefined;
    this.#body = undefined;
    if (head !== undefined) this.#onFrame({ ...head, body });
  }
}
