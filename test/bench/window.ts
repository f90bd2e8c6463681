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

/**
 * The part of these readings that counts, or undefined while it is too short. It lasts `windowMs`, or until `total` is near. The first tenth
 * of the messages, or the first fifth of the window, is left out: a service starts up then. So is the last step to `total`: when that was
 * reached is not known. Throws when all is done and nothing is left to count.
 */
export function windowOf(readings: readonly Reading[], total: number, windowMs: number): Window | undefined {
  const first = readings.find(({ count }) => count > 0);
  const last = readings.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const from = readings.find(({ at, count }) => count > 0 && (count >= total / 10 || at - first.at >= windowMs / 5));
  if (last.count < total)
    return from !== undefined && last.count > from.count && last.at - from.at >= windowMs ? { from, to: last } : undefined;
  const to = readings.at(-2);
  if (from === undefined || to === undefined || to.count <= from.count) throw new Error(`${total} messages are too few to measure`);
  return { from, to };
}
