/** How long to wait between attempts to connect. Milliseconds. */
export interface Backoff {
  readonly initialMs: number;
  readonly maximumMs: number;
}

/**
 * Milliseconds to wait before retry number `attempt` (0 is the first): anything from 0 to the doubled, capped time. The whole range is used
 * ("full jitter"), so that clients of a broker that comes back do not arrive together. `random` gives numbers in [0, 1).
 */
export function delay(attempt: number, random: () => number, { initialMs, maximumMs }: Backoff): number {
  return Math.floor(random() * Math.min(maximumMs, initialMs * 2 ** attempt));
}
