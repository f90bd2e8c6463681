import type { Status } from './transport.js';

/** Statuses that one reader may be behind; then it loses the oldest. */
export const STATUS_BUFFER = 256;

class Reader implements AsyncIterableIterator<Status> {
  readonly #leave: (reader: Reader) => void;
  readonly #unread: Status[] = [];
  readonly #waiting: ((result: IteratorResult<Status>) => void)[] = [];
  #closed = false;

  constructor(leave: (reader: Reader) => void) {
    this.#leave = leave;
  }

  push(status: Status): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting({ done: false, value: status });
      return;
    }
    this.#unread.push(status);
    if (this.#unread.length > STATUS_BUFFER) this.#unread.shift();
  }

  /** What is unread can still be read. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<Status>> {
    const value = this.#unread.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Status>> {
    this.#leave(this);
    this.#unread.length = 0;
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Gives every reader every status since it asked. Keeps nothing for nobody. */
export class StatusFeed {
  readonly #readers = new Set<Reader>();
  #closed = false;

  emit(status: Status): void {
    for (const reader of this.#readers) reader.push(status);
  }

  read(): AsyncIterable<Status> {
    const reader = new Reader((left) => this.#readers.delete(left));
    if (this.#closed) reader.close();
    else this.#readers.add(reader);
    return reader;
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
  }
}
