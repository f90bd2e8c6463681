/** STOMP frames as text: escapes, header lines, versions. https://stomp.github.io/stomp-specification-1.2.html */

export const VERSIONS = ['1.2', '1.1', '1.0'] as const;
export type StompVersion = (typeof VERSIONS)[number];

export interface Frame {
  readonly command: string;
  /** Of a header that is there several times, the first. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export type FrameHead = Omit<Frame, 'body'>;

/** Why a client is turned away; becomes an ERROR frame. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** Close without the ERROR frame. */
  readonly wordless: boolean;
  readonly headers: ReadonlyMap<string, string>;

  constructor(message: string, options: { readonly wordless?: boolean; readonly headers?: ReadonlyMap<string, string> } = {}) {
    super(message);
    this.wordless = options.wordless ?? false;
    this.headers = options.headers ?? new Map();
  }
}

const MAXIMUM_HEADERS = 1000;

const UNESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\c': ':', '\\r': '\r' };
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', ':': '\\c', '\r': '\\r' };

/** CONNECT and CONNECTED know no escapes, for old peers' sake; neither does 1.0 (STOMP 1.2, "Value Encoding"). */
const hasEscapes = (command: string, version: StompVersion): boolean =>
  version !== '1.0' && command !== 'CONNECT' && command !== 'CONNECTED';

function decodeValue(text: string, version: StompVersion): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\[\s\S]?/g, (sequence) => {
    const character = sequence === '\\r' && version === '1.1' ? undefined : UNESCAPED[sequence];
    if (character === undefined) throw new Refusal('Undefined escape sequence in a header');
    return character;
  });
}

function encodeValue(text: string, version: StompVersion): string {
  return text.replace(version === '1.2' ? /[\\\n:\r]/g : /[\\\n:]/g, (character) => ESCAPED[character] ?? character);
}

const withoutCarriageReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** The lines before the blank line. `version` is what was negotiated on the connection. Throws Refusal. */
export function parseHead(text: string, version: StompVersion): FrameHead {
  if (text.includes('\0')) throw new Refusal('NUL inside the header of a frame');
  const [command = '', ...lines] = text.split('\n').map(withoutCarriageReturn);
  if (lines.length > MAXIMUM_HEADERS) throw new Refusal('Too many headers');
  const escapes = hasEscapes(command, version);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Refusal('Header line without a name or a colon');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    const key = escapes ? decodeValue(name, version) : name;
    if (!headers.has(key)) headers.set(key, escapes ? decodeValue(value, version) : value);
  }
  return { command, headers };
}

/** Header lines, each with its line end. What a version without escapes cannot say loses its line ends. */
export function encodeHeaders(command: string, headers: Iterable<readonly [string, string]>, version: StompVersion): string {
  const escapes = hasEscapes(command, version);
  const encode = (text: string): string => (escapes ? encodeValue(text, version) : text.replace(/[\r\n]/g, ' '));
  let text = '';
  for (const [name, value] of headers) text += `${encode(name)}:${encode(value)}\n`;
  return text;
}
