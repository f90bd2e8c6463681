import type { Lane } from './menu.js';

/** One at a time on each lane, in the order of asking. */
export class Lanes {
  readonly #last = new Map<Lane, Promise<void>>();
  readonly #busy = new Set<Lane>();

  isFree(lane: Lane): boolean {
    return !this.#busy.has(lane);
  }

  /** Resolves with what gives it back. */
  async take(lane: Lane): Promise<() => void> {
    const before = this.#last.get(lane);
    const turn = deferred();
    this.#last.set(lane, turn.promise);
    await before;
    this.#busy.add(lane);
    return () => {
      this.#busy.delete(lane);
      turn.resolve();
    };
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: (() => void) | undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve?.() };
}
