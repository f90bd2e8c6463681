/**
 * Comparison of names as RFC 5280 section 7.1 has it: case and insignificant spaces ignored, string types ignored, an RDN is a set.
 * For building chains and name constraints only. Never to authorise somebody: names that differ must not be taken for the same there.
 */
import type { NameAttribute } from './attribute.js';
import type { DistinguishedName } from './name.js';

const keys = new WeakMap<DistinguishedName, readonly string[]>();

/** White space that is not one space already: most of it is, and each replacement costs. */
const SPACES = /\s{2,}|[^\S ]/gu;

/** Anybody can write a name. That this costs no more than its length is seen to where a value is read, see attributeValue(). */
function normalised({ type, value, opaque }: NameAttribute): string {
  const folded = opaque ? value : value.normalize('NFKC').toLowerCase().replaceAll(SPACES, ' ').trim();
  return JSON.stringify([type, folded, opaque === true]);
}

/** One key an RDN, in encoded order. */
function rdnKeys(name: DistinguishedName): readonly string[] {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const made = name.rdns.map((rdn) => JSON.stringify(rdn.map(normalised).toSorted()));
  keys.set(name, made);
  return made;
}

/** The same for two names exactly when they match. */
export function chainingKey(name: DistinguishedName): string {
  return rdnKeys(name).join('\n');
}

export function namesMatch(a: DistinguishedName, b: DistinguishedName): boolean {
  return chainingKey(a) === chainingKey(b);
}

/** Whether the name lies in the subtree (RFC 5280 section 4.2.1.10, directoryName): begins with the same RDNs. */
export function isWithin(name: DistinguishedName, subtree: DistinguishedName): boolean {
  const inner = rdnKeys(name);
  return rdnKeys(subtree).every((key, index) => inner[index] === key);
}
