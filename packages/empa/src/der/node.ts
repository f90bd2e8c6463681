/** One BER or DER value (X.690), immutable. Its buffers are views of the bytes that were parsed, never copies. */
export interface DerNode {
  readonly tagClass: 'universal' | 'application' | 'context' | 'private';
  readonly tag: number;
  readonly constructed: boolean;
  /** The whole value as it was read: tag, length, content and, after an indefinite length, the end-of-contents octets. */
  readonly raw: Buffer;
  /** Content octets. */
  readonly content: Buffer;
  readonly children: readonly DerNode[];
}

/** Universal tag numbers. */
export const TAG = {
  endOfContents: 0,
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  utf8String: 12,
  sequence: 16,
  set: 17,
  numericString: 18,
  printableString: 19,
  t61String: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  visibleString: 26,
  universalString: 28,
  bmpString: 30,
} as const;
