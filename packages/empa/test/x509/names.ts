/** Names for tests: encoding them, and drawing them at random. */
import * as fc from 'fast-check';
import { oid, parseDer, sequence, setOf } from '../../src/der.js';
import { CONTROL_PATTERN } from '../../src/x509/attribute.js';
import { DistinguishedName, type NameAttribute } from '../../src/x509/name.js';

const OIDS: Readonly<Record<string, string>> = {
  C: '2.5.4.6',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
  emailAddress: '1.2.840.113549.1.9.1',
};

/** A DER value with the tag and content given, of fewer than 128 octets or 256. */
export function value(tag: number, content: Uint8Array): Buffer {
  const length = content.length < 128 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

export const encodedAttribute = (type: string, encoded: Uint8Array): Buffer => sequence(oid(OIDS[type] ?? type), encoded);

/** A name of single-valued RDNs with the encoded values given. */
export const nameOf = (...attributes: readonly (readonly [type: string, encoded: Uint8Array])[]): DistinguishedName =>
  DistinguishedName.fromDer(parseDer(sequence(...attributes.map(([type, encoded]) => setOf(encodedAttribute(type, encoded))))));

export const name = (...rdns: readonly (readonly (readonly [type: string, value: string])[])[]): DistinguishedName =>
  new DistinguishedName(rdns.map((rdn) => rdn.map(([type, text]) => ({ type, value: text }))));

/** Pieces out of which look-alikes are made. */
const piece = fc.constantFrom(
  'a',
  'b',
  'A',
  ' ',
  '/',
  '=',
  '/CN=',
  '/O=',
  'CN=',
  ',',
  '+',
  '\\',
  '#',
  '"',
  '\u00e9',
  'e\u0301',
  '\u0445',
  '\u0000',
  '\n',
  '\\x0A',
  '#0c01',
  '/1.2.3=',
);
const text = fc.oneof(
  fc.array(piece, { maxLength: 4 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const attribute: fc.Arbitrary<NameAttribute> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ type: fc.constantFrom('C', 'O', 'CN', 'UID', 'emailAddress', '1.2.3', '2.5.4.5'), value: text }) },
  { weight: 1, arbitrary: fc.constantFrom('0500', '030101').map((hex) => ({ type: 'CN', value: hex, opaque: true as const })) },
);

export const anyName = fc
  .array(fc.array(attribute, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 4 })
  .map((rdns) => new DistinguishedName(rdns));

export const sameAttributes = (a: DistinguishedName, b: DistinguishedName): boolean =>
  JSON.stringify(a.attributes.map((one) => [one.type, one.value, one.opaque])) ===
  JSON.stringify(b.attributes.map((one) => [one.type, one.value, one.opaque]));

const UNPRINTABLE = new RegExp(`${CONTROL_PATTERN}|\\p{Surrogate}`, 'u');
const hexOf = (character: string): string => Buffer.from(character).toString('hex').toUpperCase().replace(/../gu, '\\$&');

function printValue({ value: content, opaque }: NameAttribute): string {
  if (opaque) return `#${content}`;
  const escaped = Array.from(content, (character) => {
    if (UNPRINTABLE.test(character)) return hexOf(character);
    return '"+,;<>\\'.includes(character) ? `\\${character}` : character;
  }).join('');
  return escaped.replace(/^[ #]|(?!^) $/gu, '\\$&');
}

/** In RFC 4514: parsed, it is the same name again, apart from string types. */
export function rfc4514(subject: DistinguishedName): string {
  return subject.rdns
    .toReversed()
    .map((rdn) => rdn.map((one) => `${one.type}=${printValue(one)}`).join('+'))
    .join(',');
}
