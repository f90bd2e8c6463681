export interface WindowOptions<T> {
  /** Items worked on at once, at least 1. */
  readonly limit: number;
  /** Once aborted nothing more is taken from the source; the workers that run are waited for. */
  readonly signal?: AbortSignal;
  /** Budget: an item that does not fit beside the running ones waits; one that is larger than all of it runs alone. */
  readonly bytes?: { readonly limit: number; readonly sizeOf: (item: T) => number };
}

/**
 * Gives each item of the source to the worker, at most `limit` at once; takes the next only when there is room.
 * Resolves when the source ended (or the signal aborted) and every worker ended. The first error of a worker or
 * of the source stops the taking and is rethrown after the others ended.
 */
export function runBounded<T>(
  _source: AsyncIterable<T> | Iterable<T>,
  _worker: (item: T) => Promise<void>,
  _options: WindowOptions<T>,
): Promise<void> {
  return Promise.reject(new Error('not built'));
}
