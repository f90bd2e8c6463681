import type { Scope } from '@ssm/test-support';

/** A scope that is not a test's: what was registered first is done first, and all of it is done whatever fails. */
export class CleanUp implements Scope {
  readonly #tasks: (() => void | Promise<void>)[] = [];

  after(task: () => void | Promise<void>): void {
    this.#tasks.push(task);
  }

  /** Rejects with the first failure. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const task of this.#tasks.splice(0))
      try {
        await task();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  }
}
