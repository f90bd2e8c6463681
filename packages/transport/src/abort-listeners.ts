/**
 * Many may listen to one signal; Node warns of a leak when an AbortSignal has more than ten listeners. So each signal gets one, for all of ours.
 */
export class AbortListeners {
  readonly #bySignal = new Map<AbortSignal, { readonly callbacks: Set<() => void>; readonly run: () => void }>();

  add(signal: AbortSignal, callback: () => void): void {
    const known = this.#bySignal.get(signal);
    if (known) {
      known.callbacks.add(callback);
      return;
    }
    const callbacks = new Set([callback]);
    const run = (): void => {
      this.#bySignal.delete(signal);
      for (const each of callbacks) each();
    };
    this.#bySignal.set(signal, { callbacks, run });
    signal.addEventListener('abort', run, { once: true });
  }

  remove(signal: AbortSignal, callback: () => void): void {
    const known = this.#bySignal.get(signal);
    if (!known?.callbacks.delete(callback) || known.callbacks.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener('abort', known.run);
  }
}
