import { parseDer } from '../der.js';
import { EmpaError } from '../errors.js';
import { type AttributeValue, attributeValue, CONTROL_PATTERN, canonicalTypeAnyCase, type NameAttribute } from './attribute.js';

type Rdn = readonly NameAttribute[];

/** Separators and specials of RFC 4514 section 2.4 that must not stand in a value unescaped. */
const SPECIAL = new Set('"+,;<>\\');
const ESCAPABLE = new Set([...SPECIAL, ' ', '#', '=']);
const HEX_PAIR = /^[0-9a-f]{2}$/iu;
const UNPRINTABLE = new RegExp(`${CONTROL_PATTERN}|\\p{Surrogate}`, 'u');

function malformed(text: string, why: string): EmpaError {
  return new EmpaError('name-malformed', `${why}: ${JSON.stringify(text)}`);
}

/** What has been read of a line, and where reading stands. */
class Reader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get next(): string {
    return this.text.charAt(this.at);
  }

  /** Whether the next character is this one; then it is taken. */
  take(character: string): boolean {
    const found = this.next === character;
    if (found) this.at += 1;
    return found;
  }

  skipSpaces(): void {
    while (this.take(' '));
  }

  /** Everything up to the first of the characters, which is not taken. */
  until(stops: string): string {
    const start = this.at;
    while (this.at < this.text.length && !stops.includes(this.next)) this.at += 1;
    return this.text.slice(start, this.at);
  }
}

/** The octets that an escape stands for; the reader is at the backslash. */
function readEscape(reader: Reader): Buffer {
  const pair = reader.text.slice(reader.at + 1, reader.at + 3);
  if (HEX_PAIR.test(pair)) {
    reader.at += 3;
    return Buffer.from(pair, 'hex');
  }
  const character = pair.charAt(0);
  if (!ESCAPABLE.has(character)) throw malformed(reader.text, 'an unknown escape');
  reader.at += 2;
  return Buffer.from(character);
}

function readString(reader: Reader): string {
  const octets: Buffer[] = [];
  // Trailing spaces belong to the value only when they are escaped.
  let significant = 0;
  while (reader.at < reader.text.length && reader.next !== ',' && reader.next !== '+') {
    if (reader.next === '\\') {
      octets.push(readEscape(reader));
      significant = octets.length;
      continue;
    }
    const character = String.fromCodePoint(reader.text.codePointAt(reader.at) ?? 0);
    if (SPECIAL.has(character)) throw malformed(reader.text, `an unescaped ${character}`);
    octets.push(Buffer.from(character));
    reader.at += character.length;
    if (character !== ' ') significant = octets.length;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(octets.slice(0, significant)));
  } catch (cause) {
    throw new EmpaError('name-malformed', `escapes that are not UTF-8: ${JSON.stringify(reader.text)}`, { cause });
  }
}

/** `#` and the hex of a DER value. */
function readHexString(reader: Reader): AttributeValue {
  const hex = reader.until(',+').trimEnd().slice(1).toLowerCase();
  if (!/^(?:[0-9a-f]{2})+$/u.test(hex)) throw malformed(reader.text, 'a # that is not followed by hex');
  return valueOfDer(Buffer.from(hex, 'hex'), reader.text);
}

function valueOfDer(der: Buffer, line: string): AttributeValue {
  try {
    return attributeValue(parseDer(der, { strict: true }));
  } catch (cause) {
    throw new EmpaError('name-malformed', `a # whose hex is no DER value: ${JSON.stringify(line)}`, { cause });
  }
}

function readAttribute(reader: Reader): NameAttribute {
  const written = reader.until('=,+').trim();
  const type = canonicalTypeAnyCase(written);
  if (type === undefined || !reader.take('=')) throw malformed(reader.text, 'an attribute without a known type');
  reader.skipSpaces();
  if (reader.next === '#') return { type, ...readHexString(reader) };
  return { type, value: readString(reader) };
}

/** `CN=host,O=eScience,C=UK`: the last RDN first. Throws EmpaError name-malformed. */
export function parseRfc4514(text: string): Rdn[] {
  if (UNPRINTABLE.test(text)) throw malformed(text, 'a control character that is not escaped');
  const reader = new Reader(text);
  const rdns: NameAttribute[][] = [[]];
  for (;;) {
    rdns.at(-1)?.push(readAttribute(reader));
    if (reader.at === text.length) return rdns.toReversed();
    // A value ends only at a comma, a plus sign, or the end.
    if (reader.take(',')) rdns.push([]);
    else reader.take('+');
  }
}
