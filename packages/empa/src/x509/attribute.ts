import { type DerNode, isUniversal, TAG, textOf } from '../der.js';
import { EmpaError } from '../errors.js';

/** One attribute of a distinguished name. */
export interface NameAttribute {
  /** Short name (`CN`) or dotted OID. */
  readonly type: string;
  readonly value: string;
  /** The value is no character string; `value` is then the lower-case hex of its DER. */
  readonly opaque?: true;
}

/** OpenSSL's short names, which are printed; every other type is printed as its OID. */
const PRINTED: readonly (readonly [oid: string, name: string])[] = [
  ['2.5.4.6', 'C'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.3', 'CN'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
  ['2.5.4.4', 'SN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.9', 'street'],
  ['2.5.4.12', 'title'],
  ['2.5.4.13', 'description'],
  ['2.5.4.15', 'businessCategory'],
  ['2.5.4.17', 'postalCode'],
  ['2.5.4.20', 'telephoneNumber'],
  ['2.5.4.41', 'name'],
  ['2.5.4.42', 'GN'],
  ['2.5.4.43', 'initials'],
  ['2.5.4.44', 'generationQualifier'],
  ['2.5.4.46', 'dnQualifier'],
  ['2.5.4.65', 'pseudonym'],
  ['2.5.4.72', 'role'],
  ['2.5.4.97', 'organizationIdentifier'],
  ['1.2.840.113549.1.9.2', 'unstructuredName'],
  ['1.2.840.113549.1.9.8', 'unstructuredAddress'],
];

/** What other tools print for a type, and lists therefore hold: read, never printed. */
const SYNONYMS: readonly (readonly [name: string, type: string])[] = [
  ['Email', 'emailAddress'],
  ['E', 'emailAddress'],
  ['USERID', 'UID'],
];

const NAME_OF_OID = new Map(PRINTED);
const TYPE_OF_NAME = new Map([...PRINTED.map(([, name]) => [name, name] as const), ...SYNONYMS]);
const TYPE_OF_FOLDED_NAME = new Map([...TYPE_OF_NAME].map(([name, type]) => [name.toLowerCase(), type]));

/** Source of a regular expression for a dotted OID. */
export const OID_PATTERN = '[0-2](?:\\.(?:0|[1-9]\\d*))+';
const OID = new RegExp(`^${OID_PATTERN}$`, 'u');

/** Every name by which an attribute type is known here, as it is written. */
export const TYPE_NAMES: readonly string[] = [...TYPE_OF_NAME.keys()];

/** The type as it is printed, from an OID or from a name as it is written; undefined when it is neither. */
export function canonicalType(text: string): string | undefined {
  return TYPE_OF_NAME.get(text) ?? (OID.test(text) ? (NAME_OF_OID.get(text) ?? text) : undefined);
}

/** The same with names in any case, and `OID.1.2.3` (RFC 4514 section 3 and its predecessors). */
export function canonicalTypeAnyCase(text: string): string | undefined {
  return canonicalType(text.replace(/^oid\./iu, '')) ?? TYPE_OF_FOLDED_NAME.get(text.toLowerCase());
}

/** Source of a regular expression (flag u) for U+0000 to 1F and 7F, which are never printed as they are. */
export const CONTROL_PATTERN = '[^\\P{Cc}\\u0080-\\u009f]';

export type AttributeValue = Pick<NameAttribute, 'value' | 'opaque'>;

const STRING_TAGS = [
  TAG.utf8String,
  TAG.printableString,
  TAG.ia5String,
  TAG.t61String,
  TAG.bmpString,
  TAG.universalString,
  TAG.numericString,
  TAG.visibleString,
];

/** Marks, and the two letters that become one when a name is normalised (halfwidth sound marks). */
const COMBINING = /[\p{M}\uFF9E\uFF9F]+/gu;
/** UTF-16 units. As in the Stream-Safe Text Format (UAX #15 section 13): normalising takes time with the square of their number. */
const MAX_COMBINING = 30;

/** Value of an AttributeTypeAndValue (RFC 5280 section 4.1.2.4). Throws EmpaError der-malformed, limit-exceeded. */
export function attributeValue(node: DerNode): AttributeValue {
  if (!STRING_TAGS.some((tag) => isUniversal(node, tag))) return { value: node.raw.toString('hex'), opaque: true };
  const value = textOf(node);
  // Half of a surrogate pair has no UTF-8: printed, two such names would look the same.
  if (/\p{Surrogate}/u.test(value)) throw new EmpaError('der-malformed', 'DER: a character string with half a character');
  if (value.match(COMBINING)?.some((marks) => marks.length > MAX_COMBINING)) {
    throw new EmpaError('limit-exceeded', `A name with more than ${MAX_COMBINING} combining marks in a row`);
  }
  return { value };
}
