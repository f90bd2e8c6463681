import type { Times } from './plan.js';

/** What a service has done so far. */
export interface Reading {
  /** ms of a steady clock. */
  readonly at: number;
  /** Messages. */
  readonly count: number;
  /** User and system seconds; undefined where the system does not tell. */
  readonly cpu: number | undefined;
}

export interface Window {
  readonly from: Reading;
  readonly to: Reading;
}

/** The last reading before the half of what was done. */
function halfWay(readings: readonly Reading[]): Reading | undefined {
  const half = (readings.at(-1)?.count ?? 0) / 2;
  return readings.findLast(({ count }) => count > 0 && count <= half);
}

/** When everything is done: until the reading before, since when exactly it was done is not known; from half-way where it was not warm. */
function windowOfAll(readings: readonly Reading[], warm: Reading | undefined): Window | undefined {
  const to = readings.at(-1);
  const from = warm !== undefined && to !== undefined && warm.at < to.at ? warm : halfWay(readings);
  return from !== undefined && to !== undefined && to.count > from.count ? { from, to } : undefined;
}

/**
 * The part of these readings that counts, or undefined while it is too short: it begins `warmMs` after the first message was seen, and lasts
 * `windowMs`, or until `total` is near. Throws when all is done and nothing is left to count.
 */
export function windowOf(readings: readonly Reading[], total: number, { warmMs, windowMs }: Times): Window | undefined {
  const first = readings.find(({ count }) => count > 0);
  const last = readings.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const warm = readings.find(({ at, count }) => count > 0 && at - first.at >= warmMs);
  if (last.count >= total) {
    const window = windowOfAll(readings.slice(0, -1), warm);
    if (window === undefined) throw new Error(`${total} messages are too few to measure`);
    return window;
  }
  return warm !== undefined && last.count > warm.count && last.at - warm.at >= windowMs ? { from: warm, to: last } : undefined;
}
