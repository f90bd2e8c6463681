export interface NameAttribute {
  /** Short name (`CN`) or dotted OID. */
  readonly type: string;
  readonly value: string;
}

/** A distinguished name: RDNs in encoded order, each with one or more attributes. */
export class DistinguishedName {
  readonly rdns: readonly (readonly NameAttribute[])[];

  constructor(rdns: readonly (readonly NameAttribute[])[]) {
    this.rdns = rdns;
  }

  /** Reads the slash form or RFC 4514. Throws EmpaError `name-malformed`. */
  static parse(_text: string): DistinguishedName {
    throw new Error('not built');
  }

  /** The slash form that the field uses: `/C=UK/O=eScience/CN=host.example.org`. */
  toString(): string {
    throw new Error('not built');
  }
}

/** One line of a list of DNs, in slash form or RFC 4514. */
export class DnRule {
  readonly line: string;

  private constructor(line: string) {
    this.line = line;
  }

  static parse(line: string): DnRule {
    return new DnRule(line);
  }

  matches(_name: DistinguishedName): boolean {
    throw new Error('not built');
  }
}
