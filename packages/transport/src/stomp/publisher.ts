import { TransportError, type TransportErrorCode } from '../errors.js';
import { type Order, OutboxPublisher } from '../outbox-publisher.js';
import type { OutgoingMessage } from '../transport.js';
import { Announcer } from './announcer.js';
import { publisherWarnings, sendHeaders, toldLimit } from './dialect.js';
import { isSendable } from './headers.js';
import { keepConnected } from './link.js';
import type { Session } from './session.js';
import { brokerName, type Settings } from './settings.js';

/** A message that receivers ignore. It has no body, but is stored like any other: a broker that cannot store must not seem to be well. */
const PROBE: OutgoingMessage = { id: 'ping', body: new Uint8Array() };

/**
 * Ends that a message can be the cause of: a broker that refuses a frame says ERROR, closes the connection, or never answers. A broker that is
 * silent altogether is another matter.
 */
const CHARGED: ReadonlySet<TransportErrorCode> = new Set(['broker-error', 'connection-lost', 'receipt-timeout']);

/** A queue at its limit refuses good messages, too. A run that tries a file five times must still come to a verdict. */
const PATIENCE = 3;

/** Sends over one connection at a time, and fails over along the list of brokers. */
export class StompPublisher extends OutboxPublisher {
  readonly #settings: Settings;
  readonly #announcer: Announcer;
  /** Aborts when no new connection is wanted. */
  readonly #stop = new AbortController();
  readonly #link: Promise<void>;
  /** What brokers said that they take, until they end a connection for another reason. */
  readonly #limits = new Map<string, number>();
  #session: Session | undefined;
  #confirmedHere = false;

  constructor(settings: Settings) {
    super({ ...settings, patience: PATIENCE });
    this.#settings = settings;
    this.#announcer = new Announcer(this.feed, settings, (server) => publisherWarnings(server, settings));
    const use = (session: Session): Promise<boolean> => this.#use(session);
    const failed = (broker: string): void => this.outbox.unreachable(broker);
    const link = { brokers: settings.brokers, settings, status: this.feed, use, failed };
    // Not at once: who asks for statuses right after this shall see all of them.
    this.#link = Promise.resolve().then(() => keepConnected(link, this.#stop.signal));
  }

  connections(): readonly { readonly broker: string; readonly connected: boolean }[] {
    return this.#settings.brokers.map((address) => {
      const broker = brokerName(address);
      return { broker, connected: broker === this.#session?.name };
    });
  }

  protected faultOf({ id, body }: OutgoingMessage): TransportError | undefined {
    const { maximumMessageBytes } = this.#settings;
    if (!isSendable(id, '1.2'))
      return new TransportError('message-refused', 'the id of the message holds a NUL, which no STOMP header can carry');
    if (body.length > maximumMessageBytes)
      return new TransportError('message-too-large', `the message has ${body.length} bytes, more than ${maximumMessageBytes}`);
    return undefined;
  }

  async #use(session: Session): Promise<boolean> {
    this.#session = session;
    this.#confirmedHere = false;
    this.#announcer.announce(session);
    this.outbox.begin(session.name, this.#limits.get(session.name));
    this.wake();
    const error = await session.ended;
    this.#session = undefined;
    this.#noteLimit(session, error);
    if (error?.code === 'receipt-timeout') this.outbox.doubt();
    this.outbox.connectionEnded(error && CHARGED.has(error.code) ? 'guessed' : 'nobody');
    return this.#confirmedHere;
  }

  #noteLimit({ name }: Session, error: TransportError | undefined): void {
    const limit = error?.code === 'broker-error' ? toldLimit(error.message) : undefined;
    if (limit === undefined) this.#limits.delete(name);
    else this.#limits.set(name, limit);
  }

  /** Does what there is to do. Called whenever something has changed. */
  protected wake(): void {
    const session = this.#session;
    if (!session) return;
    while (!session.closed) {
      const step = this.outbox.next();
      if (!step) return;
      switch (step.type) {
        case 'send':
          if (step.again) this.#tellResent(session, step.letter);
          void this.#sendOrder(session, step.letter);
          break;
        case 'probe':
          void this.#probe(session);
          break;
        case 'put off':
          this.#putOff(session, step.letter);
          break;
        case 'refuse':
          this.#refuse(session, step.letter, step.limit);
          break;
      }
    }
  }

  async #sendOrder(session: Session, order: Order): Promise<void> {
    const { message } = order;
    const { version } = session.greeting;
    if (!isSendable(message.id, version)) {
      this.outbox.dropped(order);
      this.settle(
        order,
        new TransportError('message-refused', `${session.name}: STOMP ${version} cannot carry a control character of the message's id`),
      );
      return;
    }
    try {
      await this.#send(session, message);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      order.fate = error;
      if (error.code === 'receipt-timeout') this.feed.emit({ type: 'receipt-timeout', broker: session.name, id: message.id });
      return;
    }
    this.#confirmedHere = true;
    this.outbox.landed(order);
    this.settle(order, { broker: session.name });
    this.wake();
  }

  async #probe(session: Session): Promise<void> {
    try {
      await this.#send(session, PROBE);
    } catch {
      // The connection has ended: the outbox draws the conclusion.
      return;
    }
    this.feed.emit({ type: 'probe-confirmed', broker: session.name });
    this.outbox.probePassed();
    this.wake();
  }

  #send(session: Session, { id, body }: OutgoingMessage): Promise<void> {
    const { destination } = this.#settings;
    const own = { persistent: 'true', 'content-length': String(body.length), 'empa-id': id };
    return session.request('SEND', { destination, ...sendHeaders(session.greeting.server, this.#settings), ...own }, body);
  }

  #tellResent(session: Session, { message, fate }: Order): void {
    this.feed.emit({ type: 'resent', broker: session.name, id: message.id, reason: fate?.message ?? 'its connection ended' });
  }

  /** Under the code of what happened last. */
  #putOff({ name }: Session, order: Order): void {
    const { fate, message } = order;
    const what = `connections end on this message of ${message.body.length} bytes alone: ${fate?.message ?? ''}`;
    this.settle(order, new TransportError(fate?.code ?? 'connection-lost', `${name}: ${what}`, { cause: fate }));
  }

  #refuse(session: Session, order: Order, limit: number | undefined): void {
    const { length } = order.message.body;
    const what =
      limit === undefined
        ? `connections end on this message of ${length} bytes alone, and others pass: ${order.fate?.message ?? ''}`
        : `the broker takes ${limit} bytes at most, this message has ${length} bytes`;
    this.settle(order, new TransportError('message-refused', `${session.name}: ${what}`, { cause: order.fate }));
  }

  protected async end(cut: AbortSignal): Promise<void> {
    this.#stop.abort();
    await this.#session?.disconnect(cut);
    await this.#link;
  }
}
