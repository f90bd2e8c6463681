/** Every code that {@link SpoolError} can carry; docs/errors.md has one heading for each. */
export const SPOOL_ERROR_CODES = [
  'path-missing',
  'permission-denied',
  'disk-full',
  'read-only',
  'io-error',
  'too-large',
  'not-regular',
  'unreadable',
  'changed-while-reading',
  'claim-lost',
  'element-corrupt',
  'name-invalid',
  'name-taken',
  'record-corrupt',
  'record-newer',
  'stage-too-slow',
  'server-away',
  'server-refused',
  'server-forgot',
  'held-elsewhere',
] as const;
export type SpoolErrorCode = (typeof SPOOL_ERROR_CODES)[number];

export class SpoolError extends Error {
  override readonly name = 'SpoolError';
  readonly code: SpoolErrorCode;
  readonly path: string | undefined;

  constructor(code: SpoolErrorCode, message: string, options: { readonly cause?: unknown; readonly path?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.path = options.path;
  }
}
