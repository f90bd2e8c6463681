import type { Budget } from '../budget.js';
import type { StatusFeed } from '../status.js';
import type { Announcer } from './announcer.js';
import { StompDelivery } from './delivery.js';
import { subscribeHeaders } from './dialect.js';
import { type Inbox, type Message, messageCost } from './inbox.js';
import { keepConnected } from './link.js';
import type { StompBroker } from './options.js';
import type { Session } from './session.js';
import type { Settings } from './settings.js';

/** Of the receipt time-out: how long a message must not fit before it is looked into why. */
const STALL_SHARE = 1 / 20;

/** What the consumers of one subscriber share. */
export interface ConsumerHost {
  readonly settings: Settings;
  readonly status: StatusFeed;
  readonly announcer: Announcer;
  readonly budget: Budget;
  /** Whether deliveries are wanted now. */
  readonly isOpen: () => boolean;
  readonly take: (delivery: StompDelivery) => void;
  readonly released: (delivery: StompDelivery) => void;
  readonly settled: (delivery: StompDelivery) => void;
  /** Nothing of this connection can be acknowledged any more. */
  readonly gone: (session: Session) => void;
  /** Whether all that was handed out waits for this connection to confirm an acknowledgement. */
  readonly isStuck: (session: Session) => boolean;
  /** What is in line from this connection is not to be handed out. */
  readonly forget: (session: Session) => void;
}

/** Consumes from one broker of the list. */
export class Consumer implements Inbox {
  readonly #address: StompBroker;
  readonly #host: ConsumerHost;
  #session: Session | undefined;
  #connected = false;
  #prefetch: number;

  constructor(address: StompBroker, host: ConsumerHost) {
    this.#address = address;
    this.#host = host;
    this.#prefetch = host.settings.window;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Connects again and again until the signal aborts and {@link disconnect} was called. */
  run(signal: AbortSignal): Promise<void> {
    const { settings, status } = this.#host;
    const use = (session: Session): Promise<boolean> => this.#use(session);
    return keepConnected({ brokers: [this.#address], settings, status, inbox: this, use }, signal);
  }

  async disconnect(signal: AbortSignal): Promise<void> {
    await this.#session?.disconnect(signal);
  }

  admit(bytes: number, signal: AbortSignal): true | Promise<boolean> {
    this.#up();
    if (!this.#host.isOpen()) return Promise.resolve(false);
    const answer = this.#host.budget.take(bytes, signal);
    if (answer !== true) this.#watchStall(answer);
    return answer;
  }

  drop(bytes: number): void {
    this.#host.budget.give(bytes);
  }

  deliver(message: Message): void {
    const { budget, take } = this.#host;
    const session = this.#session;
    if (!session) {
      this.drop(message.admitted);
      return;
    }
    // A body whose size was not announced is counted when it is there.
    const bytes = messageCost(message.headers, message.body.bytes?.length ?? 0);
    budget.charge(bytes - message.admitted);
    // The hooks live as long as the delivery, so they must not know the message.
    const delivery: StompDelivery = new StompDelivery(message, session, {
      released: () => {
        this.#host.released(delivery);
        budget.give(bytes);
      },
      settled: () => this.#host.settled(delivery),
    });
    take(delivery);
  }

  async #use(session: Session): Promise<boolean> {
    const { settings, gone } = this.#host;
    const since = performance.now();
    const prefetch = this.#prefetch;
    this.#session = session;
    try {
      const headers = subscribeHeaders(session.greeting.server, settings, prefetch);
      await session.request('SUBSCRIBE', {
        id: session.subscription,
        destination: settings.destination,
        ack: 'client-individual',
        ...headers,
      });
      this.#up();
    } catch {
      // The end of the connection tells why.
    }
    await session.ended;
    this.#connected = false;
    this.#session = undefined;
    gone(session);
    const lasted = performance.now() - since >= settings.backoff.maximumMs;
    if (lasted && prefetch === this.#prefetch) this.#prefetch = settings.window;
    // Every connection that ends returns messages, which brokers count: one that does not last must not be made anew at once, whatever came.
    return false;
  }

  /** The broker took the subscription: it confirmed it, or sends messages already. */
  #up(): void {
    if (this.#connected || !this.#session) return;
    this.#connected = true;
    this.#host.announcer.announce(this.#session);
  }

  /**
   * Receipts of acknowledgements can be queued behind messages that find no place, while whoever would make place waits for these receipts.
   * Then the connection is given up in good order, which brings the receipts and returns the messages, and fewer are fetched on the next.
   */
  #watchStall(answer: Promise<boolean>): void {
    const { settings, status, isStuck, forget } = this.#host;
    const timer = setInterval(() => {
      const session = this.#session;
      if (!session || session.closed || !isStuck(session)) return;
      this.#prefetch = Math.max(1, Math.floor(this.#prefetch / 2));
      const message = `${session.name}: large messages hold up acknowledgements; it is subscribed to anew for ${this.#prefetch} at a time`;
      status.emit({ type: 'warning', broker: session.name, code: 'prefetch-reduced', message });
      void session.disconnect(AbortSignal.timeout(settings.receiptTimeoutMs));
      forget(session);
    }, settings.receiptTimeoutMs * STALL_SHARE);
    void answer.then(() => clearInterval(timer));
  }
}
