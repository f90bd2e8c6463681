import { isIPv4 } from 'node:net';
import { bits, boolean, type Der, encode, integer, octets, oid, sequence, tagged, taggedPrimitive } from './der.js';
import { nameElement } from './name.js';

export interface ExtraExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** Content of the extension's octet string. */
  readonly der: Uint8Array;
}

const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  any: '2.5.29.37.0',
};

export interface NameConstraints {
  /** As for subject alternative names, and `dirName:/C=UK/O=eScience`; an IP range as `IP:10.0.0.0/255.0.0.0`. */
  readonly permitted?: readonly string[];
  readonly excluded?: readonly string[];
}

export interface ProxyCertInfo {
  readonly pathLen?: number;
  /** OID of the policy language; default: inherit all. */
  readonly policy?: string;
}

export function extension(id: string, critical: boolean, value: Der | Uint8Array): Der {
  const der = value instanceof Uint8Array ? value : encode(value);
  return critical ? sequence(oid(id), boolean(true), octets(der)) : sequence(oid(id), octets(der));
}

const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));

function ipv6Bytes(text: string): Buffer {
  // The URL parser knows every spelling and writes the shortest one: only "::" is left to expand.
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const left = groups(head);
  const right = groups(tail);
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

const addressBytes = (text: string): Buffer => (isIPv4(text) ? Buffer.from(text.split('.').map(Number)) : ipv6Bytes(text));

/** GeneralName from `DNS:host`, `IP:127.0.0.1` (or `IP:address/mask`), `email:a@b`, `URI:http://...`, `dirName:/C=UK`. */
function generalName(text: string): Der {
  const at = text.indexOf(':');
  const value = text.slice(at + 1);
  switch (text.slice(0, at)) {
    case 'email':
      return taggedPrimitive(1, Buffer.from(value));
    case 'DNS':
      return taggedPrimitive(2, Buffer.from(value));
    case 'dirName':
      return tagged(4, nameElement(value));
    case 'URI':
      return taggedPrimitive(6, Buffer.from(value));
    case 'IP':
      return taggedPrimitive(7, Buffer.concat(value.split('/').map(addressBytes)));
    default:
      throw new RangeError(`not a general name: ${text}`);
  }
}

export function keyUsage(usages: readonly KeyUsage[]): Der {
  const numbers = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const byte = numbers.reduce((sum, number) => sum | (0x80 >> number), 0);
  return extension('2.5.29.15', true, bits(Buffer.from([byte]), 7 - Math.max(...numbers)));
}

export function basicConstraints(ca: boolean, pathLen: number | undefined): Der {
  const length = pathLen === undefined ? [] : [integer(pathLen)];
  return extension('2.5.29.19', true, ca ? sequence(boolean(true), ...length) : sequence(...length));
}

export const extendedKeyUsage = (usages: readonly string[]): Der =>
  extension('2.5.29.37', false, sequence(...usages.map((usage) => oid(EXTENDED_USAGES[usage] ?? usage))));

export const subjectAltName = (names: readonly string[]): Der => extension('2.5.29.17', false, sequence(...names.map(generalName)));
export const subjectKeyId = (id: Uint8Array): Der => extension('2.5.29.14', false, octets(id));
export const authorityKeyId = (id: Uint8Array): Der => extension('2.5.29.35', false, sequence(taggedPrimitive(0, id)));

export const crlDistribution = (url: string): Der =>
  extension('2.5.29.31', false, sequence(sequence(tagged(0, tagged(0, generalName(`URI:${url}`))))));

function subtrees(tag: number, names: readonly string[] | undefined): Der[] {
  return names === undefined ? [] : [tagged(tag, ...names.map((name) => sequence(generalName(name))))];
}

export function nameConstraints(constraints: NameConstraints): Der {
  return extension('2.5.29.30', true, sequence(...subtrees(0, constraints.permitted), ...subtrees(1, constraints.excluded)));
}

/** RFC 3820 section 3.8. */
export function proxyCertInfo(info: ProxyCertInfo): Der {
  const length = info.pathLen === undefined ? [] : [integer(info.pathLen)];
  return extension('1.3.6.1.5.5.7.1.14', true, sequence(...length, sequence(oid(info.policy ?? '1.3.6.1.5.5.7.21.1'))));
}
