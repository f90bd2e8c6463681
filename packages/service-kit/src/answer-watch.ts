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

interface Asked {
  readonly progress: () => number;
  seen: number;
}

/** Tells when a file system that is asked gives no answer, and when it does again; cancels nothing. */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  readonly #asked = new Set<Asked>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #silent = false;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  /** Waits for the work as long as it takes. `progress`: a number that changes while long work moves on. */
  async of<T>(work: () => Promise<T>, progress: () => number = () => 0): Promise<T> {
    const answered = this.#ask(progress);
    try {
      return await work();
    } finally {
      answered();
    }
  }

  /** The same for each step of an iteration; what is done with an item takes its own time. */
  async *each<T>(items: AsyncIterable<T>, progress: () => number): AsyncGenerator<T, void> {
    let answered = this.#ask(progress);
    try {
      for await (const item of items) {
        answered();
        yield item;
        answered = this.#ask(progress);
      }
    } finally {
      answered();
    }
  }

  /** Something moved that is an answer, too. */
  heard(): void {
    this.#looks = 0;
    if (!this.#silent) return;
    this.#silent = false;
    this.#options.onAnswer();
  }

  /** Returns a function that says that the answer is there. */
  #ask(progress: () => number): () => void {
    const asked: Asked = { progress, seen: progress() };
    if (this.#asked.size === 0) this.#looks = 0;
    this.#asked.add(asked);
    this.#timer ??= setInterval(() => this.#look(), this.#options.limitMs / LOOKS).unref();
    return () => {
      if (this.#asked.delete(asked)) this.heard();
    };
  }

  #look(): void {
    if (this.#asked.size === 0) {
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
    for (const asked of this.#asked) {
      const now = asked.progress();
      if (now !== asked.seen) moved = true;
      asked.seen = now;
    }
    return moved;
  }
}
