import { createHealth, createMetrics, type Health, type LogFields, type Logger, type Metrics, type ServiceContext } from '@ssm/service-kit';
import type { Scope } from '@ssm/test-support';

interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** What runService gives a service, in this process. */
export interface TestContext extends ServiceContext {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly lines: readonly LogLine[];
  /** Begins the stop and runs its steps, the last added first. Idempotent. */
  stop(deadlineMs?: number): Promise<void>;
  /** As SIGHUP does. */
  reload(): Promise<void>;
}

/** Stopped when the test ends. */
export function createContext(scope: Scope): TestContext {
  const stopping = new AbortController();
  const steps: ((deadline: AbortSignal) => Promise<void> | void)[] = [];
  const reloads: (() => Promise<void> | void)[] = [];
  const lines: LogLine[] = [];
  let stopped: Promise<void> | undefined;
  const stop = async (deadlineMs: number): Promise<void> => {
    stopping.abort();
    const deadline = AbortSignal.timeout(deadlineMs);
    for (const step of steps.toReversed()) await step(deadline);
  };
  const context: TestContext = {
    log: memoryLogger(lines),
    metrics: createMetrics({ service: 'receiver', version: '0.0.0-test' }),
    health: createHealth({ stuckAfterMs: 60_000 }),
    stopping: stopping.signal,
    onStop: (_name, step) => void steps.push(step),
    onReload: (_name, reload) => void reloads.push(reload),
    lines,
    stop: (deadlineMs = 5000) => (stopped ??= stop(deadlineMs)),
    reload: async () => {
      for (const reload of reloads) await reload();
    },
  };
  scope.after(() => context.stop());
  return context;
}

function memoryLogger(lines: LogLine[]): Logger {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => memoryLogger(lines) };
}

/** The value of a metric, 0 where it was never set. */
export async function metricOf(context: Pick<TestContext, 'metrics'>, name: string): Promise<number> {
  const line = (await context.metrics.render()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
