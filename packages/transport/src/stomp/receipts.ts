interface Entry {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** When the frame had left for the network; undefined: it is still on its way out. */
  leftAt: number | undefined;
}

/** The receipts that one connection waits for. Whatever happens, each promise is settled: by its RECEIPT, its time-out, or the end. */
export class Receipts {
  readonly #timeoutMs: number;
  readonly #entries = new Map<string, Entry>();
  #nextId = 1;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** `send` is given the receipt id, and a function to call when the frame has left. */
  expect(send: (id: string, left: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = String(this.#nextId++);
      const entry: Entry = { resolve, reject, leftAt: undefined };
      this.#entries.set(id, entry);
      send(id, () => {
        entry.leftAt = performance.now();
      });
    });
  }

  /** An unknown id is nobody's: a broker that repeats a receipt does no harm. */
  settle(id: string | undefined): void {
    const entry = id === undefined ? undefined : this.#entries.get(id);
    if (id === undefined || entry === undefined) return;
    this.#entries.delete(id);
    entry.resolve();
  }

  /**
   * Whether the oldest waits too long. The clock of a frame runs from the moment it left, or from `outgoingAt`, when anything last left; and
   * never from before `incomingAt`, until when its RECEIPT may have been held up behind other frames.
   */
  isOverdue(now: number, outgoingAt: number, incomingAt: number): boolean {
    const [oldest] = this.#entries.values();
    return oldest !== undefined && now - Math.max(oldest.leftAt ?? outgoingAt, incomingAt) > this.#timeoutMs;
  }

  rejectOldest(error: Error): void {
    const [oldest] = this.#entries;
    if (oldest === undefined) return;
    const [id, entry] = oldest;
    this.#entries.delete(id);
    entry.reject(error);
  }

  rejectAll(error: Error): void {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) entry.reject(error);
  }
}
