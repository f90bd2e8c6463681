import { setMaxListeners } from 'node:events';
import { AbortListeners } from '../abort-listeners.js';
import { Budget } from '../budget.js';
import { Deferred } from '../deferred.js';
import { DeliveryQueue } from '../delivery-queue.js';
import { Draining } from '../draining.js';
import { TransportError } from '../errors.js';
import { StatusFeed } from '../status.js';
import type { Delivery, Status, Subscriber } from '../transport.js';
import { Announcer } from './announcer.js';
import { Consumer } from './consumer.js';
import type { StompDelivery } from './delivery.js';
import type { Session } from './session.js';
import { brokerName, type Settings } from './settings.js';

/** Connections that run. */
interface Run {
  /** Aborts when messages were passed over: these connections will not bring them again, and one that is lost is not made anew. Others will. */
  readonly stale: AbortController;
  readonly ended: Promise<unknown>;
}

/**
 * Consumes from every broker of the list at once. What was not acknowledged when its connection ends is delivered again by the broker; it never
 * answers NACK, which one broker takes for ACK and another repeats at once.
 *
 * There is no UNSUBSCRIBE: a broker may take back what is unacknowledged when it comes, while DISCONNECT does the same later and for all.
 */
export class StompSubscriber implements Subscriber {
  readonly #settings: Settings;
  readonly #status = new StatusFeed();
  readonly #budget: Budget;
  readonly #consumers: readonly Consumer[];
  readonly #listeners = new AbortListeners();
  readonly #draining = new Draining();
  /** Handed out, and still to be acknowledged on a living connection. */
  readonly #outstanding = new Set<StompDelivery>();
  /** Those of them whose reader is not done yet. */
  readonly #inWork = new Set<StompDelivery>();
  readonly #idle = new Deferred<void>();
  #queue: DeliveryQueue<StompDelivery> | undefined;
  #suspended = false;
  #run: Run | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#budget = new Budget(settings.byteBudget);
    const host = {
      settings,
      status: this.#status,
      announcer: new Announcer(this.#status, settings),
      budget: this.#budget,
      isOpen: () => this.#isWanted(),
      take: (delivery: StompDelivery) => this.#take(delivery),
      released: (delivery: StompDelivery) => void this.#inWork.delete(delivery),
      settled: (delivery: StompDelivery) => this.#settled(delivery),
      gone: (session: Session) => this.#gone(session),
      isStuck: (session: Session) => this.#isStuck(session),
      forget: (session: Session) => this.#queue?.drop((delivery) => delivery.session === session),
    };
    this.#consumers = settings.brokers.map((address) => new Consumer(address, host));
  }

  status(): AsyncIterable<Status> {
    return this.#status.read();
  }

  connections(): readonly { readonly broker: string; readonly connected: boolean }[] {
    return this.#settings.brokers.map((address, index) => ({
      broker: brokerName(address),
      connected: this.#consumers[index]?.connected ?? false,
    }));
  }

  deliveries(signal: AbortSignal): AsyncIterable<Delivery> {
    if (this.#queue) throw new TransportError('options-invalid', 'the deliveries are being read already');
    const handOut = (delivery: StompDelivery): void => {
      this.#outstanding.add(delivery);
      this.#inWork.add(delivery);
    };
    const end = (): void => queue.end();
    const queue = new DeliveryQueue(handOut, () => {
      this.#listeners.remove(signal, end);
      this.#queue = undefined;
      this.#passOver();
    });
    this.#queue = queue;
    this.#listeners.add(signal, end);
    if (signal.aborted || this.#draining.begun) queue.end();
    this.#reconcile();
    return queue;
  }

  suspend(reason: string): void {
    if (this.#suspended) return;
    this.#suspended = true;
    for (const { broker, connected } of this.connections())
      if (connected)
        this.#status.emit({ type: 'warning', broker, code: 'suspended', message: `${broker}: consuming is suspended: ${reason}` });
    this.#queue?.drop(() => true);
    this.#passOver();
  }

  resume(): void {
    this.#suspended = false;
    this.#reconcile();
  }

  drain(signal: AbortSignal): Promise<void> {
    return this.#draining.begin(signal, () => this.#drain());
  }

  async #drain(): Promise<void> {
    const signal = this.#draining.cut;
    signal.addEventListener('abort', () => this.#idle.resolve(), { once: true });
    this.#queue?.end();
    if (signal.aborted || this.#outstanding.size === 0) this.#idle.resolve();
    await this.#idle.promise;
    this.#reconcile();
    await this.#turn;
    this.#status.close();
  }

  #isWanted(): boolean {
    return this.#queue !== undefined && !this.#suspended;
  }

  /** What comes from now on is not taken. */
  #passOver(): void {
    this.#run?.stale.abort();
    this.#budget.refuseWaiting();
    this.#reconcile();
  }

  #take(delivery: StompDelivery): void {
    if (this.#queue && !this.#suspended) this.#queue.push(delivery);
    else delivery.abandon();
  }

  #settled(delivery: StompDelivery): void {
    if (this.#outstanding.delete(delivery)) this.#checkIdle();
  }

  #gone(session: Session): void {
    this.#queue?.drop((delivery) => delivery.session === session);
    for (const delivery of this.#outstanding) if (delivery.session === session) this.#outstanding.delete(delivery);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#outstanding.size > 0) return;
    if (this.#draining.begun) this.#idle.resolve();
    this.#reconcile();
  }

  #isStuck(session: Session): boolean {
    if (this.#inWork.size > 0) return false;
    for (const delivery of this.#outstanding) if (delivery.session === session) return true;
    return false;
  }

  /** Makes the connections what they should be, one change after the other. */
  #reconcile(): void {
    this.#turn = this.#turn.then(() => this.#settleConnections());
  }

  async #settleConnections(): Promise<void> {
    const wanted = this.#isWanted();
    const mayStop = wanted || this.#suspended || this.#draining.cut.aborted || this.#outstanding.size === 0;
    if (this.#run && (!wanted || this.#run.stale.signal.aborted) && mayStop) await this.#disconnect(this.#run);
    if (!this.#run && this.#isWanted()) this.#connect();
  }

  #connect(): void {
    const stale = controllerForMany();
    this.#run = { stale, ended: Promise.all(this.#consumers.map((consumer) => consumer.run(stale.signal))) };
  }

  /** Behind the acknowledgements that are under way; bounded. */
  async #disconnect({ ended }: Run): Promise<void> {
    const limit = controllerForMany();
    const giveUp = (): void => limit.abort();
    const timer = setTimeout(giveUp, this.#settings.connectTimeoutMs);
    this.#listeners.add(this.#draining.cut, giveUp);
    if (this.#draining.cut.aborted) giveUp();
    await Promise.all(this.#consumers.map((consumer) => consumer.disconnect(limit.signal)));
    await ended;
    clearTimeout(timer);
    this.#listeners.remove(this.#draining.cut, giveUp);
    this.#run = undefined;
  }
}

/** Each broker listens to it, and they may be many: of more than ten listeners Node.js warns as of a leak. */
function controllerForMany(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
