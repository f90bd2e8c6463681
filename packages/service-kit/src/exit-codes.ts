/** How a service process ends. A second signal while stopping ends it at once with 128 + the signal's number. */
export const EXIT_CODES = {
  ok: 0,
  /** Start failed, crash, or a run that ended by itself had failures. */
  failed: 1,
  /** Configuration or command line. */
  configuration: 2,
  /** The stop was not through when shutdown.drain had passed. */
  stopTimeout: 3,
} as const;
