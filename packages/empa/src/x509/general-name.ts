import { type DerNode, isContext, isUniversal, TAG } from '../der.js';
import { EmpaError } from '../errors.js';
import { DistinguishedName } from './name.js';

/** GeneralName (RFC 5280 section 4.2.1.6), as far as name constraints are about it. */
export type GeneralName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  | { readonly kind: 'ip'; readonly octets: Buffer }
  | { readonly kind: 'directory'; readonly name: DistinguishedName }
  | { readonly kind: 'other'; readonly tag: number };

const TEXT_KINDS = new Map<number, 'email' | 'dns' | 'uri'>([
  [1, 'email'],
  [2, 'dns'],
  [6, 'uri'],
]);

const MAX_TAG = 8;

function malformed(): EmpaError {
  return new EmpaError('der-malformed', 'DER: a GeneralName expected');
}

/** Throws EmpaError `der-malformed`. */
export function readGeneralName(node: DerNode): GeneralName {
  if (node.tagClass !== 'context' || node.tag > MAX_TAG) throw malformed();
  const kind = TEXT_KINDS.get(node.tag);
  if (kind !== undefined) {
    if (node.constructed) throw malformed();
    return { kind, text: node.content.toString('latin1') };
  }
  if (isContext(node, 7)) {
    if (node.constructed) throw malformed();
    return { kind: 'ip', octets: node.content };
  }
  if (isContext(node, 4)) {
    const [name, ...rest] = node.children;
    if (name === undefined || rest.length > 0) throw malformed();
    return { kind: 'directory', name: DistinguishedName.fromDer(name) };
  }
  return { kind: 'other', tag: node.tag };
}

/** GeneralNames, in a SEQUENCE or under a context tag that stands for one. Throws EmpaError `der-malformed`. */
export function readGeneralNames(node: DerNode): GeneralName[] {
  if (!isUniversal(node, TAG.sequence) && !(node.tagClass === 'context' && node.constructed)) throw malformed();
  return node.children.map(readGeneralName);
}
