import { type Der, decode, encode, oid, primitive, sequence, set, TAG } from './der.js';

export type StringType = 'utf8' | 'printable' | 'ia5' | 't61' | 'bmp' | 'universal' | 'visible' | 'numeric';

/** Type as a short name (`CN`) or a dotted OID; a value that is bytes is taken as it is. */
export type NameAttribute = readonly [type: string, value: string | Uint8Array, encoding?: StringType];
/** One attribute, or several for a multi-valued RDN, encoded in the order given. */
export type NameRdn = NameAttribute | readonly NameAttribute[];
/** RDNs in encoded order, the slash form (`/C=UK/CN=host`), or the DER of a Name. */
export type NameInput = string | readonly NameRdn[] | Uint8Array;

export const ATTRIBUTE_OIDS: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  SN: '2.5.4.4',
  serialNumber: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  street: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  title: '2.5.4.12',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
  emailAddress: '1.2.840.113549.1.9.1',
};

function encodeText(text: string, encoding: StringType): Buffer {
  if (encoding === 'utf8') return Buffer.from(text, 'utf8');
  if (encoding === 'bmp') return Buffer.from(text, 'utf16le').swap16();
  if (encoding !== 'universal') return Buffer.from(text, 'latin1');
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(points.length * 4);
  for (const [index, point] of points.entries()) bytes.writeUInt32BE(point, index * 4);
  return bytes;
}

function defaultEncoding(type: string): StringType {
  if (type === 'C' || type === 'serialNumber') return 'printable';
  return type === 'DC' || type === 'emailAddress' ? 'ia5' : 'utf8';
}

function attribute([type, value, encoding = defaultEncoding(type)]: NameAttribute): Der {
  const bytes = typeof value === 'string' ? encodeText(value, encoding) : value;
  return sequence(oid(ATTRIBUTE_OIDS[type] ?? type), primitive(TAG[encoding], bytes));
}

const isMultiValued = (rdn: NameRdn): rdn is readonly NameAttribute[] => Array.isArray(rdn[0]);

const ATTRIBUTE_START = new RegExp(`/(?=(?:${Object.keys(ATTRIBUTE_OIDS).join('|')}|[0-9]+(?:\\.[0-9]+)+)=)`);

function parseSlashForm(text: string): NameAttribute[] {
  return text.split(ATTRIBUTE_START).flatMap((part): NameAttribute[] => {
    const at = part.indexOf('=');
    return at < 0 ? [] : [[part.slice(0, at), part.slice(at + 1)]];
  });
}

/** A Name. An unknown short name throws. */
export function encodeName(name: NameInput): Buffer {
  if (name instanceof Uint8Array) return Buffer.from(name);
  const rdns: readonly NameRdn[] = typeof name === 'string' ? parseSlashForm(name) : name;
  return encode(sequence(...rdns.map((rdn) => (isMultiValued(rdn) ? set(...rdn.map(attribute)) : set(attribute(rdn))))));
}

/** As an element, to put into a larger structure. */
export const nameElement = (name: NameInput): Der => decode(encodeName(name));
