import { AbortListeners } from './abort-listeners.js';
import { Deferred } from './deferred.js';
import { Draining } from './draining.js';
import { TransportError } from './errors.js';
import { type Letter, Outbox, type OutboxLimits } from './outbox.js';
import { StatusFeed } from './status.js';
import type { Confirmation, OutgoingMessage, Publisher, Status } from './transport.js';

/** A message that somebody waits for. */
export interface Order extends Letter {
  readonly settled: Deferred<Confirmation>;
  /** Aborts it. */
  readonly signal: AbortSignal;
  readonly abort: () => void;
  /** What came of the last attempt. */
  fate: TransportError | undefined;
}

/** Takes messages and answers those who wait for them. Sending what the outbox says is next is left to the one below. */
export abstract class OutboxPublisher implements Publisher {
  protected readonly outbox: Outbox<Order>;
  protected readonly feed = new StatusFeed();
  readonly #listeners = new AbortListeners();
  readonly #draining = new Draining();
  readonly #empty = new Deferred<void>();

  protected constructor(limits: OutboxLimits) {
    this.outbox = new Outbox(limits);
  }

  get inFlight(): number {
    return this.outbox.size;
  }

  status(): AsyncIterable<Status> {
    return this.feed.read();
  }

  abstract connections(): ReturnType<Publisher['connections']>;
  /** Why a message cannot be sent at all. */
  protected abstract faultOf(message: OutgoingMessage): TransportError | undefined;
  /** There may be something to do. */
  protected abstract wake(): void;
  /** Ends the connection, within the cut. */
  protected abstract end(cut: AbortSignal): Promise<void>;

  publish(message: OutgoingMessage, signal: AbortSignal): Promise<Confirmation> {
    const refusal = this.#refusal(signal) ?? this.faultOf(message);
    if (refusal) return Promise.reject(refusal);
    const abort = (): void => {
      this.outbox.abandon(order);
      this.settle(order, new TransportError('aborted', 'publishing was aborted: a broker may or may not have the message'));
      this.wake();
    };
    const order: Order = { message, settled: new Deferred(), signal, abort, strikes: 0, told: 0, abandoned: false, fate: undefined };
    this.#listeners.add(signal, abort);
    this.outbox.add(order);
    this.wake();
    return order.settled.promise;
  }

  #refusal(signal: AbortSignal): TransportError | undefined {
    if (this.#draining.begun) return new TransportError('closed', 'the publisher is drained');
    if (signal.aborted) return new TransportError('aborted', 'publishing was aborted: the message was not sent');
    return undefined;
  }

  protected settle({ settled, signal, abort }: Order, outcome: Confirmation | TransportError): void {
    this.#listeners.remove(signal, abort);
    if (outcome instanceof TransportError) settled.reject(outcome);
    else settled.resolve(outcome);
    if (this.#draining.begun && this.outbox.size === 0) this.#empty.resolve();
  }

  drain(signal: AbortSignal): Promise<void> {
    return this.#draining.begin(signal, () => this.#drain());
  }

  async #drain(): Promise<void> {
    const { cut } = this.#draining;
    cut.addEventListener('abort', () => this.#empty.resolve(), { once: true });
    if (cut.aborted || this.outbox.size === 0) this.#empty.resolve();
    await this.#empty.promise;
    await this.end(cut);
    for (const order of this.outbox.letters()) this.settle(order, new TransportError('closed', 'the publisher was closed first'));
    this.feed.close();
  }
}
