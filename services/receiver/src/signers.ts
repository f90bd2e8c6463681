import type { DistinguishedName } from '@ssm/empa';
import type { Gauge } from '@ssm/service-kit';
import type { SignerLists } from './authorise.js';

/** The time of the last message of each signer, for those on the list alone, and for a limited number of them. */
export class SignerClock {
  readonly #gauge: Gauge<'signer'>;
  readonly #maximum: number;
  readonly #onFull: () => void;
  #isFull = false;
  readonly #seen = new Map<string, DistinguishedName>();

  /** `onFull`: told once, at the first signer who is left out. */
  constructor(gauge: Gauge<'signer'>, maximum: number, onFull: () => void) {
    this.#gauge = gauge;
    this.#maximum = maximum;
    this.#onFull = onFull;
  }

  accepted(signer: DistinguishedName, now: Date): void {
    const label = signer.toString();
    if (!this.#seen.has(label)) {
      if (this.#seen.size >= this.#maximum) {
        if (!this.#isFull) this.#onFull();
        this.#isFull = true;
        return;
      }
      this.#seen.set(label, signer);
    }
    this.#gauge.set({ signer: label }, now.getTime() / 1000);
  }

  /** A signer who is no longer on the list is no longer shown. */
  listsChanged(lists: SignerLists): void {
    for (const [label, signer] of this.#seen) {
      if (lists.judge(signer) === 'allowed') continue;
      this.#seen.delete(label);
      this.#gauge.remove({ signer: label });
    }
  }
}
