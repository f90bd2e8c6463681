/** The only importer of prom-client. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { checkMetric } from './metric-names.js';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** name, type, help and labels of one metric; the docs test reads it. */
export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * A name, label or unit against the conventions of Prometheus throws a TypeError, a name given twice an Error:
 * all names start with ssm_, counters and only they end in _total, units are seconds, bytes and ratio.
 */
export interface Metrics {
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** `collect` runs at each scrape; when it fails or takes longer than 4 s, the gauge shows nothing and ssm_metrics_collect_failures_total counts it. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>;
  /** Default buckets: 5 ms to 10 s. */
  histogram<L extends string = never>(name: string, help: string, labels?: readonly L[], buckets?: readonly number[]): Histogram<L>;
  /** Prometheus text format. Calls at the same time share one collection. */
  render(): Promise<string>;
  readonly contentType: string;
  /** Every metric in the order of registration. */
  describe(): readonly MetricDescription[];
}

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Time for one value at a scrape; a volume that hangs must not take the other metrics with it. */
const COLLECT_MS = 4_000;

export interface MetricsOptions {
  readonly service: string;
  readonly version: string;
  /** Milliseconds for the `collect` of one gauge at a scrape. Default 4 s. */
  readonly collectMs?: number;
}

/** A registry of its own, with `ssm_build_info{version,node,service}` in it. */
export function createMetrics(options: MetricsOptions): Metrics {
  const metrics = new MetricRegistry(options.collectMs ?? COLLECT_MS);
  metrics.buildInfo(options);
  return metrics;
}

const BUILD_INFO = { name: 'ssm_build_info', help: 'Always 1; the labels say what runs.', labels: ['version', 'node', 'service'] } as const;

class MetricRegistry implements Metrics {
  readonly #registry = new Registry();
  readonly #described: MetricDescription[] = [];
  readonly #failures = this.counter('ssm_metrics_collect_failures_total', 'Values that could not be found out for a scrape.');
  readonly #collectMs: number;
  #rendering: Promise<string> | undefined;

  constructor(collectMs: number) {
    this.#collectMs = collectMs;
  }

  counter<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
    checkMetric('counter', name, help, labels);
    const counter = new Counter({ name, help, labelNames: labels, registers: [this.#registry] });
    this.#described.push({ name, type: 'counter', help, labels });
    return counter;
  }

  gauge<L extends string = never>(
    name: string,
    help: string,
    labels: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    checkMetric('gauge', name, help, labels);
    const collected = safely(collect, this.#collectMs, (): void => {
      // Without labels a reset would leave a 0 that looks like a measurement.
      if (labels.length === 0) gauge.remove();
      else gauge.reset();
      this.#failures.inc();
    });
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      ...(collect === undefined ? {} : { collect: () => collected(gauge) }),
    });
    this.#described.push({ name, type: 'gauge', help, labels });
    return gauge;
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    labels: readonly L[] = [],
    buckets: readonly number[] = DEFAULT_BUCKETS,
  ): Histogram<L> {
    checkMetric('histogram', name, help, labels);
    const histogram = new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [this.#registry] });
    this.#described.push({ name, type: 'histogram', help, labels });
    return histogram;
  }

  /** Its suffix is reserved for exactly this one. */
  buildInfo({ version, service }: { readonly version: string; readonly service: string }): void {
    const { name, help, labels } = BUILD_INFO;
    new Gauge({ name, help, labelNames: labels, registers: [this.#registry] }).set({ version, node: process.versions.node, service }, 1);
    this.#described.push({ name, type: 'gauge', help, labels });
  }

  render(): Promise<string> {
    this.#rendering ??= this.#render();
    return this.#rendering;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  describe(): readonly MetricDescription[] {
    return this.#described;
  }

  async #render(): Promise<string> {
    try {
      return await this.#registry.metrics();
    } finally {
      this.#rendering = undefined;
    }
  }
}

/**
 * Wraps a function that finds a value out: a failure or a time-out calls `failed` and is otherwise no matter. While one that timed out
 * is still under way it is not started again, else a hanging volume would eat the threads.
 */
function safely<V>(
  collect: ((value: V) => void | Promise<void>) | undefined,
  limitMs: number,
  failed: () => void,
): (value: V) => Promise<void> {
  let running: Promise<void> | undefined;
  const start = async (value: V): Promise<void> => {
    try {
      await collect?.(value);
    } catch {
      failed();
    } finally {
      running = undefined;
    }
  };
  return async (value) => {
    running ??= start(value);
    const timer = new AbortController();
    const late = sleep(limitMs, 'late', { signal: timer.signal }).catch(() => undefined);
    if ((await Promise.race([running, late])) === 'late') failed();
    timer.abort();
  };
}
