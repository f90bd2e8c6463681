/** Every code that this service adds to those of the packages; docs/errors.md has one heading for each. */
export const RECEIVER_ERROR_CODES = [
  // reasons for a reject
  'dn-not-listed',
  'dn-denied',
  'not-utf8',
  'internal-error',
  // lists of DNs
  'list-unreadable',
  'list-malformed',
  'list-empty',
  'list-unstable',
  // configuration of the brokers
  'broker-ca-unreadable',
  // local trouble
  'space-low',
] as const;
export type ReceiverErrorCode = (typeof RECEIVER_ERROR_CODES)[number];

export class ReceiverError extends Error {
  override readonly name = 'ReceiverError';
  readonly code: ReceiverErrorCode;

  constructor(code: ReceiverErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
  }
}
