/** The names under which OpenSSL looks for the files of a CA: `HASH.0`, `HASH.r0` (openssl-rehash(1)). */
import { createHash } from 'node:crypto';
import { type DerNode, isUniversal, parseDer, sequence, setOf, TAG, textOf, utf8String } from '../der.js';

/** Not NumericString: that is left as it is. */
const FOLDED = [TAG.utf8String, TAG.printableString, TAG.ia5String, TAG.t61String, TAG.bmpString, TAG.universalString, TAG.visibleString];

/** White space at the ends left out, other runs of it as one space, A to Z in lower case. */
function canonicalValue(node: DerNode): Buffer {
  if (!FOLDED.some((tag) => isUniversal(node, tag))) return node.raw;
  const spaced = textOf(node)
    .replaceAll(/[ \t-\r]+/gu, ' ')
    .replaceAll(/^ | $/gu, '');
  return utf8String(spaced.replaceAll(/[A-Z]+/gu, (letters) => letters.toLowerCase()));
}

function canonicalRdn(rdn: DerNode): Buffer {
  return setOf(...rdn.children.map(({ children }) => sequence(...children.map(canonicalValue))));
}

function hashOf(algorithm: 'sha1' | 'md5', octets: Buffer): string[] {
  try {
    return [createHash(algorithm).update(octets).digest().readUInt32LE(0).toString(16).padStart(8, '0')];
  } catch {
    // A Node.js without MD5 (FIPS 140) finds no files under old names.
    return [];
  }
}

/** The hash of a Name, and that of OpenSSL before 1.0, which many directories have as well. Throws EmpaError `der-malformed`. */
export function nameHashes(der: Buffer): readonly string[] {
  const canonical = Buffer.concat(parseDer(der, { strict: true }).children.map(canonicalRdn));
  return [...hashOf('sha1', canonical), ...hashOf('md5', der)];
}
