import { TransportError } from '../errors.js';
import type { Delivery } from '../transport.js';
import { acknowledgedBy } from './dialect.js';
import type { Message } from './inbox.js';
import type { Session } from './session.js';

const NOTHING = new Uint8Array();

/** Characters of an id that are enough for those who tell of a delivery. */
const SHOWN_ID = 1024;

/** What a delivery tells its subscriber. */
export interface DeliveryHooks {
  /** The body is no longer needed: its bytes can be given to others. Once. */
  readonly released: () => void;
  /** The broker answered the acknowledgement, or there will be none. Once. */
  readonly settled: () => void;
}

/** How this message is named in an ACK: by one id since STOMP 1.2, by `message-id` and subscription before. */
function ackHeaders({ headers }: Message, { greeting, subscription }: Session): Record<string, string> {
  const id = String(headers[acknowledgedBy(greeting)]);
  return greeting.version === '1.2' ? { id } : { 'message-id': id, subscription };
}

/** The beginning of a text, for itself: a slice would keep the whole. */
const beginning = (text: string): string => (text.length > SHOWN_ID ? Buffer.from(text.slice(0, SHOWN_ID)).toString() : text);

/** Bound to the connection that brought it: it is never acknowledged on another one. */
export class StompDelivery implements Delivery {
  readonly broker: string;
  readonly redelivered: boolean;
  declare readonly oversized?: number;
  readonly session: Session;
  readonly #ackHeaders: Record<string, string>;
  readonly #hooks: DeliveryHooks;
  #body: Uint8Array;
  #empaId: string | undefined;
  #acknowledged: Promise<void> | undefined;
  #abandoned = false;

  constructor(message: Message, session: Session, hooks: DeliveryHooks) {
    const { 'empa-id': empaId, redelivered } = message.headers;
    this.broker = session.name;
    this.#empaId = empaId === undefined ? undefined : String(empaId);
    this.#body = message.body.bytes ?? NOTHING;
    this.redelivered = redelivered === 'true';
    if (message.body.bytes === undefined) this.oversized = message.body.size;
    this.session = session;
    this.#ackHeaders = ackHeaders(message, session);
    this.#hooks = hooks;
  }

  get empaId(): string | undefined {
    return this.#empaId;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  acknowledge(): Promise<void> {
    if (this.#abandoned) return Promise.reject(new TransportError('not-acknowledged', `${this.broker}: the delivery was abandoned`));
    this.#acknowledged ??= this.#acknowledge();
    return this.#acknowledged;
  }

  abandon(): void {
    if (this.#abandoned || this.#acknowledged) return;
    this.#abandoned = true;
    this.#release();
    this.#hooks.settled();
  }

  async #acknowledge(): Promise<void> {
    // Before the answer: it may be queued behind messages that wait for these bytes.
    this.#release();
    if (this.#empaId !== undefined) this.#empaId = beginning(this.#empaId);
    try {
      await this.session.request('ACK', this.#ackHeaders);
    } catch (cause) {
      throw new TransportError('not-acknowledged', `${this.broker}: the connection that brought the delivery is gone`, { cause });
    } finally {
      this.#hooks.settled();
    }
  }

  /** What others are told is free must be. */
  #release(): void {
    this.#body = NOTHING;
    this.#hooks.released();
  }
}
