import { AbortListeners } from '../abort-listeners.js';
import { delay } from '../backoff.js';
import { Deferred } from '../deferred.js';
import { DeliveryQueue } from '../delivery-queue.js';
import { Draining } from '../draining.js';
import { TransportError } from '../errors.js';
import { sleep } from '../sleep.js';
import { StatusFeed } from '../status.js';
import type { Delivery, Status, Subscriber } from '../transport.js';
import { AnswerError, isThrottled } from './answer-error.js';
import { AmsApi } from './api.js';
import { Consumption, type Outlet } from './consumption.js';
import type { AmsDelivery } from './delivery.js';
import { connectedStatus } from './greeting.js';
import type { SubscriberSettings } from './settings.js';

/**
 * Pulls from one subscription, and acknowledges each pull once, when its messages are durable. Only one may consume from a subscription at a time:
 * its place is a single number.
 */
export class AmsSubscriber implements Subscriber {
  readonly #settings: SubscriberSettings;
  readonly #api: AmsApi;
  readonly #status = new StatusFeed();
  readonly #consumption: Consumption;
  readonly #listeners = new AbortListeners();
  readonly #draining = new Draining();
  /** Aborts when the end begins. */
  readonly #ended = new AbortController();
  #queue: DeliveryQueue<AmsDelivery> | undefined;
  #suspended = false;
  #connected = false;
  /** Aborts when no new messages are wanted. */
  #interest = new AbortController();
  /** Resolves when that may have changed. */
  #turn = new Deferred<void>();
  #work: Promise<void> | undefined;

  constructor(settings: SubscriberSettings) {
    this.#settings = settings;
    this.#api = new AmsApi(settings);
    const { signal: ended } = this.#ended;
    this.#consumption = new Consumption({ api: this.#api, settings, status: this.#status, cut: this.#draining.cut, ended });
  }

  status(): AsyncIterable<Status> {
    return this.#status.read();
  }

  connections(): readonly { readonly broker: string; readonly connected: boolean }[] {
    return [{ broker: this.#api.name, connected: this.#connected }];
  }

  deliveries(signal: AbortSignal): AsyncIterable<Delivery> {
    if (this.#queue) throw new TransportError('options-invalid', 'the deliveries are being read already');
    const end = (): void => queue.end();
    const queue = new DeliveryQueue<AmsDelivery>(
      (delivery) => this.#consumption.handOut(delivery),
      () => {
        this.#listeners.remove(signal, end);
        this.#queue = undefined;
        this.#interest.abort();
        this.#consumption.look();
      },
    );
    this.#queue = queue;
    this.#listeners.add(signal, end);
    if (signal.aborted || this.#draining.begun) queue.end();
    this.#begin();
    return queue;
  }

  suspend(reason: string): void {
    if (this.#suspended) return;
    this.#suspended = true;
    const broker = this.#api.name;
    if (this.#connected)
      this.#status.emit({ type: 'warning', broker, code: 'suspended', message: `${broker}: consuming is suspended: ${reason}` });
    this.#interest.abort();
    this.#queue?.drop(() => true);
    this.#consumption.end();
  }

  resume(): void {
    this.#suspended = false;
    this.#begin();
  }

  drain(signal: AbortSignal): Promise<void> {
    return this.#draining.begin(signal, () => this.#drain());
  }

  async #drain(): Promise<void> {
    this.#queue?.end();
    this.#ended.abort();
    this.#turn.resolve();
    this.#draining.cut.addEventListener('abort', () => this.#consumption.end(), { once: true });
    if (this.#draining.cut.aborted) this.#consumption.end();
    await this.#work;
    this.#api.close();
    this.#status.close();
  }

  get #isWanted(): boolean {
    return this.#queue !== undefined && !this.#suspended && !this.#draining.begun;
  }

  #begin(): void {
    if (!this.#isWanted) return;
    this.#work ??= this.#run();
    this.#turn.resolve();
  }

  async #run(): Promise<void> {
    const { backoff, random } = this.#settings;
    const broker = this.#api.name;
    let failures = 0;
    let throttled = false;
    while (!this.#draining.begun) {
      if (!this.#isWanted) {
        await this.#turn.promise;
        this.#turn = new Deferred();
        continue;
      }
      this.#interest = new AbortController();
      const { signal } = this.#interest;
      this.#status.emit({ type: 'connecting', broker });
      const { error, pulled } = await this.#consume(signal, throttled);
      throttled = isThrottled(error);
      // To be let in is not enough: a subscription may be broken.
      if (pulled) failures = 0;
      this.#connected = false;
      const pause = delay(failures, random, backoff) + AnswerError.pause(error, backoff.maximumMs);
      const retryInMs = signal.aborted ? undefined : pause;
      failures += 1;
      this.#status.emit({ type: 'disconnected', broker, error: signal.aborted ? undefined : error, retryInMs });
      if (retryInMs !== undefined) await sleep(retryInMs, signal);
    }
  }

  /** Until it fails, or nothing is wanted. `throttled`: too many requests, so that the next one shall be of use. */
  async #consume(signal: AbortSignal, throttled: boolean): Promise<{ readonly error?: Error; readonly pulled: boolean }> {
    let pulled = false;
    try {
      if (!throttled || !this.#consumption.isPrepared) await this.#consumption.prepare(signal);
      const outlet: Outlet = {
        reached: () => this.#reached(signal),
        push: (deliveries) => this.#push(deliveries),
        takeBack: () => this.#queue?.drop(() => true),
      };
      while (this.#isWanted && !signal.aborted) {
        await this.#consumption.pull(signal, outlet);
        pulled = true;
      }
      return { pulled };
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(String(error)), pulled };
    }
  }

  /** To be let in is not enough: a pull must be answered. */
  #reached(signal: AbortSignal): void {
    if (this.#connected || signal.aborted) return;
    this.#connected = true;
    this.#status.emit(connectedStatus(this.#api));
  }

  #push(deliveries: readonly AmsDelivery[]): void {
    for (const delivery of deliveries) {
      if (this.#queue && this.#isWanted) this.#queue.push(delivery);
      else delivery.abandon();
    }
  }
}
