import { EmpaError } from '../errors.js';
import { CONTROL_PATTERN, canonicalType, type NameAttribute, OID_PATTERN, TYPE_NAMES } from './attribute.js';

const CONTROL = new RegExp(CONTROL_PATTERN, 'gu');
/** How CONTROL is printed. */
const PRINTED_CONTROL = /\\x(?:[01][0-9a-f]|7f)/iu;
const OPAQUE_VALUE = /^#(?:[0-9a-f]{2})+$/iu;
const BOUNDARY = new RegExp(`/(${TYPE_NAMES.join('|')}|${OID_PATTERN})=`, 'gu');

const printControl = (character: string): string => `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * `/C=UK/O=eScience/CN=host.example.org`: attributes in the order given, `/` in a value as it is, control characters as `\xNN`, a value
 * that is no text as `#` and hex. For people and for lists; not always reversible (see parseSlashForm).
 */
export function printSlashForm(attributes: readonly NameAttribute[]): string {
  return attributes.map(({ type, value, opaque }) => `/${type}=${opaque ? '#' : ''}${value.replace(CONTROL, printControl)}`).join('');
}

function malformed(text: string, why: string): EmpaError {
  return new EmpaError('name-malformed', `${why}: ${text.replace(CONTROL, printControl)}`);
}

function checkValue(text: string, value: string): void {
  if (PRINTED_CONTROL.test(value)) throw malformed(text, 'the slash form cannot tell \\xNN from a control character, use RFC 4514');
  if (OPAQUE_VALUE.test(value)) throw malformed(text, 'the slash form cannot tell #hex from a value that is no text, use RFC 4514');
}

/**
 * Splits at each `/TYPE=` of a known type or an OID. Nothing is unescaped; what could be read in two ways, apart from a value with
 * `/TYPE=` in it, is refused. Throws EmpaError name-malformed.
 */
export function parseSlashForm(text: string): NameAttribute[] {
  if (text.search(CONTROL) >= 0) throw malformed(text, 'a control character');
  const boundaries = [...text.matchAll(BOUNDARY)];
  if (boundaries[0]?.index !== 0) throw malformed(text, 'no /TYPE= of a known attribute type at the beginning');
  return boundaries.map((boundary, index) => {
    const value = text.slice(boundary.index + boundary[0].length, boundaries[index + 1]?.index);
    checkValue(text, value);
    const type = canonicalType(boundary[1] ?? '');
    if (type === undefined) throw malformed(text, 'an unknown attribute type');
    return { type, value };
  });
}
