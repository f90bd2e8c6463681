import type { Logger } from './log.js';

type Step = (deadline: AbortSignal) => Promise<void> | void;

/** The ordered stop: steps run one after the other, last added first, each whatever became of the others. */
export class StopSteps {
  readonly #steps: { readonly name: string; readonly step: Step }[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, step: Step): void {
    this.#steps.push({ name, step });
  }

  /**
   * Runs all steps. `deadline` aborts when the time for work in flight is over: steps that look at it end soon then. `given up` resolves
   * a little later: steps that have not ended are left alone, later ones are still called.
   */
  async run(deadline: AbortSignal, givenUp: Promise<void>): Promise<void> {
    for (let next = this.#steps.pop(); next !== undefined; next = this.#steps.pop()) {
      const { name, step } = next;
      const ended = await Promise.race([this.#runOne(name, step, deadline), givenUp]);
      if (ended !== true) this.#log.error('stop step did not end in time', { step: name });
    }
  }

  async #runOne(name: string, step: Step, deadline: AbortSignal): Promise<true> {
    try {
      await step(deadline);
    } catch (error) {
      this.#log.error('stop step failed', { step: name, error });
    }
    return true;
  }
}
