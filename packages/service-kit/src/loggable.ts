/** What may go into a log line: plain data of limited size, without secrets. */
export type Loggable = string | number | boolean | null | readonly Loggable[] | { readonly [key: string]: Loggable };

const MAX_TEXT = 8_192;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;
const MAX_CAUSES = 8;
const REDACTED = '[redacted]';

/** Fields whose name says that the value is secret, whatever it is. */
const SECRET_NAME = /pass(?:word|code|phrase)|secret|token|authorization|credential|private_?key/i;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** Shorter secrets would blank out half of what is logged. */
const MIN_SECRET = 4;

export interface LoggableOptions {
  /** Values that must not appear in any text. */
  readonly secrets: readonly string[];
  /** Errors with their stack. */
  readonly stacks: boolean;
}

/** Turns any value into loggable data. Never throws; cycles end at the depth limit. */
export function toLoggable(value: unknown, options: LoggableOptions, depth = 0): Loggable {
  if (typeof value === 'string') return loggableText(value, options.secrets);
  if (typeof value === 'number' || typeof value === 'boolean') return Number.isNaN(value) ? 'NaN' : value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'object' && value !== null) return depth >= MAX_DEPTH ? '[...]' : loggableObject(value, options, depth);
  return value === null ? null : `[${typeof value}]`;
}

/** A text without secrets and private keys, cut at a limit. */
export function loggableText(text: string, secrets: readonly string[]): string {
  // Twice the limit is looked at, so that a secret across the cut is found.
  let safe = text.slice(0, 2 * MAX_TEXT).replaceAll(PRIVATE_KEY, REDACTED);
  for (const secret of secrets) if (secret.length >= MIN_SECRET) safe = safe.replaceAll(secret, REDACTED);
  return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}[...]` : safe;
}

function loggableObject(value: object, options: LoggableOptions, depth: number): Loggable {
  try {
    return value instanceof Error ? loggableError(value, options, depth) : loggableData(value, options, depth);
  } catch {
    // A getter, toJSON or toString that throws.
    return '[unprintable]';
  }
}

function loggableData(value: object, options: LoggableOptions, depth: number): Loggable {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value) || value instanceof Set)
    return [...value].slice(0, MAX_ENTRIES).map((each) => toLoggable(each, options, depth + 1));
  const plain = plainForm(value);
  if (typeof plain !== 'object' || plain === null) return toLoggable(plain, options, depth + 1);
  return loggableFields(plain, options, depth);
}

/** The fields of an object, secret ones blanked; undefined ones left out. */
export function loggableFields(fields: object, options: LoggableOptions, depth = 0): { readonly [key: string]: Loggable } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.slice(0, MAX_ENTRIES).map(([key, value]): [string, Loggable] => {
      const secret = SECRET_NAME.test(key) && typeof value !== 'boolean' && typeof value !== 'number';
      return [key, secret ? REDACTED : toLoggable(value, options, depth + 1)];
    }),
  );
}

/** Maps as objects; instances by their toJSON or toString, because their fields are nobody's business. */
function plainForm(value: object): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), each]));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return value;
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON();
  const text = stringOf(value);
  return text.startsWith('[object ') ? `[${value.constructor.name}]` : text;
}

function stringOf(value: { toString(): string }): string {
  return value.toString();
}

function loggableError(error: Error, options: LoggableOptions, depth: number, causes = 0): Loggable {
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {};
  const cause = error.cause === undefined || causes >= MAX_CAUSES ? {} : { cause: loggableCause(error.cause, options, depth, causes + 1) };
  const errors = error instanceof AggregateError ? { errors: toLoggable(error.errors, options, depth + 1) } : {};
  const stack = options.stacks && error.stack !== undefined ? { stack: loggableText(error.stack, options.secrets) } : {};
  return { name: error.name, ...code, message: loggableText(error.message, options.secrets), ...errors, ...cause, ...stack };
}

function loggableCause(cause: unknown, options: LoggableOptions, depth: number, causes: number): Loggable {
  return cause instanceof Error ? loggableError(cause, options, depth, causes) : toLoggable(cause, options, depth + 1);
}
