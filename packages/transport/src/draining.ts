import { AbortListeners } from './abort-listeners.js';

/** The end of an endpoint: once, whoever asks for it, and no longer than the most impatient of them allows. */
export class Draining {
  readonly #listeners = new AbortListeners();
  readonly #cut = new AbortController();
  #work: Promise<void> | undefined;
  #begun = false;

  get begun(): boolean {
    return this.#begun;
  }

  /** Aborts when it has taken long enough. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  begin(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const cut = (): void => this.#cut.abort();
    this.#listeners.add(signal, cut);
    if (signal.aborted) cut();
    this.#begun = true;
    this.#work ??= work();
    return this.#work.finally(() => this.#listeners.remove(signal, cut));
  }
}
