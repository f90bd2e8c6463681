import { sleep } from '../sleep.js';
import { AnswerError } from './answer-error.js';
import type { ConsumptionParts } from './consumption.js';

/** Asks now and then how many messages wait, also while nothing is pulled. */
export class Lag {
  readonly #parts: ConsumptionParts;
  #begun = false;

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
  }

  /** Does not make anybody wait. Where it is not for us to know, nobody is asked again. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { ended, settings } = this.#parts;
    while (!ended.aborted && (await this.#ask())) await sleep(settings.lagIntervalMs, ended);
  }

  /** false: it is not for us to know. */
  async #ask(): Promise<boolean> {
    const { api, ended, settings, status } = this.#parts;
    const broker = api.name;
    try {
      const { max, current } = await api.offsets(settings.subscription, ended);
      status.emit({ type: 'lag', broker, messages: Math.max(0, max - current) });
    } catch (error) {
      if (!(error instanceof AnswerError && error.status === 403)) return true;
      status.emit({ type: 'warning', broker, code: 'lag-unknown', message: error.message });
      return false;
    }
    return true;
  }
}
