import { AnswerError } from './answer-error.js';
import type { ConsumptionParts } from './consumption.js';

/** Asks now and then how many messages wait. */
export class Lag {
  readonly #parts: ConsumptionParts;
  #next = 0;
  #asking = false;

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
  }

  /** Does not make anybody wait. Where it is not for us to know, nobody is asked again. */
  ask(signal: AbortSignal): void {
    if (this.#asking || performance.now() < this.#next) return;
    this.#next = performance.now() + this.#parts.settings.lagIntervalMs;
    this.#asking = true;
    void this.#ask(signal).finally(() => {
      this.#asking = false;
    });
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { api, settings, status } = this.#parts;
    const broker = api.name;
    try {
      const { max, current } = await api.offsets(settings.subscription, signal);
      status.emit({ type: 'lag', broker, messages: Math.max(0, max - current) });
    } catch (error) {
      if (!(error instanceof AnswerError && error.status === 403)) return;
      this.#next = Number.POSITIVE_INFINITY;
      status.emit({ type: 'warning', broker, code: 'lag-unknown', message: error.message });
    }
  }
}
