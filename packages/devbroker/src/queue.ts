import type { Message } from './message.js';

/** Somebody who takes messages from a queue. */
export interface Consumer {
  /** Whether it takes one more now. */
  readonly ready: boolean;
  deliver(message: Message): void;
}

const COMPACT_AFTER = 1024;

/** Messages of one destination in the order of their arrival, and the consumers that compete for them. */
export class Queue {
  readonly destination: string;
  readonly #consumers: Consumer[] = [];
  readonly #delivered = new Set<Message>();
  /** Came back; each is older than anything in #fresh, since messages go out in order. Sorted. */
  readonly #returned: Message[] = [];
  #fresh: Message[] = [];
  #first = 0;
  #turn = 0;

  constructor(destination: string) {
    this.destination = destination;
  }

  get waiting(): number {
    return this.#returned.length + this.#fresh.length - this.#first;
  }

  /** Waiting, and delivered but not acknowledged. */
  get depth(): number {
    return this.waiting + this.#delivered.size;
  }

  get unused(): boolean {
    return this.depth === 0 && this.#consumers.length === 0;
  }

  messages(): Message[] {
    const all = [...this.#delivered, ...this.#returned, ...this.#fresh.slice(this.#first)];
    return all.toSorted((a, b) => a.sequence - b.sequence);
  }

  add(message: Message): void {
    this.#fresh.push(message);
  }

  /** Puts messages that were delivered back to their old places. Those acknowledged meanwhile stay away. */
  giveBack(messages: Iterable<Message>): void {
    for (const message of messages) {
      if (!this.#delivered.delete(message)) continue;
      message.state = 'waiting';
      message.redelivered = true;
      const place = this.#returned.findLastIndex((other) => other.sequence < message.sequence);
      this.#returned.splice(place + 1, 0, message);
    }
  }

  /** True when the message was there to be acknowledged. */
  settle(message: Message): boolean {
    message.state = 'done';
    return this.#delivered.delete(message);
  }

  addConsumer(consumer: Consumer): void {
    this.#consumers.push(consumer);
    this.dispatch();
  }

  removeConsumer(consumer: Consumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index >= 0) this.#consumers.splice(index, 1);
  }

  /** Hands out what it can. */
  dispatch(): void {
    while (this.waiting > 0) {
      const consumer = this.#nextReady();
      if (consumer === undefined) return;
      const message = this.take();
      if (message !== undefined) consumer.deliver(message);
    }
  }

  /** The oldest waiting message, which now counts as delivered. */
  take(): Message | undefined {
    const message = this.#returned.shift() ?? this.#shiftFresh();
    if (message === undefined) return undefined;
    message.state = 'delivered';
    message.deliveries += 1;
    this.#delivered.add(message);
    return message;
  }

  #shiftFresh(): Message | undefined {
    const message = this.#fresh[this.#first];
    if (message === undefined) return undefined;
    this.#first += 1;
    // An empty one keeps nothing alive: tests measure memory.
    const isEmpty = this.#first === this.#fresh.length;
    if (isEmpty || (this.#first >= COMPACT_AFTER && this.#first * 2 >= this.#fresh.length)) {
      this.#fresh = this.#fresh.slice(this.#first);
      this.#first = 0;
    }
    return message;
  }

  #nextReady(): Consumer | undefined {
    const count = this.#consumers.length;
    for (let tried = 0; tried < count; tried += 1) {
      this.#turn = (this.#turn + 1) % count;
      const consumer = this.#consumers[this.#turn];
      if (consumer?.ready === true) return consumer;
    }
    return undefined;
  }
}
