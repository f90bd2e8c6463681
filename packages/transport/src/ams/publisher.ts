import { delay } from '../backoff.js';
import { TransportError, type TransportErrorCode } from '../errors.js';
import { type Order, OutboxPublisher } from '../outbox-publisher.js';
import { sleep } from '../sleep.js';
import type { OutgoingMessage } from '../transport.js';
import { AnswerError, isRefusal, isThrottled } from './answer-error.js';
import { AmsApi } from './api.js';
import { connectedStatus } from './greeting.js';
import type { PublisherSettings } from './settings.js';
import { encodeMessage, storedSize } from './wire.js';

/** A message that receivers ignore: a server that cannot store must not seem to be well. Other clients stumble over an empty one. */
const PROBE: OutgoingMessage = { id: 'ping', body: Buffer.from('ping') };
/** Bytes of messages in one request. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** After so long without anything to send the server is asked whether it would take something. */
const IDLE_CHECK_MS = 60_000;
/** A server that is overloaded may fail every second request: ten coincidences are no coincidence. */
const PATIENCE = 10;

/** Failures of which nobody can say whether it is the server or the one message. */
const DOUBTFUL: ReadonlySet<TransportErrorCode> = new Set([
  'broker-error',
  'connection-lost',
  'receipt-timeout',
  'protocol-error',
  'unauthorised',
  'resource-missing',
]);

/** What to do next. */
interface Turn {
  readonly batch: readonly Order[];
  readonly probe: boolean;
}

/**
 * Publishes in batches, one request at a time. A list is not atomic: what was in a request that failed is sent again, one message at a time, and
 * receivers find the duplicates; only a message that is refused alone, or fails alone again and again while others pass, is refused.
 */
export class AmsPublisher extends OutboxPublisher {
  readonly #settings: PublisherSettings;
  readonly #api: AmsApi;
  /** Aborts when nothing more is wanted, what is under way included. */
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  #changed = new AbortController();
  #connected = false;
  #failures = 0;
  /** Too many requests: the next one shall be of use. */
  #throttled = false;

  constructor(settings: PublisherSettings) {
    super({ window: settings.batch, byteBudget: Math.min(settings.byteBudget, REQUEST_BYTES), patience: PATIENCE });
    this.#settings = settings;
    this.#api = new AmsApi(settings);
    // Not at once: who asks for statuses right after this shall see all of them.
    this.#work = Promise.resolve().then(() => this.#run());
  }

  connections(): readonly { readonly broker: string; readonly connected: boolean }[] {
    return [{ broker: this.#api.name, connected: this.#connected }];
  }

  protected faultOf(message: OutgoingMessage): TransportError | undefined {
    const { maximumMessageBytes, serverLimitBytes } = this.#settings;
    const { length } = message.body;
    if (length > maximumMessageBytes)
      return new TransportError('message-too-large', `the message has ${length} bytes, more than ${maximumMessageBytes}`);
    const stored = storedSize(message);
    if (stored > serverLimitBytes)
      return new TransportError(
        'message-too-large',
        `the message of ${length} bytes takes ${stored} at the server, more than ${serverLimitBytes}`,
      );
    return undefined;
  }

  protected wake(): void {
    this.#changed.abort();
  }

  async #run(): Promise<void> {
    const { backoff, random } = this.#settings;
    const { signal } = this.#stop;
    const broker = this.#api.name;
    while (!signal.aborted) {
      this.feed.emit({ type: 'connecting', broker });
      let error: Error | undefined;
      try {
        await this.#serve();
      } catch (failure) {
        error = failure instanceof Error ? failure : new Error(String(failure));
      }
      this.#connected = false;
      this.#throttled = isThrottled(error);
      const pause = delay(this.#failures, random, backoff) + AnswerError.pause(error, backoff.maximumMs);
      const retryInMs = signal.aborted ? undefined : pause;
      this.#failures += 1;
      this.feed.emit({ type: 'disconnected', broker, error: signal.aborted ? undefined : error, retryInMs });
      if (retryInMs !== undefined) await sleep(retryInMs, signal);
    }
  }

  /** Until something fails that is no message's fault, or nothing is wanted any more. */
  async #serve(): Promise<void> {
    const { signal } = this.#stop;
    if (!this.#throttled || this.outbox.size === 0) await this.#check();
    while (!signal.aborted) {
      const turn = this.#next();
      if (turn.probe) await this.#probe();
      else if (turn.batch.length > 0) await this.#send(turn.batch);
      else if (!(await this.#somethingNew())) await this.#check();
    }
  }

  /** An empty list asks for all that a full one needs: host, token, project and topic. */
  async #check(): Promise<void> {
    try {
      await this.#api.publish(this.#settings.topic, [], this.#stop.signal);
    } catch (error) {
      // Known, admitted, and only not fond of empty lists.
      if (!(error instanceof AnswerError && error.status === 400)) {
        // One that has had enough is there.
        if (isThrottled(error)) this.outbox.begin(this.#api.name, undefined);
        else this.outbox.unreachable(this.#api.name);
        this.#endured(error);
        throw error;
      }
    }
    this.outbox.begin(this.#api.name, undefined);
    this.#reached();
  }

  #reached(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.feed.emit(connectedStatus(this.#api));
  }

  /** A failure that is no message's. */
  #endured(error: unknown): void {
    if (isThrottled(error)) this.outbox.returned();
    else this.outbox.connectionEnded('nobody');
  }

  /** false: nothing came for a while. */
  async #somethingNew(): Promise<boolean> {
    this.#changed = new AbortController();
    const { signal } = this.#changed;
    if (this.#stop.signal.aborted) return true;
    await sleep(IDLE_CHECK_MS, signal);
    return signal.aborted;
  }

  #next(): Turn {
    const batch: Order[] = [];
    for (let step = this.outbox.next(); step; step = this.outbox.next()) {
      if (step.type === 'probe') return { batch, probe: true };
      if (step.type === 'refuse') this.#refuse(step.letter);
      else if (step.type === 'put off') this.#putOff(step.letter);
      else {
        if (step.again) this.#tellResent(step.letter);
        batch.push(step.letter);
      }
    }
    return { batch, probe: false };
  }

  async #send(batch: readonly Order[]): Promise<void> {
    try {
      await this.#api.publish(
        this.#settings.topic,
        batch.map(({ message }) => encodeMessage(message)),
        this.#stop.signal,
      );
    } catch (error) {
      this.#failed(batch, error);
      return;
    }
    this.#failures = 0;
    this.#reached();
    for (const order of batch) {
      this.outbox.landed(order);
      this.settle(order, { broker: this.#api.name });
    }
  }

  /** Throws what is no message's fault. */
  #failed(batch: readonly Order[], error: unknown): void {
    const fate = error instanceof TransportError ? error : undefined;
    for (const order of batch) {
      order.fate = fate;
      if (fate?.code === 'receipt-timeout') this.feed.emit({ type: 'receipt-timeout', broker: this.#api.name, id: order.message.id });
    }
    if (fate?.code === 'receipt-timeout') this.outbox.doubt();
    if (isRefusal(error)) {
      this.outbox.connectionEnded('told');
      return;
    }
    if (fate && DOUBTFUL.has(fate.code) && !isThrottled(fate)) this.outbox.connectionEnded('guessed');
    else this.#endured(error);
    throw error;
  }

  async #probe(): Promise<void> {
    try {
      await this.#api.publish(this.#settings.topic, [encodeMessage(PROBE)], this.#stop.signal);
    } catch (error) {
      this.#endured(error);
      throw error;
    }
    this.#reached();
    this.feed.emit({ type: 'probe-confirmed', broker: this.#api.name });
    this.outbox.probePassed();
  }

  #tellResent({ message, fate }: Order): void {
    this.feed.emit({ type: 'resent', broker: this.#api.name, id: message.id, reason: fate?.message ?? 'its fate is unknown' });
  }

  /** Under the code of what happened last. */
  #putOff(order: Order): void {
    const { fate, message } = order;
    const what = `this message of ${message.body.length} bytes fails alone: ${fate?.message ?? ''}`;
    this.settle(order, new TransportError(fate?.code ?? 'connection-lost', `${this.#api.name}: ${what}`, { cause: fate }));
  }

  #refuse(order: Order): void {
    const { fate, message, told } = order;
    const how = told > 0 ? 'alone is refused, and a small one passes' : 'fails alone, and others pass';
    const what = `this message of ${message.body.length} bytes ${how}: ${fate?.message ?? ''}`;
    this.settle(order, new TransportError('message-refused', `${this.#api.name}: ${what}`, { cause: fate }));
  }

  protected async end(): Promise<void> {
    this.#stop.abort();
    this.wake();
    await this.#work;
    this.#api.close();
  }
}
