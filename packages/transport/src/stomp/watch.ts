import { TransportError } from '../errors.js';
import type { BatchWriter } from './batch-writer.js';
import type { HeartbeatIntervals } from './heartbeat.js';
import { type Receipts, SLOWEST_RATE } from './receipts.js';

/** A broker is dead when it said nothing for so many of its intervals. */
const MISSED_INTERVALS = 2;

/** The slowest that a message may come, bytes a millisecond: other connections, to other brokers, share the network. */
const SLOWEST_BODY_RATE = SLOWEST_RATE / 8;

export interface Watched {
  readonly name: string;
  readonly writer: BatchWriter;
  readonly receipts: Receipts;
  readonly receiptTimeoutMs: number;
  readonly intervals: HeartbeatIntervals;
  /** Called once, with broker-silent or receipt-timeout. */
  readonly fail: (error: TransportError) => void;
}

/**
 * Keeps a connection alive, and notices when it is not: sends heart-beats, misses the broker's, and sees receipts that do not come.
 * While we ourselves do not read, nothing can be held against the broker.
 */
export class Watch {
  readonly #watched: Watched;
  readonly #timer: NodeJS.Timeout;
  readonly #tickMs: number;
  #readAt = performance.now();
  #messageAt = 0;
  #paused = false;
  /** How long the rest of the body that comes in is waited for: time takes of it, bytes add to it. */
  #patienceMs: number | undefined;

  constructor(watched: Watched) {
    this.#watched = watched;
    const { intervals, receiptTimeoutMs } = watched;
    const shortest = Math.min(...[intervals.outgoing, intervals.incoming, receiptTimeoutMs].filter((ms) => ms > 0));
    this.#tickMs = Math.max(1, shortest / 4);
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Bytes came in. */
  sawBytes(): void {
    this.#readAt = performance.now();
  }

  /** Part of a message came in, of so many bytes: receipts may be queued behind it. */
  sawMessage(bytes: number): void {
    this.#messageAt = performance.now();
    if (this.#patienceMs === undefined) return;
    this.#patienceMs = Math.min(this.#watched.receiptTimeoutMs, this.#patienceMs + bytes / SLOWEST_BODY_RATE);
  }

  /** A body is read from now on: until its end its bytes are reserved, and nothing behind it comes. */
  beginBody(): void {
    this.#patienceMs = this.#watched.receiptTimeoutMs;
  }

  endBody(): void {
    this.#patienceMs = undefined;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.sawBytes();
    this.sawMessage(0);
  }

  #tick(): void {
    const { intervals, writer } = this.#watched;
    // Not by the clock: what came while the process itself was held up is still to be read.
    if (this.#patienceMs !== undefined) this.#patienceMs -= this.#tickMs;
    // At half the time already: some brokers give no grace at all.
    if (intervals.outgoing > 0 && writer.idle && performance.now() - writer.progressAt >= intervals.outgoing / 2) writer.write('\n');
    // When the process itself was held up, what the broker sent in time is still to be read: judge after that.
    if (this.#fault()) setImmediate(() => this.#judge());
  }

  #judge(): void {
    const fault = this.#fault();
    const { receipts, fail } = this.#watched;
    if (!fault) return;
    this.stop();
    if (fault.code === 'receipt-timeout') receipts.rejectOldest(fault);
    fail(fault);
  }

  #fault(): TransportError | undefined {
    const { name, intervals, receipts, receiptTimeoutMs, writer } = this.#watched;
    const now = performance.now();
    if (this.#paused) return undefined;
    const allowed = intervals.incoming * MISSED_INTERVALS;
    if (allowed > 0 && now - this.#readAt > allowed)
      return new TransportError('broker-silent', `${name}: no sign of life for ${allowed} ms`);
    if (this.#patienceMs !== undefined && this.#patienceMs < 0)
      return new TransportError(
        'broker-silent',
        `${name}: a message stopped coming in its middle, or comes too slowly (${receiptTimeoutMs} ms)`,
      );
    if (receipts.isOverdue(now, writer.progressAt, this.#messageAt))
      return new TransportError('receipt-timeout', `${name}: no receipt within ${receiptTimeoutMs} ms`);
    return undefined;
  }
}
