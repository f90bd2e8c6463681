import type { Message } from './message.js';
import type { Consumer } from './queue.js';

export type AckMode = 'auto' | 'client' | 'client-individual';

export interface SubscriptionOptions {
  readonly id: string;
  readonly destination: string;
  readonly mode: AckMode;
  readonly prefetch: number;
}

/** What the connection does for its subscriptions. */
export interface Deliverer {
  /** Whether the client takes what it gets. */
  readonly ready: boolean;
  deliver(subscription: Subscription, message: Message): void;
}

export class Subscription implements Consumer {
  readonly id: string;
  readonly destination: string;
  readonly mode: AckMode;
  readonly prefetch: number;
  /** Not acknowledged, by what an ACK will call them, oldest first. */
  readonly pending = new Map<string, Message>();
  readonly #deliverer: Deliverer;

  constructor(options: SubscriptionOptions, deliverer: Deliverer) {
    this.id = options.id;
    this.destination = options.destination;
    this.mode = options.mode;
    this.prefetch = options.prefetch;
    this.#deliverer = deliverer;
  }

  get ready(): boolean {
    return this.pending.size < this.prefetch && this.#deliverer.ready;
  }

  deliver(message: Message): void {
    this.#deliverer.deliver(this, message);
  }

  /** Takes out what an ACK or NACK of that name is about: one message, or in mode `client` all up to it. */
  takePending(key: string): Message[] {
    const taken: Message[] = [];
    for (const [name, message] of this.pending) {
      if (this.mode !== 'client' && name !== key) continue;
      this.pending.delete(name);
      taken.push(message);
      if (name === key) break;
    }
    return taken;
  }
}
