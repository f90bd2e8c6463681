import type { Delivery } from './transport.js';

/** Deliveries of all brokers in one line, for whoever iterates. Its length is bounded by the byte budget. */
export class DeliveryQueue<D extends Delivery> implements AsyncIterableIterator<D> {
  readonly #handOut: (delivery: D) => void;
  readonly #ended: () => void;
  readonly #waiting: ((result: IteratorResult<D>) => void)[] = [];
  #deliveries: D[] = [];
  #isEnded = false;

  /** `handOut` is told of each delivery that is given to the reader, `ended` once of the end. */
  constructor(handOut: (delivery: D) => void, ended: () => void) {
    this.#handOut = handOut;
    this.#ended = ended;
  }

  push(delivery: D): void {
    const waiting = this.#waiting.shift();
    if (waiting) this.#give(delivery, waiting);
    else this.#deliveries.push(delivery);
  }

  /** Forgets, and abandons, what was not handed out and matches. */
  drop(matches: (delivery: D) => boolean): void {
    const dropped = this.#deliveries.filter(matches);
    this.#deliveries = this.#deliveries.filter((delivery) => !matches(delivery));
    for (const delivery of dropped) delivery.abandon();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.drop(() => true);
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
    this.#ended();
  }

  next(): Promise<IteratorResult<D>> {
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    const delivery = this.#deliveries.shift();
    return new Promise((resolve) => {
      if (delivery) this.#give(delivery, resolve);
      else this.#waiting.push(resolve);
    });
  }

  return(): Promise<IteratorResult<D>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(delivery: D, resolve: (result: IteratorResult<D>) => void): void {
    this.#handOut(delivery);
    resolve({ done: false, value: delivery });
  }
}
