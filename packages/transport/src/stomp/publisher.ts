import { AbortListeners } from '../abort-listeners.js';
import { Deferred } from '../deferred.js';
import { Draining } from '../draining.js';
import { TransportError, type TransportErrorCode } from '../errors.js';
import { type Letter, Outbox } from '../outbox.js';
import { StatusFeed } from '../status.js';
import type { Confirmation, OutgoingMessage, Publisher, Status } from '../transport.js';
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

interface Order extends Letter {
  readonly settled: Deferred<Confirmation>;
  /** What came of the last attempt. */
  fate: TransportError | undefined;
}

/** Sends over one connection at a time, and fails over along the list of brokers. */
export class StompPublisher implements Publisher {
  readonly #settings: Settings;
  readonly #status = new StatusFeed();
  readonly #announcer: Announcer;
  readonly #outbox: Outbox<Order>;
  readonly #listeners = new AbortListeners();
  readonly #draining = new Draining();
  /** Aborts when no new connection is wanted. */
  readonly #stop = new AbortController();
  readonly #empty = new Deferred<void>();
  readonly #link: Promise<void>;
  /** What brokers said that they take, until they end a connection for another reason. */
  readonly #limits = new Map<string, number>();
  #session: Session | undefined;
  #confirmedHere = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#announcer = new Announcer(this.#status, settings, (server) => publisherWarnings(server, settings));
    this.#outbox = new Outbox({ ...settings, patience: PATIENCE });
    const use = (session: Session): Promise<boolean> => this.#use(session);
    const failed = (broker: string): void => this.#outbox.unreachable(broker);
    const link = { brokers: settings.brokers, settings, status: this.#status, use, failed };
    // Not at once: who asks for statuses right after this shall see all of them.
    this.#link = Promise.resolve().then(() => keepConnected(link, this.#stop.signal));
  }

  get inFlight(): number {
    return this.#outbox.size;
  }

  status(): AsyncIterable<Status> {
    return this.#status.read();
  }

  connections(): readonly { readonly broker: string; readonly connected: boolean }[] {
    return this.#settings.brokers.map((address) => {
      const broker = brokerName(address);
      return { broker, connected: broker === this.#session?.name };
    });
  }

  publish(message: OutgoingMessage, signal: AbortSignal): Promise<Confirmation> {
    const refusal = this.#refusal(message, signal);
    if (refusal) return Promise.reject(refusal);
    const order: Order = { message, settled: new Deferred(), strikes: 0, told: 0, abandoned: false, fate: undefined };
    const abort = (): void => {
      this.#outbox.abandon(order);
      this.#settle(order, new TransportError('aborted', 'publishing was aborted: a broker may or may not have the message'));
      this.#pump();
    };
    this.#listeners.add(signal, abort);
    this.#outbox.add(order);
    this.#pump();
    return order.settled.promise.finally(() => this.#listeners.remove(signal, abort));
  }

  drain(signal: AbortSignal): Promise<void> {
    return this.#draining.begin(signal, () => this.#drain());
  }

  #refusal({ id, body }: OutgoingMessage, signal: AbortSignal): TransportError | undefined {
    const { maximumMessageBytes } = this.#settings;
    if (this.#draining.begun) return new TransportError('closed', 'the publisher is drained');
    if (signal.aborted) return new TransportError('aborted', 'publishing was aborted: the message was not sent');
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
    this.#outbox.begin(session.name, this.#limits.get(session.name));
    this.#pump();
    const error = await session.ended;
    this.#session = undefined;
    this.#noteLimit(session, error);
    if (error?.code === 'receipt-timeout') this.#outbox.doubt();
    this.#outbox.connectionEnded(error && CHARGED.has(error.code) ? 'guessed' : 'nobody');
    return this.#confirmedHere;
  }

  #noteLimit({ name }: Session, error: TransportError | undefined): void {
    const limit = error?.code === 'broker-error' ? toldLimit(error.message) : undefined;
    if (limit === undefined) this.#limits.delete(name);
    else this.#limits.set(name, limit);
  }

  /** Does what there is to do. Called whenever something has changed. */
  #pump(): void {
    const session = this.#session;
    if (!session) return;
    while (!session.closed) {
      const step = this.#outbox.next();
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
      this.#outbox.dropped(order);
      this.#settle(
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
      if (error.code === 'receipt-timeout') this.#status.emit({ type: 'receipt-timeout', broker: session.name, id: message.id });
      return;
    }
    this.#confirmedHere = true;
    this.#outbox.landed(order);
    this.#settle(order, { broker: session.name });
    this.#pump();
  }

  async #probe(session: Session): Promise<void> {
    try {
      await this.#send(session, PROBE);
    } catch {
      // The connection has ended: the outbox draws the conclusion.
      return;
    }
    this.#status.emit({ type: 'probe-confirmed', broker: session.name });
    this.#outbox.probePassed();
    this.#pump();
  }

  #send(session: Session, { id, body }: OutgoingMessage): Promise<void> {
    const { destination } = this.#settings;
    const own = { persistent: 'true', 'content-length': String(body.length), 'empa-id': id };
    return session.request('SEND', { destination, ...sendHeaders(session.greeting.server, this.#settings), ...own }, body);
  }

  #tellResent(session: Session, { message, fate }: Order): void {
    this.#status.emit({ type: 'resent', broker: session.name, id: message.id, reason: fate?.message ?? 'its connection ended' });
  }

  /** Under the code of what happened last. */
  #putOff({ name }: Session, order: Order): void {
    const { fate, message } = order;
    const what = `connections end on this message of ${message.body.length} bytes alone: ${fate?.message ?? ''}`;
    this.#settle(order, new TransportError(fate?.code ?? 'connection-lost', `${name}: ${what}`, { cause: fate }));
  }

  #refuse(session: Session, order: Order, limit: number | undefined): void {
    const { length } = order.message.body;
    const what =
      limit === undefined
        ? `connections end on this message of ${length} bytes alone, and others pass: ${order.fate?.message ?? ''}`
        : `the broker takes ${limit} bytes at most, this message has ${length} bytes`;
    this.#settle(order, new TransportError('message-refused', `${session.name}: ${what}`, { cause: order.fate }));
  }

  #settle({ settled }: Order, outcome: Confirmation | TransportError): void {
    if (outcome instanceof TransportError) settled.reject(outcome);
    else settled.resolve(outcome);
    if (this.#draining.begun && this.#outbox.size === 0) this.#empty.resolve();
  }

  async #drain(): Promise<void> {
    const signal = this.#draining.cut;
    signal.addEventListener('abort', () => this.#empty.resolve(), { once: true });
    if (signal.aborted || this.#outbox.size === 0) this.#empty.resolve();
    await this.#empty.promise;
    this.#stop.abort();
    await this.#session?.disconnect(signal);
    await this.#link;
    for (const order of this.#outbox.letters()) this.#settle(order, new TransportError('closed', 'the publisher was closed first'));
    this.#status.close();
  }
}
