/** The only importer of prom-client. */
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
  /** `collect` runs at each scrape; when it fails, the gauge shows nothing and ssm_metrics_collect_failures_total counts it. */
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

/** A registry of its own, with `ssm_build_info{version,node,service}` in it. */
export function createMetrics(options: { readonly service: string; readonly version: string }): Metrics {
  const metrics = new MetricRegistry();
  metrics.buildInfo(options);
  return metrics;
}

const BUILD_INFO = { name: 'ssm_build_info', help: 'Always 1; the labels say what runs.', labels: ['version', 'node', 'service'] } as const;

class MetricRegistry implements Metrics {
  readonly #registry = new Registry();
  readonly #described: MetricDescription[] = [];
  readonly #failures = this.counter('ssm_metrics_collect_failures_total', 'Values that could not be found out for a scrape.');
  #rendering: Promise<string> | undefined;

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
    const collected = (): Promise<void> => this.#collect(gauge, collect);
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      ...(collect === undefined ? {} : { collect: collected }),
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

  /** One value that cannot be found out must not cost the whole scrape. */
  async #collect<L extends string>(gauge: Gauge<L>, collect?: (gauge: Gauge<L>) => void | Promise<void>): Promise<void> {
    try {
      await collect?.(gauge);
    } catch {
      gauge.reset();
      // Without labels a reset would leave a 0 that looks like a measurement.
      gauge.remove();
      this.#failures.inc();
    }
  }
}
