import { jsonEscaped } from './unprintable.js';

/** Makes one readable line of one JSON line: `2030-01-31T10:00:00.000Z INFO  message  key=value`. */
export function textLine(json: string, colours: boolean): string {
  const { time, level, msg, service: _service, instance: _instance, ...fields }: Record<string, unknown> = JSON.parse(json);
  const shown = Object.entries(fields).map(([key, value]) => `${jsonEscaped(key)}=${fieldText(value)}`);
  const head = `${jsonEscaped(String(time))} ${levelText(String(level), colours)} ${jsonEscaped(String(msg))}`;
  return `${[[head, ...shown].join('  '), ...Object.values(fields).flatMap(stackLines)].join('\n')}\n`;
}

const COLOURS: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31 };

function levelText(level: string, colours: boolean): string {
  const text = level.toUpperCase().padEnd('ERROR'.length);
  return colours ? `\u001b[${COLOURS[level] ?? 0}m${text}\u001b[0m` : text;
}

function fieldText(value: unknown): string {
  if (isError(value)) return jsonEscaped(JSON.stringify(errorText(value)));
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? jsonEscaped(value) : jsonEscaped(JSON.stringify(value));
}

/** What toLoggable() makes of an Error. */
interface LoggedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly cause?: unknown;
  readonly stack?: string;
}

function isError(value: unknown): value is LoggedError {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value;
}

/** `ServiceError ops-listen-failed: text <- Error EADDRINUSE: text`. */
function errorText({ name, code, message, cause }: LoggedError): string {
  const own = `${name}${code === undefined ? '' : ` ${code}`}: ${message}`;
  if (cause === undefined) return own;
  return `${own} <- ${isError(cause) ? errorText(cause) : JSON.stringify(cause)}`;
}

function stackLines(value: unknown): readonly string[] {
  if (!isError(value) || value.stack === undefined) return [];
  return [...value.stack.split('\n').map((line) => jsonEscaped(line)), ...stackLines(value.cause)];
}
