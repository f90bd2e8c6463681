import { EmpaError } from '../errors.js';
import type { Limits } from '../limits.js';

/** A MIME entity (RFC 2045): its `content-` header fields by lower-case name, unfolded, and what follows the blank line. */
export interface Entity {
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface ContentType {
  /** Lower case: `multipart/signed`. */
  readonly type: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

export type HeaderLimits = Pick<Limits, 'headerBytes' | 'headerLineBytes'>;

const LF = 0x0a;
const CR = 0x0d;
const FIELD = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/u;
/** Every control character but the tab, and so a CR that ends no line. */
function isControl(octet: number): boolean {
  return (octet < 0x20 && octet !== 0x09) || octet === 0x7f;
}

function hasControl(octets: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (isControl(octets[at] ?? 0)) return true;
  return false;
}

function malformed(why: string): EmpaError {
  return new EmpaError('message-malformed', `MIME: ${why}`);
}

/** Splits an entity into header and body. Lines end in LF or CRLF. Throws message-malformed, limit-exceeded. */
export function parseEntity(bytes: Buffer, limits: HeaderLimits): Entity {
  const { lines, end } = headerLines(bytes, limits);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const match = FIELD.exec(line);
    if (match === null) throw malformed('a header line that is no field');
    const [, name = '', value = ''] = match;
    const key = name.toLowerCase();
    // Fields of other kinds may be repeated, and mean nothing here.
    if (!key.startsWith('content-')) continue;
    // Of two, another reader might take the other one.
    if (fields.has(key)) throw malformed('a field that is there twice');
    fields.set(key, value.trimEnd());
  }
  return { fields, body: bytes.subarray(end) };
}

/** The unfolded lines up to the blank line (or the end: an entity may be all header), and where the body begins. */
function headerLines(bytes: Buffer, limits: HeaderLimits): { readonly lines: readonly string[]; readonly end: number } {
  const header = bytes.subarray(0, limits.headerBytes);
  const lines: string[] = [];
  let at = 0;
  while (at < header.length) {
    const found = header.indexOf(LF, at);
    const lineEnd = found === -1 ? header.length : found;
    const line = header.toString('latin1', at, lineEnd > at && header[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd);
    if (line.length > limits.headerLineBytes) throw tooLong('header line');
    if (found === -1 && header.length < bytes.length) throw tooLong('header');
    const from = at;
    at = found === -1 ? header.length : found + 1;
    if (line === '') return { lines, end: at };
    if (hasControl(header, from, from + line.length)) throw malformed('a control character in the header');
    addLine(lines, line, limits);
  }
  if (header.length < bytes.length) throw tooLong('header');
  return { lines, end: bytes.length };
}

function addLine(lines: string[], line: string, limits: HeaderLimits): void {
  if (!line.startsWith(' ') && !line.startsWith('\t')) {
    lines.push(line);
    return;
  }
  const first = lines.pop();
  if (first === undefined) throw malformed('a continuation of nothing');
  if (first.length + line.length > limits.headerLineBytes) throw tooLong('header line');
  lines.push(first + line);
}

function tooLong(what: string): EmpaError {
  return new EmpaError('limit-exceeded', `MIME: ${what} too long`);
}

const TYPE = /[ \t]*([\w!#$%&'*+.^`{|}~-]+\/[\w!#$%&'*+.^`{|}~-]+)[ \t]*/uy;
// Values with `=` or `/` in them should be quoted and often are not.
const PARAMETER = /;[ \t]*(?:([\w!#$%&'*+.^`{|}~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))[ \t]*)?/uy;

/** Reads a Content-Type field (RFC 2045 section 5.1). Throws message-malformed. */
export function parseContentType(value: string): ContentType {
  TYPE.lastIndex = 0;
  const type = TYPE.exec(value)?.[1];
  if (type === undefined) throw malformed('a Content-Type that is none');
  const parameters = new Map<string, string>();
  for (let at = TYPE.lastIndex; at < value.length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(value);
    if (match === null) throw malformed('a Content-Type with something else in it');
    const [, name, quoted, plain] = match;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) throw malformed('a parameter that is there twice');
    parameters.set(key, plain ?? quoted?.replaceAll(/\\(.)/gu, '$1') ?? '');
  }
  return { type: type.toLowerCase(), parameters };
}
