/** Every code that {@link SenderError} can carry; docs/errors.md has one heading for each. */
export const SENDER_ERROR_CODES = [
  // refused at start, or not ready while it lasts
  'broker-ca-unreadable',
  'recipient-unreadable',
  'recipient-is-self',
  'recipient-unsupported',
  'recipient-not-valid',
  'identity-not-valid',
  'broker-away',
  'stopping',
  // one file, for good: quarantined
  'sealed-too-large',
  'not-splittable',
  'name-reserved',
] as const;
export type SenderErrorCode = (typeof SENDER_ERROR_CODES)[number];

export class SenderError extends Error {
  override readonly name = 'SenderError';
  readonly code: SenderErrorCode;

  constructor(code: SenderErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}
