import type { Sample } from './sample.js';

/** What a figure is held against. */
export interface Aim {
  /** In the figure's own unit; where the limit was measured in the same repeat, that value. */
  readonly limit: number;
  /** What the limit is. */
  readonly of: string;
  /** The share of the limit that must be reached, or not be exceeded; null: shown, not judged. */
  readonly target: { readonly kind: 'at least' | 'at most' | 'more than'; readonly share: number } | null;
  /** Of all measurements with the same text here only the one with the lowest limit keeps its target. */
  readonly lowestOf?: string;
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
  if (target.kind === 'at most') return share <= target.share;
  return target.kind === 'at least' ? share >= target.share : share > target.share;
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

/** Names of measurements that are not judged: of some that go together another limit is lower. Over all repeats, so that it is the same in each. */
function overruled(figures: readonly Aimed[], measurements: readonly Measurement[]): Set<string> {
  const groups = new Map<string, Map<string, number>>();
  for (const { name, aim } of figures) {
    const limit = measurements.find((one) => one.name === name)?.limit;
    if (aim?.lowestOf === undefined || limit === null || limit === undefined) continue;
    groups.set(aim.lowestOf, (groups.get(aim.lowestOf) ?? new Map<string, number>()).set(name, limit));
  }
  const others = [...groups.values()].flatMap((group) => {
    const lowest = Math.min(...group.values());
    return [...group].filter(([, limit]) => limit > lowest).map(([name]) => name);
  });
  return new Set(others);
}

/** Figures of all repeats, one measurement for each name, in the order in which the names first came. */
export function summarise(figures: readonly Aimed[]): Measurement[] {
  const names = new Map<string, Aimed[]>();
  for (const figure of figures) names.set(figure.name, [...(names.get(figure.name) ?? []), figure]);
  const measurements = [...names].map(([name, repeats]) => summary(name, repeats));
  const notJudged = overruled(figures, measurements);
  return measurements.map((one) => (notJudged.has(one.name) ? { ...one, share: null, target: null, reached: null } : one));
}
