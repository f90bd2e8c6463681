import type { LifecycleSettings } from './common-settings.js';
import { secretValues } from './config-values.js';
import { createLogger, type Logger } from './log.js';
import { openLogFile, teeOutput } from './log-file.js';
import { type LogOutput, standardOutput } from './log-output.js';
import type { ServiceDefinition, ServiceHost } from './service.js';
import type { ConfigOf, Settings } from './settings.js';

/** The log of a service as its configuration describes it. */
export interface ServiceLog {
  readonly log: Logger;
  readonly output: LogOutput;
  /** Goes on in the log file that has the name now. Throws ServiceError `log-file-failed`; then the old one stays in use. */
  reopen(): void;
  close(): void;
}

/** Throws ServiceError `log-file-failed`. */
export function openServiceLog<S extends LifecycleSettings & Settings>(
  { name, settings }: ServiceDefinition<S>,
  config: ConfigOf<LifecycleSettings>,
  { env, stdout }: ServiceHost,
): ServiceLog {
  const { instance, log } = config;
  const { NO_COLOR: noColour } = env;
  const file = log.file === '' ? undefined : openLogFile(log.file);
  const output = teeOutput([...(log.console ? [standardOutput(stdout)] : []), ...(file === undefined ? [] : [file])]);
  const terminal = stdout.isTTY === true && log.console && file === undefined;
  return {
    output,
    log: createLogger({
      service: name,
      instance,
      level: log.level,
      format: log.format === 'json' || (log.format === 'auto' && !terminal) ? 'json' : 'text',
      output,
      colours: terminal && (noColour ?? '') === '',
      secrets: secretValues(settings, config),
    }),
    reopen: () => file?.reopen(),
    close: () => file?.close(),
  };
}
