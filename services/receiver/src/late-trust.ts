import type { TrustStore } from '@ssm/empa';
import type { Reloadable } from '@ssm/service-kit';
import { LocalTrouble, locally } from './trouble.js';

/**
 * The trust directory. It need not be there at the start (it may be mounted or filled a moment later), but without it no message is
 * taken; once loaded, the last good snapshot stays in use.
 */
export class LateTrust {
  readonly #watch: () => Promise<Reloadable<TrustStore>>;
  #trust: Reloadable<TrustStore> | undefined;

  constructor(watch: () => Promise<Reloadable<TrustStore>>) {
    this.#watch = watch;
  }

  /** Call ready() before. */
  get current(): TrustStore {
    if (this.#trust === undefined) throw new Error('the trust directory was not loaded yet');
    return this.#trust.current;
  }

  /** Why the newest state of the directory is not in use. */
  get failure(): Error | undefined {
    return this.#trust?.failure;
  }

  /** Loads it if that was not done; `newest`: the last good snapshot will not do. Rejects with LocalTrouble. */
  async ready(newest: boolean): Promise<void> {
    this.#trust ??= await locally('trust', this.#watch);
    if (!newest || this.#trust.failure === undefined) return;
    await this.#trust.check();
    if (this.#trust.failure !== undefined) throw new LocalTrouble('trust', this.#trust.failure);
  }
}
