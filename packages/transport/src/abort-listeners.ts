/**
 * Many may listen to one signal; Node warns of a leak when an AbortSignal has more than ten listeners. So each signal gets one, for all of ours,
 * which stays: signals are used again, and a listener is dear.
 */
export class AbortListeners {
  readonly #bySignal = new WeakMap<AbortSignal, Set<() => void>>();

  add(signal: AbortSignal, callback: () => void): void {
    const known = this.#bySignal.get(signal);
    if (known !== undefined) {
      known.add(callback);
      return;
    }
    const callbacks = new Set([callback]);
    this.#bySignal.set(signal, callbacks);
    const run = (): void => {
      for (const each of callbacks) each();
      callbacks.clear();
    };
    signal.addEventListener('abort', run, { once: true });
  }

  remove(signal: AbortSignal, callback: () => void): void {
    this.#bySignal.get(signal)?.delete(callback);
  }
}
