/** What SignedData and EnvelopedData have in common: fields of sequences, ContentInfo, AlgorithmIdentifier. */
import {
  contextInParts,
  type DerNode,
  isContext,
  isUniversal,
  nullValue,
  octetsOf,
  oid,
  oidOf,
  parseDer,
  sequence,
  sequenceInParts,
  TAG,
} from '../der.js';
import { EmpaError } from '../errors.js';
import type { Limits } from '../limits.js';

export function malformed(why: string): EmpaError {
  return new EmpaError('der-malformed', `CMS: ${why}`);
}

/** Reads the fields of a SEQUENCE (or of a context tag that stands for one) in order. */
export class Fields {
  readonly #nodes: readonly DerNode[];
  readonly #what: string;
  #next = 0;

  constructor(node: DerNode | undefined, what: string) {
    if (node === undefined || !(isUniversal(node, TAG.sequence) || (node.tagClass === 'context' && node.constructed))) {
      throw malformed(`${what} expected`);
    }
    this.#nodes = node.children;
    this.#what = what;
  }

  /** The next field. */
  take(): DerNode {
    const node = this.#nodes[this.#next++];
    if (node === undefined) throw malformed(`${this.#what} is too short`);
    return node;
  }

  /** The next field when it has tag `[n]`. */
  takeContext(n: number): DerNode | undefined {
    return isContext(this.#nodes[this.#next], n) ? this.take() : undefined;
  }

  /** The next field when there is one. */
  takeOptional(): DerNode | undefined {
    return this.#next < this.#nodes.length ? this.take() : undefined;
  }

  /** The next field, a SET. */
  takeSet(): readonly DerNode[] {
    const node = this.take();
    if (!isUniversal(node, TAG.set)) throw malformed(`${this.#what} lacks a SET`);
    return node.children;
  }

  end(): void {
    if (this.#next < this.#nodes.length) throw malformed(`${this.#what} is too long`);
  }
}

/** The one value inside an EXPLICIT tag. */
export function onlyChild(node: DerNode): DerNode {
  const [child, ...rest] = node.children;
  if (child === undefined || rest.length > 0) throw malformed('an explicit tag with other than one value');
  return child;
}

/** An OCTET STRING; segments of the constructed form are joined. */
export function readOctets(node: DerNode, what: string): Buffer {
  if (!isUniversal(node, TAG.octetString)) throw malformed(`${what} is no OCTET STRING`);
  return octetsOf(node);
}

export interface Algorithm {
  readonly oid: string;
  readonly parameters: DerNode | undefined;
}

export function readAlgorithm(node: DerNode | undefined): Algorithm {
  const fields = new Fields(node, 'AlgorithmIdentifier');
  const algorithm = { oid: oidOf(fields.take()), parameters: fields.takeOptional() };
  fields.end();
  return algorithm;
}

export interface ContentInfo {
  readonly contentType: string;
  readonly content: DerNode;
}

/** RFC 5652 section 3. `isKnown`: of certificates, see ParseDerOptions. Throws der-malformed, limit-exceeded. */
export function readContentInfo(
  bytes: Buffer,
  { derDepth, derValues }: Pick<Limits, 'derDepth' | 'derValues'>,
  isKnown?: (octets: Buffer) => boolean,
): ContentInfo {
  const fields = new Fields(parseDer(bytes, { derDepth, derValues, isKnown }), 'ContentInfo');
  const contentType = oidOf(fields.take());
  const content = fields.takeContext(0);
  if (content === undefined) throw malformed('ContentInfo without content');
  fields.end();
  return { contentType, content: onlyChild(content) };
}

/** In parts; `content`: one encoded value, also in parts. */
export function writeContentInfo(contentType: string, content: readonly Uint8Array[]): readonly Uint8Array[] {
  return sequenceInParts(oid(contentType), ...contextInParts(0, content));
}

/** With NULL for parameters where the algorithm is of RSA (RFC 3370), without for the others. */
export function writeAlgorithm(algorithm: string, parameters?: Buffer | 'null'): Buffer {
  if (parameters === undefined) return sequence(oid(algorithm));
  return sequence(oid(algorithm), parameters === 'null' ? nullValue() : parameters);
}
