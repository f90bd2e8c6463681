import { AnswerWatch } from './answer-watch.js';
import { ServiceError } from './errors.js';

const LIMIT_MS = 30_000;

/** A look at files. */
export interface Look {
  /** What is looked at, for people. */
  readonly files: string;
  readonly run: () => Promise<void>;
  /** It takes too long, or waits for one that does. It goes on all the same. */
  readonly late: (error: ServiceError) => void;
}

/**
 * One look after the other: of the few threads that Node.js has for files, file systems that hang must not get all. One look without an
 * answer is set aside, so that files elsewhere are looked at meanwhile; behind a second one all wait.
 */
export class Turns {
  readonly #limitMs: number;
  readonly #waiting: { readonly look: Look; readonly go: () => void }[] = [];
  #current: Look | undefined;
  #aside: Look | undefined;
  /** The current one gives no answer either. */
  #stuck = false;

  constructor(limitMs = LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  /** Resolves, or rejects, as the look does when its turn has come. */
  async take(look: Look): Promise<void> {
    if (this.#current === undefined) this.#current = look;
    else await this.#turn(look, this.#current);
    const answers = new AnswerWatch({ limitMs: this.#limitMs, onSilent: () => this.#silent(look), onAnswer: () => undefined });
    try {
      await answers.of(look.run);
    } finally {
      this.#ended(look);
    }
  }

  async #turn(look: Look, current: Look): Promise<void> {
    if (this.#stuck) look.late(this.#behind(look, current));
    await new Promise<void>((go) => this.#waiting.push({ look, go }));
  }

  #silent(look: Look): void {
    look.late(unanswered(`${look.files}: no answer for ${this.#limitMs / 1000} s`));
    if (this.#aside === undefined) {
      this.#aside = look;
      this.#next();
      return;
    }
    this.#stuck = true;
    for (const { look: other } of this.#waiting) other.late(this.#behind(other, look));
  }

  #ended(look: Look): void {
    if (this.#aside === look) {
      this.#aside = undefined;
      if (!this.#stuck) return;
      this.#aside = this.#current;
    }
    this.#stuck = false;
    this.#next();
  }

  #next(): void {
    const next = this.#waiting.shift();
    this.#current = next?.look;
    next?.go();
  }

  #behind({ files }: Look, silent: Look): ServiceError {
    return unanswered(`${files}: not looked at, since there is no answer for ${this.#limitMs / 1000} s from ${silent.files}`);
  }
}

function unanswered(message: string): ServiceError {
  return new ServiceError('files-unanswered', message);
}
