/** The only importer of prom-client. */
import type { Counter, Gauge, Histogram } from 'prom-client';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** name, type, help and labels of one metric; the docs test reads it. */
export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** All names start with ssm_; a name, label or unit against the conventions of Prometheus throws a TypeError. */
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
  /** Every metric in the order of registration. */
  describe(): readonly MetricDescription[];
}

/** A registry of its own: process metrics and `ssm_build_info{version,node,service}` are in it from the start. */
export function createMetrics(_options: { readonly service: string; readonly version: string }): Metrics {
  throw new Error('not built');
}
