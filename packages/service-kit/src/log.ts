/** The only importer of pino. */
import { pino, stdTimeFunctions } from 'pino';
import type { LogOutput } from './log-output.js';
import { textLine } from './log-text.js';
import { loggableFields, loggableText } from './loggable.js';
import { jsonEscaped } from './unprintable.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Messages are static texts; what varies goes into the fields. An Error (in any field) becomes { name, code, message, cause },
 * with stack when the level is debug. Fields with secret names, the secrets that were given, and private keys are blanked.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same logger with fields that every line carries. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly service: string;
  readonly instance: string;
  /** Least severe level that is logged. */
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
  readonly output: LogOutput;
  /** Colours in text. Default no. */
  readonly colours?: boolean;
  /** Values that must never be logged, wherever they turn up. */
  readonly secrets?: readonly string[];
}

/** Names that a line has of its own; fields of that name get a trailing underscore, so that no line has one twice. */
const OWN_NAMES = ['level', 'time', 'msg', 'service', 'instance'];

export function createLogger(options: LoggerOptions): Logger {
  const { output, level, format, service, instance, colours = false, secrets = [] } = options;
  const logger = pino(
    {
      level,
      base: { service, instance },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(format === 'json' ? `${jsonEscaped(line.trimEnd())}\n` : textLine(line, colours)) },
  );
  let reported = 0;
  function write(line: string): void {
    const before = output.dropped;
    output.write(line);
    const lost = before - reported;
    if (output.dropped > before || lost === 0) return;
    reported = before;
    logger.warn({ lines: lost }, 'log lines were dropped because the reader is too slow or the disk is full');
  }
  const loggable = { secrets, stacks: level === 'debug' };

  function withFields(bound: LogFields): Logger {
    const at = (severity: LogLevel) => (message: string, fields?: LogFields) => {
      if (!logger.isLevelEnabled(severity)) return;
      logger[severity](loggableFields(renamed({ ...bound, ...fields }), loggable), loggableText(message, secrets));
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => withFields({ ...bound, ...fields }),
    };
  }
  return withFields({});
}

function renamed(fields: LogFields): LogFields {
  if (!OWN_NAMES.some((name) => name in fields)) return fields;
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [OWN_NAMES.includes(key) ? `${key}_` : key, value]));
}
