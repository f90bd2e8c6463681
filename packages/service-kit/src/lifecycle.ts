import type { LifecycleSettings } from './common-settings.js';
import type { Health } from './health.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import type { ConfigOf, Settings } from './settings.js';

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

export interface ServiceContext {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Aborted when the stop begins (SIGTERM, SIGINT, or the service itself ends). */
  readonly stopping: AbortSignal;
  /** Steps that run at the stop, last added first, each whatever the others did, within the drain deadline (the signal aborts at it). */
  onStop(name: string, step: (deadline: AbortSignal) => Promise<void> | void): void;
  /** Called at SIGHUP; a failure is logged and changes nothing else. */
  onReload(name: string, reload: () => Promise<void> | void): void;
}

/** What start() hands back when the service can end by itself. */
export interface Running {
  /** Resolves with the exit code when the work is done (`--once`) or rejects: both begin the stop. Absent: runs until a signal. */
  readonly done?: Promise<number>;
}

export interface ServiceDefinition<S extends LifecycleSettings & Settings> {
  /** `sender`: in logs, help and metrics. */
  readonly name: string;
  readonly version: string;
  readonly settings: S;
  /** Resolves when the service is up; health says ready once its components do. The ops server answers before this is called. */
  start(context: ServiceContext, config: ConfigOf<S>): Promise<Running>;
}

/** The process around the service; tests give their own. */
export interface ServiceHost {
  /** Without node and the script. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly writableLength?: number };
  readonly stderr: NodeJS.WritableStream;
  /** Source of SIGTERM, SIGINT, SIGHUP, uncaughtException and unhandledRejection. */
  readonly events: NodeJS.EventEmitter;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/**
 * The whole life of a service process; main.ts is `process.exit(await runService(definition))`.
 * Never rejects: what goes wrong is logged and becomes the exit code.
 */
export function runService<const S extends LifecycleSettings & Settings>(
  _definition: ServiceDefinition<S>,
  _host?: ServiceHost,
): Promise<number> {
  return Promise.reject(new Error('not built'));
}
