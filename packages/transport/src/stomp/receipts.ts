interface Entry {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** What the system may still hold back after it took the frame from us, in the time that a slow network needs for it. */
  readonly allowanceMs: number;
  /** When the frame had left for the network; undefined: it is still on its way out. */
  leftAt: number | undefined;
  /** Whether all of it can have left. */
  isOut: () => boolean;
}

/** What becomes of a frame on its way out. */
export interface Departure {
  /** It was written; `isOut`: whether the socket was given all of it. */
  readonly written: (isOut: () => boolean) => void;
  /** It has left. */
  readonly left: () => void;
}

/** The slowest network on which a frame is not taken for lost: bytes a millisecond. */
export const SLOWEST_RATE = 64;
/** The most that systems buffer of a connection. */
const SYSTEM_BUFFER_BYTES = 8 * 1024 * 1024;

/** The receipts that one connection waits for. Whatever happens, each promise is settled: by its RECEIPT, its time-out, or the end. */
export class Receipts {
  readonly #timeoutMs: number;
  /** In the order in which they were sent. */
  readonly #entries = new Map<string, Entry>();
  /** Nobody can guess it: a sender may have frames of its own in the stream (passesOnFrames in dialect.ts). */
  readonly #prefix = `${crypto.randomUUID().slice(-12)}-`;
  #nextId = 1;
  /** When everything before the oldest was confirmed. */
  #oldestSince = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** `send` is given the receipt id, and whom to tell how far the frame, with a body of so many bytes, is. */
  expect(bytes: number, send: (id: string, departure: Departure) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = `${this.#prefix}${this.#nextId++}`;
      const allowanceMs = Math.min(bytes, SYSTEM_BUFFER_BYTES) / SLOWEST_RATE;
      const entry: Entry = { resolve, reject, allowanceMs, leftAt: undefined, isOut: () => false };
      this.#entries.set(id, entry);
      send(id, {
        written: (isOut) => {
          entry.isOut = isOut;
        },
        left: () => {
          entry.leftAt = performance.now();
        },
      });
    });
  }

  /** An unknown id is nobody's: a broker that repeats a receipt does no harm. false: it cannot have what it confirms. */
  settle(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return true;
    if (!entry.isOut()) return false;
    const [oldest] = this.#entries.keys();
    if (id === oldest) this.#oldestSince = performance.now();
    this.#entries.delete(id);
    entry.resolve();
    return true;
  }

  /**
   * Whether the oldest waits too long. The clock of a frame runs from the moment it left, or from `outgoingAt`, when anything last left; and
   * never before all frames in front of it were confirmed, nor before `incomingAt`, until when its RECEIPT may have been held up.
   */
  isOverdue(now: number, outgoingAt: number, incomingAt: number): boolean {
    const [oldest] = this.#entries.values();
    if (oldest === undefined) return false;
    const { leftAt, allowanceMs } = oldest;
    const since = Math.max(leftAt ?? outgoingAt, this.#oldestSince, incomingAt);
    return now - since > this.#timeoutMs + (leftAt === undefined ? 0 : allowanceMs);
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
