import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleSettings } from './common-settings.js';
import { changedSettings, secretValues } from './config-values.js';
import { suspectVariables } from './environment.js';
import { ServiceError } from './errors.js';
import { EXIT_CODES } from './exit-codes.js';
import { createHealth, type Health, watchLiveness } from './health.js';
import type { Logger } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type OpsServer, startOpsServer } from './ops-server.js';
import { type PidFile, writePidFile } from './pid-file.js';
import { addProcessMetrics } from './process-metrics.js';
import type { Running, ServiceContext, ServiceDefinition, ServiceHost } from './service.js';
import { openServiceLog, type ServiceLog } from './service-log.js';
import { type ConfigOf, describeSettings, type Settings } from './settings.js';
import { StopSteps } from './stop-steps.js';

/** Time after the drain deadline for steps to notice it, and for the last log lines; drain and these fit in a grace period of 30 s. */
const GIVE_UP_AFTER_MS = 2_000;
const FLUSH_MS = 1_000;
/** Signals within this time are one: a terminal and npm (or a parent) both deliver a Ctrl-C. */
const SAME_SIGNAL_MS = 500;

/** Exit code of a process that a signal ends, less the number of the signal. */
const SIGNAL_EXIT = 128;

/** Values of log.file with which nothing is kept. */
const NO_FILES: ReadonlySet<string> = new Set(['', '/dev/null']);

/** One run of a service, from a good configuration to the exit code. */
export class ServiceRun<S extends LifecycleSettings & Settings> {
  readonly #definition: ServiceDefinition<S>;
  readonly #config: ConfigOf<S>;
  readonly #own: ConfigOf<LifecycleSettings>;
  readonly #host: ServiceHost;
  readonly #serviceLog: ServiceLog;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #health: Health;
  readonly #steps: StopSteps;
  readonly #reloads: { readonly name: string; readonly reload: () => Promise<void> | void }[] = [];
  readonly #stopping = new AbortController();
  #reloading: Promise<void> = Promise.resolve();
  #signalledAt: number | undefined;
  #ops: OpsServer | undefined;
  #pidFile: PidFile | undefined;
  readonly #stopMeasuring: () => void;
  #crash: (code: number) => void = () => undefined;

  /** Throws ServiceError `log-file-failed`. */
  constructor(definition: ServiceDefinition<S>, config: ConfigOf<S>, host: ServiceHost) {
    this.#definition = definition;
    this.#config = config;
    this.#own = config;
    this.#host = host;
    const { name, version } = definition;
    this.#serviceLog = openServiceLog(definition, this.#own, host);
    this.#log = this.#serviceLog.log;
    this.#metrics = createMetrics({ service: name, version });
    this.#health = createHealth({ stuckAfterMs: this.#own.liveness.stuckAfter, secrets: secretValues(definition.settings, config) });
    this.#steps = new StopSteps(this.#log);
    this.#stopMeasuring = addProcessMetrics(this.#metrics, { health: this.#health, output: this.#serviceLog.output });
  }

  async run(): Promise<number> {
    const crashed = new Promise<number>((resolve) => {
      this.#crash = resolve;
    });
    const stopWatching = watchLiveness(this.#health, this.#log);
    const unlisten = this.#listen();
    try {
      const code = await Promise.race([this.#live(), crashed]);
      await this.#ops?.close();
      this.#log.info('stopped', { code });
      if (code !== EXIT_CODES.ok) this.#tell(code);
      return code;
    } finally {
      this.#stopMeasuring();
      stopWatching();
      this.#pidFile?.release();
      await this.#serviceLog.output.flush(FLUSH_MS);
      this.#serviceLog.close();
      unlisten();
    }
  }

  /** Of a failure cron should hear, and whoever started us by hand, also where the log is somewhere else or nowhere. */
  #tell(code: number): void {
    const { console: shown, file } = this.#own.log;
    if (shown) return;
    const where = NO_FILES.has(file) ? 'there is no log: set log.file or log.console' : `see the log file ${file}`;
    this.#host.stderr.write(`${this.#host.program ?? this.#definition.name}: failed, exit code ${code}; ${where}\n`);
  }

  /** Start, work, stop. Never rejects. */
  async #live(): Promise<number> {
    this.#announce();
    this.#health.set('service', 'starting');
    try {
      const { pidFile } = this.#own;
      if (pidFile !== '') this.#pidFile = writePidFile(pidFile, process.pid);
      this.#ops = await startOpsServer({ ...this.#own.ops, health: this.#health, metrics: this.#metrics });
      this.#log.info('health and metrics are served', { url: this.#ops.url });
      return await this.#stop(await this.#untilStop());
    } catch (error) {
      return await this.#stop({ code: this.#startFailed(error) });
    }
  }

  #startFailed(error: unknown): number {
    if (this.#stopping.signal.aborted) {
      // A start that a signal interrupts may well fail; that is no failure of the service.
      this.#log.warn('start was interrupted', { error });
      return EXIT_CODES.ok;
    }
    const coded = error instanceof Error && 'code' in error;
    this.#log.error('start failed', {
      error: coded ? error : new ServiceError('start-failed', 'The service could not be started', { cause: error }),
    });
    return error instanceof ServiceError && error.code.startsWith('config-') ? EXIT_CODES.configuration : EXIT_CODES.failed;
  }

  #announce(): void {
    const { settings, version } = this.#definition;
    const changed = changedSettings(settings, this.#config);
    this.#log.info('starting', { version, node: process.versions.node, pid: process.pid, settings: changed });
    for (const detail of this.#host.preset?.warnings ?? []) this.#log.warn('the configuration has a part that is not used', { detail });
    for (const suspect of suspectVariables(this.#host.env, describeSettings(settings)))
      this.#log.warn('environment variable is not known', { ...suspect });
  }

  /** Rejects when the start fails. */
  async #untilStop(): Promise<End> {
    if (this.#stopping.signal.aborted) return { code: EXIT_CODES.ok };
    const stop = once(this.#stopping.signal, 'abort');
    const starting = this.#definition.start(this.#context(), this.#config);
    const running = await Promise.race([starting, stop]);
    if (Array.isArray(running)) return { code: EXIT_CODES.ok, starting };
    this.#health.set('service', true);
    this.#log.info('started', { secondsSinceProcessStart: Math.round(performance.now()) / 1000 });
    if (running.done === undefined) {
      await stop;
      return { code: EXIT_CODES.ok };
    }
    const ended = await Promise.race([this.#codeOf(running.done), stop]);
    return typeof ended === 'number' ? { code: ended } : { code: EXIT_CODES.failed, done: running.done };
  }

  async #codeOf(done: Promise<number>): Promise<number> {
    try {
      return await done;
    } catch (error) {
      this.#log.error('service failed', { error });
      return EXIT_CODES.failed;
    }
  }

  #context(): ServiceContext {
    return {
      log: this.#log,
      metrics: this.#metrics,
      health: this.#health,
      stopping: this.#stopping.signal,
      onStop: (name, step) => this.#steps.add(name, step),
      onReload: (name, reload) => void this.#reloads.push({ name, reload }),
    };
  }

  /** Resolves with the exit code when every step and the run ended, or were given up. */
  async #stop({ code, starting, done }: End): Promise<number> {
    const { drain } = this.#own.shutdown;
    this.#health.set('service', 'stopping');
    this.#stopping.abort();
    const deadline = AbortSignal.timeout(drain);
    const timer = new AbortController();
    // No reason for the process to live: the operations server is, to the last.
    const givenUp = sleep(drain + GIVE_UP_AFTER_MS, undefined, { signal: timer.signal, ref: false }).catch(() => undefined);
    if (starting !== undefined) await Promise.race([this.#settled(starting), givenUp]);
    await this.#steps.run(deadline, givenUp);
    const final = done === undefined ? code : ((await Promise.race([this.#codeOf(done), givenUp])) ?? code);
    timer.abort();
    if (!deadline.aborted) return final;
    const error = new ServiceError('stop-timeout', `The stop took longer than shutdown.drain, ${drain} ms`);
    this.#log.error('stop took too long', { error });
    return EXIT_CODES.stopTimeout;
  }

  async #settled(starting: Promise<Running>): Promise<void> {
    try {
      await starting;
    } catch (error) {
      this.#startFailed(error);
    }
  }

  /** Returns a function that stops listening. */
  #listen(): () => void {
    const { events } = this.#host;
    const handlers = {
      SIGTERM: () => this.#onSignal('SIGTERM'),
      SIGINT: () => this.#onSignal('SIGINT'),
      // On a terminal SIGHUP says that it was closed; without one it is the usual way to ask for a reload.
      SIGHUP: () => (this.#host.stdout.isTTY === true ? this.#onSignal('SIGHUP') : this.#onReload()),
      uncaughtException: (error: unknown) => this.#onCrash(error),
      unhandledRejection: (error: unknown) => this.#onCrash(error),
    };
    for (const [event, handler] of Object.entries(handlers)) events.on(event, handler);
    return () => {
      for (const [event, handler] of Object.entries(handlers)) events.off(event, handler);
    };
  }

  #onSignal(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void {
    const now = performance.now();
    this.#signalledAt ??= now;
    if (this.#signalledAt === now) {
      this.#log.info('stop requested', { signal });
      this.#stopping.abort();
    } else if (now - this.#signalledAt > SAME_SIGNAL_MS) {
      this.#log.warn('second signal, ending at once', { signal });
      this.#host.exit(SIGNAL_EXIT + constants.signals[signal]);
    }
  }

  #onReload(): void {
    this.#reopenLog();
    this.#log.info('reload requested', { signal: 'SIGHUP' });
    const before = this.#reloading;
    this.#reloading = (async () => {
      await before;
      for (const { name, reload } of this.#reloads) await this.#reload(name, reload);
    })();
  }

  /** At once: whoever renamed the file may take the old one away when the signal is sent. */
  #reopenLog(): void {
    try {
      this.#serviceLog.reopen();
    } catch (error) {
      this.#log.error('reload failed', { what: 'log file', error });
    }
  }

  async #reload(name: string, reload: () => Promise<void> | void): Promise<void> {
    try {
      await reload();
    } catch (error) {
      this.#log.error('reload failed', { what: name, error });
    }
  }

  /** Nothing is repaired here: the next start recovers. */
  #onCrash(error: unknown): void {
    this.#log.error('crashed', { error, stack: error instanceof Error ? error.stack : undefined });
    this.#crash(EXIT_CODES.failed);
  }
}

/** Why the stop begins: the exit code, or what is still under way. */
interface End {
  readonly code: number;
  /** The start, when a signal came before it was through. */
  readonly starting?: Promise<Running>;
  /** The run, when a signal came before it had ended by itself. */
  readonly done?: Promise<number>;
}
