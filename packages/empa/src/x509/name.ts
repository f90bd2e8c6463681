import { type DerNode, isUniversal, oidOf, TAG } from '../der.js';
import { EmpaError } from '../errors.js';
import { attributeValue, canonicalType, type NameAttribute } from './attribute.js';
import { parseRfc4514 } from './rfc4514.js';
import { parseSlashForm, printSlashForm } from './slash-form.js';

export type { NameAttribute } from './attribute.js';

type Rdn = readonly NameAttribute[];

/** A distinguished name: RDNs in encoded order, each with one or more attributes. */
export class DistinguishedName {
  readonly rdns: readonly Rdn[];
  #slashForm: string | undefined;
  #flatKey: string | undefined;
  #structuredKey: string | undefined;

  /** Types may be given as short names or OIDs. */
  constructor(rdns: readonly Rdn[]) {
    this.rdns = rdns.map((rdn) => rdn.map((attribute) => ({ ...attribute, type: canonicalType(attribute.type) ?? attribute.type })));
  }

  /** Reads the slash form or RFC 4514. Throws EmpaError `name-malformed`. */
  static parse(text: string): DistinguishedName {
    return new DistinguishedName(text.startsWith('/') ? parseSlashForm(text).map((attribute) => [attribute]) : parseRfc4514(text));
  }

  /** Reads a Name (RFC 5280 section 4.1.2.4). Throws EmpaError `der-malformed`, `limit-exceeded`. */
  static fromDer(node: DerNode): DistinguishedName {
    if (!isUniversal(node, TAG.sequence)) throw malformedDer('a Name expected');
    return new DistinguishedName(node.children.map(readRdn));
  }

  /** The slash form that the field uses: `/C=UK/O=eScience/CN=host.example.org`. */
  toString(): string {
    this.#slashForm ??= printSlashForm(this.attributes);
    return this.#slashForm;
  }

  /** All attributes in encoded order, RDN boundaries ignored. */
  get attributes(): readonly NameAttribute[] {
    return this.rdns.flat();
  }

  /** The same for two names exactly when their lists of attributes are the same. */
  get flatKey(): string {
    this.#flatKey ??= JSON.stringify(this.attributes.map(attributeKey));
    return this.#flatKey;
  }

  /** The same for two names exactly when their RDNs are the same, each RDN taken as a set. */
  get structuredKey(): string {
    this.#structuredKey ??= JSON.stringify(this.rdns.map((rdn) => rdn.map(attributeKey).toSorted()));
    return this.#structuredKey;
  }
}

// Arrays in JSON: no character of one value can pass for the end of another.
const attributeKey = ({ type, value, opaque }: NameAttribute): string => JSON.stringify([type, value, opaque === true]);

function malformedDer(why: string): EmpaError {
  return new EmpaError('der-malformed', `DER: ${why}`);
}

function readRdn(node: DerNode): Rdn {
  if (!isUniversal(node, TAG.set) || node.children.length === 0) throw malformedDer('an RDN expected');
  return node.children.map((attribute) => {
    const [type, value, ...rest] = attribute.children;
    if (!isUniversal(attribute, TAG.sequence) || type === undefined || value === undefined || rest.length > 0) {
      throw malformedDer('an attribute of a Name expected');
    }
    return { type: oidOf(type), ...attributeValue(value) };
  });
}

/** Without blanks at both ends. Not trim(): that takes characters of other scripts too, which a name may end in. */
function stripped(line: string): string {
  let start = 0;
  while (start < line.length && ' \t\r\n'.includes(line.charAt(start))) start += 1;
  // RFC 4514 can escape a space at the end; its parser leaves out the others.
  const blanks = line.startsWith('/', start) ? ' \t\r\n' : '\t\r\n';
  let end = line.length;
  while (end > start && blanks.includes(line.charAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

/**
 * One line of a list of DNs, in slash form or RFC 4514. In slash form it matches names with the same attributes in the same order, wherever
 * one RDN ends and the next begins; in RFC 4514 names with the same RDNs in the same order, each RDN a set. Types are compared by OID, values
 * by exact code points, whatever their string type. Blanks around the line do not count.
 */
export class DnRule {
  readonly line: string;
  readonly name: DistinguishedName;
  readonly isSlashForm: boolean;

  private constructor(line: string) {
    this.line = line;
    const text = stripped(line);
    this.name = DistinguishedName.parse(text);
    this.isSlashForm = text.startsWith('/');
  }

  /** Throws EmpaError `name-malformed`. */
  static parse(line: string): DnRule {
    return new DnRule(line);
  }

  matches(name: DistinguishedName): boolean {
    return keyFor(name, this.isSlashForm) === keyFor(this.name, this.isSlashForm);
  }
}

const keyFor = (name: DistinguishedName, isSlashForm: boolean): string => (isSlashForm ? name.flatKey : name.structuredKey);

/** What any of many rules matches. Of the rules it keeps the keys alone, which take less memory. */
export class DnRules {
  readonly #slash = new Set<string>();
  readonly #rfc4514 = new Set<string>();

  add({ isSlashForm, name }: DnRule): void {
    (isSlashForm ? this.#slash : this.#rfc4514).add(keyFor(name, isSlashForm));
  }

  matches(name: DistinguishedName): boolean {
    return this.#slash.has(name.flatKey) || (this.#rfc4514.size > 0 && this.#rfc4514.has(name.structuredKey));
  }
}
