import type { LifecycleSettings } from './common-settings.js';
import type { Preset } from './config-sources.js';
import type { Health } from './health.js';
import type { Logger } from './log.js';
import type { LineStream } from './log-output.js';
import type { Metrics } from './metrics.js';
import type { ConfigOf, Settings } from './settings.js';

export interface ServiceContext {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Aborted when the stop begins (SIGTERM, SIGINT, or the service itself ends). */
  readonly stopping: AbortSignal;
  /** Steps that run at the stop, last added first, each whatever the others did, within the drain deadline (the signal aborts at it). */
  onStop(name: string, step: (deadline: AbortSignal) => Promise<void> | void): void;
  /** Called at SIGHUP, in the order of adding; a failure is logged and changes nothing else. On a terminal SIGHUP begins the stop. */
  onReload(name: string, reload: () => Promise<void> | void): void;
}

/** What start() hands back. */
export interface Running {
  /**
   * Resolves with the exit code when the work has ended, or rejects. Before a signal (`--once`, a failure) it begins the stop; after one
   * the stop waits for it, behind the stop steps and within the same deadline. Absent: 0 after a signal.
   */
  readonly done?: Promise<number>;
}

export interface ServiceDefinition<S extends LifecycleSettings & Settings> {
  /** `sender`: in logs, help and metrics. */
  readonly name: string;
  readonly version: string;
  readonly settings: S;
  /** Looks before anything is opened or written, the log file included. When it rejects the process ends with 1, and says why on standard error. */
  admit?(config: ConfigOf<S>): Promise<void>;
  /**
   * Resolves when the service is up; it is ready once its components are, too. Health and metrics are served before this is called.
   * When it rejects, the stop steps added so far run and the process ends: 2 for a ServiceError `config-*`, else 1.
   */
  start(context: ServiceContext, config: ConfigOf<S>): Promise<Running>;
}

/** The process around the service; tests give their own. */
export interface ServiceHost {
  /** Without node and the script. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How the program calls itself where it has no log; default the name of the service. */
  readonly program?: string;
  /** Values that weigh less than those of any other source. */
  readonly preset?: Preset;
  readonly stdout: LineStream & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stderr: NodeJS.WritableStream;
  /** Emits SIGTERM, SIGINT, SIGHUP, uncaughtException and unhandledRejection. */
  readonly events: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}
