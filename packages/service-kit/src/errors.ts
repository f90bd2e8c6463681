/** Every code that this package throws; documented one heading a code. */
export const SERVICE_ERROR_CODES = [
  /** The configuration has faults; the message lists all of them. */
  'config-invalid',
  /** The configuration file cannot be read, or is neither JSON nor YAML. */
  'config-unreadable',
  /** Certificates, keys, lists or the trust directory give no answer; what was loaded stays in use. */
  'files-unanswered',
  /** The file of log.file cannot be opened. */
  'log-file-failed',
  /** The health and metrics server cannot listen at ops.host:ops.port. */
  'ops-listen-failed',
  /** The file of pidFile cannot be written. */
  'pid-file-failed',
  /** The file of pidFile is that of another process, which runs. */
  'pid-file-taken',
  /** The service could not be started, for a reason that has no code of its own; the cause says why. */
  'start-failed',
  /** The ordered stop was not through when shutdown.drain had passed. */
  'stop-timeout',
] as const;

export type ServiceErrorCode = (typeof SERVICE_ERROR_CODES)[number];

/** What this package throws: switch on `code`, read `message`, follow `cause`. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ServiceErrorCode;

  constructor(code: ServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What settings that do not go together were refused with, as the fault of the configuration that it is. */
export function configFault(what: string, error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  return new ServiceError('config-invalid', error instanceof Error ? `${what}: ${error.message}` : what, { cause: error });
}
