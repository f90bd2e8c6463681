/** Looks in a limit: a process that stood still for long itself is not taken for one that got no answer. */
const LOOKS = 6;

export interface AnswerWatchOptions {
  /** Milliseconds without any answer after which what was asked is silent. */
  readonly limitMs: number;
  /** Something is asked, and nothing has moved for the limit. Once, until an answer comes. */
  readonly onSilent: () => void;
  /** An answer after all. */
  readonly onAnswer: () => void;
}

/** Tells when a file system that is asked gives no answer, and when it does again; cancels nothing. */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  /** What is asked now. */
  #waiting = 0;
  /** Of those that can tell how far they are: what they told last. */
  readonly #progress = new Map<() => number, number>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #silent = false;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  /** Waits for the work as long as it takes. `progress`: a number that changes while long work moves on. */
  async of<T>(work: () => Promise<T>, progress?: () => number): Promise<T> {
    this.asked(progress);
    try {
      return await work();
    } finally {
      this.answered(progress);
    }
  }

  /** The same for each step of an iteration; what is done with an item takes its own time. */
  each<T>(items: AsyncIterable<T>, progress: () => number): AsyncIterableIterator<T, undefined> {
    const steps = items[Symbol.asyncIterator]();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => this.of(() => steps.next(), progress),
      return: async () => {
        await steps.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  /** Something moved that is an answer, too. */
  heard(): void {
    this.#looks = 0;
    if (!this.#silent) return;
    this.#silent = false;
    this.#options.onAnswer();
  }

  /** For what has its own way to wait: answered() follows, with the same `progress`, whatever comes of it. */
  asked(progress?: () => number): void {
    if (this.#waiting === 0) this.#looks = 0;
    this.#waiting += 1;
    if (progress !== undefined) this.#progress.set(progress, progress());
    this.#timer ??= setInterval(() => this.#look(), this.#options.limitMs / LOOKS).unref();
  }

  answered(progress?: () => number): void {
    this.#waiting -= 1;
    if (progress !== undefined) this.#progress.delete(progress);
    this.heard();
  }

  #look(): void {
    if (this.#waiting === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (this.#moved()) {
      this.heard();
      return;
    }
    this.#looks += 1;
    // The first one may have come at once.
    if (this.#looks <= LOOKS || this.#silent) return;
    this.#silent = true;
    this.#options.onSilent();
  }

  #moved(): boolean {
    let moved = false;
    for (const [progress, seen] of this.#progress) {
      const now = progress();
      if (now !== seen) moved = true;
      this.#progress.set(progress, now);
    }
    return moved;
  }
}
