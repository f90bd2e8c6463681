/** Every code that {@link TransportError} can carry; docs/errors.md has one heading for each. */
export const TRANSPORT_ERROR_CODES = [
  'connect-failed',
  'connect-timeout',
  'tls-failed',
  'broker-error',
  'unauthorised',
  'resource-missing',
  'broker-silent',
  'connection-lost',
  'protocol-error',
  'receipt-timeout',
  'message-refused',
  'message-too-large',
  'not-acknowledged',
  'aborted',
  'closed',
  'options-invalid',
] as const;
export type TransportErrorCode = (typeof TRANSPORT_ERROR_CODES)[number];

export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
  }
}
