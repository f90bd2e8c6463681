import type { Sample } from './sample.js';

/** What a figure is held against. */
export interface Aim {
  /** In the figure's own unit; where the limit was measured in the same repeat, that value. */
  readonly limit: number;
  /** What the limit is. */
  readonly of: string;
  /** The share of the limit that must be reached, or not be exceeded; null: shown, not judged. */
  readonly target: { readonly kind: 'at least' | 'at most'; readonly share: number } | null;
}

/** A figure of one repeat with what it is held against in the same repeat. */
export interface Aimed extends Sample {
  readonly aim?: Aim;
}

export interface Measurement {
  readonly name: string;
  readonly unit: string;
  /** Median over the repeats. */
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  readonly repeats: number;
  /** Median of what it is held against; null: nothing. */
  readonly limit: number | null;
  readonly limitIs: string | null;
  /** Median of the shares of the repeats; null where there is no target. */
  readonly share: number | null;
  readonly target: Aim['target'];
  readonly reached: boolean | null;
}

/** Of an even number of values the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

function judged(share: number, target: NonNullable<Aim['target']>): boolean {
  return target.kind === 'at least' ? share >= target.share : share <= target.share;
}

function summary(name: string, repeats: readonly Aimed[]): Measurement {
  const values = repeats.map(({ value }) => value);
  const aims = repeats.flatMap(({ value, aim }) => (aim === undefined ? [] : [{ ...aim, share: value / aim.limit }]));
  const last = aims.at(-1);
  const target = last?.target ?? null;
  // Each value against the limit of its own repeat: what disturbed the one disturbed the other.
  const share = target === null ? null : median(aims.map((aim) => aim.share));
  return {
    name,
    unit: repeats[0]?.unit ?? '',
    value: median(values),
    lowest: Math.min(...values),
    highest: Math.max(...values),
    repeats: values.length,
    limit: last === undefined ? null : median(aims.map(({ limit }) => limit)),
    limitIs: last?.of ?? null,
    share,
    target,
    reached: target === null || share === null ? null : judged(share, target),
  };
}

/** Figures of all repeats, one measurement for each name, in the order in which the names first came. */
export function summarise(figures: readonly Aimed[]): Measurement[] {
  const names = new Map<string, Aimed[]>();
  for (const figure of figures) names.set(figure.name, [...(names.get(figure.name) ?? []), figure]);
  return [...names].map(([name, repeats]) => summary(name, repeats));
}
