/** The room's owner gives these their own files; the shapes are what the services are written against. */
import type { Counter, Gauge, Histogram } from 'prom-client';

export type { Counter, Gauge, Histogram } from 'prom-client';

// ---- errors
export type ServiceErrorCode = 'config-invalid' | 'config-unreadable' | 'ops-listen-failed' | 'start-failed' | 'stop-timeout';

// ---- configuration: file (JSON or YAML), environment, command line, in that order of increasing weight; strict
export interface Setting<T> {
  readonly doc: string;
  readonly default: T;
  /** Environment variable; default made from the key: `SSM_BROKER_LOGIN`. Secrets also take `<NAME>_FILE`. */
  readonly env?: string;
  readonly secret?: boolean;
  readonly format: SettingFormat;
}
/** duration: `30s`, `10m`, `7d`, or milliseconds; bytes: `20MiB`, or a number; both become numbers. */
export type SettingFormat =
  | 'string'
  | 'path'
  | 'boolean'
  | 'integer'
  | 'port'
  | 'duration'
  | 'bytes'
  | 'mode'
  | 'string-list'
  | { readonly oneOf: readonly string[] };
/** Nested: { broker: { urls: Setting<string[]> } }. Keys are lowerCamelCase, joined with dots in documents. */
export type Settings = { readonly [key: string]: Setting<unknown> | Settings };
export type ConfigOf<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : S[K] extends Settings ? ConfigOf<S[K]> : never };

export interface ConfigSources {
  /** Path of a JSON or YAML file; absent: none. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--broker.login=x`, `--broker.login x`. */
  readonly args: readonly string[];
}

// ---- log
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

// ---- metrics: all names start with ssm_
export interface Metrics {
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>;
  histogram<L extends string = never>(name: string, help: string, labels?: readonly L[], buckets?: readonly number[]): Histogram<L>;
  /** Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
  /** name, type, help, labels of every metric; the docs test reads it. */
  describe(): readonly { readonly name: string; readonly type: string; readonly help: string; readonly labels: readonly string[] }[];
}

// ---- health
export interface Health {
  /** A component is ready, or not and why. Unknown components make the service not ready until they are set. */
  set(component: string, ready: true | string): void;
  /** Declares components that must be set before the service is ready. */
  require(...components: readonly string[]): void;
  /** Work exists and resources are there: call moved() at every stage that ends; liveness fails when none did for long. */
  moved(): void;
  pending(isPending: () => boolean): void;
  ready(): {
    readonly ready: boolean;
    readonly components: Readonly<Record<string, { readonly ready: boolean; readonly reason?: string }>>;
  };
  live(): { readonly live: boolean; readonly reason?: string };
}

// ---- reload: a value made from files, replaced as a whole when they change, the last good one kept
export interface Reloadable<T> {
  /** The newest good value. */
  readonly current: T;
  /** Why the newest attempt failed, while it does. */
  readonly failure: Error | undefined;
  readonly loadedAt: Date;
  /** Look now (tests, SIGHUP). */
  check(): Promise<void>;
  close(): void;
}
export interface ReloadOptions<T> {
  /** Files and directories whose change means: load again. Called before each look. Links are followed. */
  readonly watch: () => readonly string[];
  readonly load: () => Promise<T>;
  /** Default 5 s between looks at the stat fingerprint. */
  readonly intervalMs?: number;
  /** Load again after so long even if nothing changed. Default 60 s. */
  readonly maximumAgeMs?: number;
  readonly onChange?: (value: T) => void;
  readonly onFailure?: (error: Error) => void;
}

// ---- life cycle
export interface ServiceContext {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Aborted when the stop begins (SIGTERM, SIGINT, or the service itself ends). */
  readonly stopping: AbortSignal;
  /** Steps that run at the stop, last added first, each whatever the others did, within the drain deadline (the signal aborts at it). */
  onStop(name: string, step: (deadline: AbortSignal) => Promise<void> | void): void;
}
