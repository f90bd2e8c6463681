/** What a failure means for the file that met it. */

/** Faults of the file itself, that no later try heals: it goes to quarantine, and the rest flows on. */
const PERMANENT: ReadonlySet<string> = new Set([
  // spool
  'too-large',
  'not-regular',
  'unreadable',
  'name-invalid',
  'element-corrupt',
  // empa
  'limit-exceeded',
  // transport
  'message-refused',
  'message-too-large',
  // sender
  'sealed-too-large',
  'not-splittable',
  'name-reserved',
]);

/** Faults that have nothing to do with the file: it is given back, and tried again without a delay of its own. */
const CIRCUMSTANCES: ReadonlySet<string> = new Set([
  // transport
  'aborted',
  'closed',
  // sender
  'identity-not-valid',
  'recipient-is-self',
  'recipient-not-valid',
  'broker-away',
  'stopping',
]);

export type Verdict = 'quarantine' | 'retry-later' | 'retry';

export function judge(error: unknown): Verdict {
  const code = codeOf(error);
  if (PERMANENT.has(code)) return 'quarantine';
  return CIRCUMSTANCES.has(code) ? 'retry' : 'retry-later';
}

/** The code of an error; what has none is a fault of this program. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unexpected';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
