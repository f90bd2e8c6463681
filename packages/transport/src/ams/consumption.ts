import { Budget } from '../budget.js';
import { TransportError, type TransportErrorCode } from '../errors.js';
import { sleep } from '../sleep.js';
import type { StatusFeed } from '../status.js';
import { acknowledgeUpTo } from './acknowledgement.js';
import { AnswerError } from './answer-error.js';
import type { AmsApi } from './api.js';
import { AmsDelivery } from './delivery.js';
import { Lag } from './lag.js';
import { Pull, type PullEnd } from './pull.js';
import type { SubscriberSettings } from './settings.js';
import type { Pulled } from './wire.js';

/** What a message costs of the byte budget besides its body, so that many empty ones are bounded too. */
const OVERHEAD_BYTES = 1024;
/** What AMS waits for an acknowledgement when nobody told it otherwise. */
const DEFAULT_DEADLINE_SECONDS = 10;
/** Of the deadline: after so much of it the pull is acknowledged as far as it is durable. The rest is for the acknowledgement itself. */
const WORKING_SHARE = 0.75;
/** The first pause of an empty subscription is this part of the longest. */
const FIRST_POLL_SHARE = 1 / 16;

/** Failures of a pull that a smaller one may not meet. */
const OF_SIZE: ReadonlySet<TransportErrorCode> = new Set(['protocol-error', 'receipt-timeout', 'connection-lost']);

export interface ConsumptionParts {
  readonly api: AmsApi;
  readonly settings: SubscriberSettings;
  readonly status: StatusFeed;
  /** Aborts when even acknowledgements are no longer waited for. */
  readonly cut: AbortSignal;
  /** Aborts when nothing new begins any more. */
  readonly ended: AbortSignal;
}

/** Where what was pulled goes. */
export interface Outlet {
  /** A pull was answered. */
  readonly reached: () => void;
  readonly push: (deliveries: readonly AmsDelivery[]) => void;
  /** What nobody reads yet shall be read by nobody. */
  readonly takeBack: () => void;
}

/** Pulls, one after the other: hands out the messages, and acknowledges what became durable. */
export class Consumption {
  readonly #parts: ConsumptionParts;
  readonly #budget: Budget;
  readonly #lag: Lag;
  readonly #largest: number;
  #size: number;
  #deadlineSeconds = DEFAULT_DEADLINE_SECONDS;
  #warned = false;
  #prepared = false;
  #emptyPulls = 0;
  #fruitless = 0;
  /** The highest offset that was handed out. */
  #seen = -1;
  /** Where the last pull began, if the server took its acknowledgement. */
  #acknowledged: number | undefined;
  #current: Pull | undefined;

  constructor(parts: ConsumptionParts) {
    const { batch, byteBudget, serverLimitBytes } = parts.settings;
    this.#parts = parts;
    this.#budget = new Budget(byteBudget);
    this.#largest = Math.max(1, Math.min(batch, Math.floor(byteBudget / serverLimitBytes)));
    this.#size = this.#largest;
    this.#lag = new Lag(parts);
  }

  /** It was told once. */
  get isPrepared(): boolean {
    return this.#prepared;
  }

  /** Tells the server how long it has to wait. Where that is not for us to say, its default is kept to. */
  async prepare(signal: AbortSignal): Promise<void> {
    await this.#setDeadline(signal);
    this.#prepared = true;
    // Not before: together they would get two tokens.
    this.#lag.begin();
  }

  async #setDeadline(signal: AbortSignal): Promise<void> {
    const { api, settings, status } = this.#parts;
    const { subscription, ackDeadlineSeconds } = settings;
    try {
      await api.modifyAckDeadline(subscription, ackDeadlineSeconds, signal);
      this.#deadlineSeconds = ackDeadlineSeconds;
    } catch (error) {
      if (!(error instanceof AnswerError && error.status === 403)) throw error;
      this.#deadlineSeconds = Math.min(ackDeadlineSeconds, DEFAULT_DEADLINE_SECONDS);
      const message = `${error.message}; ${this.#deadlineSeconds} s are kept to`;
      if (this.#warned) return;
      this.#warned = true;
      status.emit({ type: 'warning', broker: api.name, code: 'ack-deadline-unchanged', message });
    }
  }

  handOut(delivery: AmsDelivery): void {
    delivery.isHandedOut = true;
    this.#seen = Math.max(this.#seen, delivery.offset);
  }

  look(): void {
    this.#current?.look();
  }

  /** What is durable is acknowledged now, the rest comes again. */
  end(): void {
    this.#current?.end('suspended');
  }

  /** One pull and what belongs to it; a pause where nothing was there. Rejects with what the calls reject with, but for acknowledgements. */
  async pull(signal: AbortSignal, outlet: Outlet): Promise<void> {
    const reserved = this.#size * this.#parts.settings.serverLimitBytes;
    if (!(await this.#budget.take(reserved, signal))) return;
    const begun = performance.now();
    const deliveries = await this.#fetch(signal).finally(() => this.#budget.give(reserved));
    outlet.reached();
    if (deliveries.length === 0) await this.#pause(signal);
    else await this.#work(deliveries, begun, outlet, signal);
  }

  /** Only the deliveries know the bodies from here on: they let go of them while the pull still waits. */
  async #fetch(signal: AbortSignal): Promise<readonly AmsDelivery[]> {
    const { api, settings } = this.#parts;
    try {
      const pulled = await api.pull(settings.subscription, this.#size, signal);
      return pulled.map((each) => this.#deliveryOf(each));
    } catch (error) {
      this.#refused(error);
      throw error;
    }
  }

  /**
   * An answer may have been too large for us, or for the time or the network that it has. Or there is a message among those asked for that the server
   * cannot deliver, which fails them all with 500: what comes before it is to be taken.
   */
  #refused(error: unknown): void {
    const isOfOne = error instanceof AnswerError && error.status === 500;
    if (isOfOne || (error instanceof TransportError && OF_SIZE.has(error.code))) this.#size = Math.max(1, Math.floor(this.#size / 2));
  }

  /** Own polling: the server would hold a request that waits for minutes. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { pollIntervalMs, random } = this.#parts.settings;
    const longest = Math.min(pollIntervalMs, pollIntervalMs * FIRST_POLL_SHARE * 2 ** this.#emptyPulls);
    this.#emptyPulls += 1;
    await sleep(longest * (0.5 + random() / 2), signal);
  }

  async #work(deliveries: readonly AmsDelivery[], begun: number, outlet: Outlet, signal: AbortSignal): Promise<void> {
    this.#emptyPulls = 0;
    const full = deliveries.length >= this.#size;
    const deadlineMs = this.#deadlineSeconds * 1000;
    const pull = new Pull(deliveries, Math.max(0, begun + deadlineMs * WORKING_SHARE - performance.now()));
    this.#current = pull;
    outlet.push(deliveries);
    pull.look();
    const why = await pull.ended;
    this.#current = undefined;
    outlet.takeBack();
    this.#resize(why, pull, full);
    const isTaken = await this.#acknowledge(pull, begun + deadlineMs);
    if (isTaken && this.#isNews(deliveries)) this.#fruitless = 0;
    else await this.#pauseAfterNothing(signal);
  }

  /** false: they begin where the ones before them did, though these were acknowledged. */
  #isNews([first]: readonly AmsDelivery[]): boolean {
    const { api, status } = this.#parts;
    const before = this.#acknowledged;
    this.#acknowledged = first?.offset;
    if (before === undefined || before !== first?.offset) return true;
    const message = `${api.name}: acknowledge: the server took it, and the same messages came again`;
    status.emit({ type: 'warning', broker: api.name, code: 'acknowledgement-failed', message });
    return false;
  }

  #deliveryOf(pulled: Pulled): AmsDelivery {
    const { api, settings } = this.#parts;
    const bytes = pulled.body.length + OVERHEAD_BYTES;
    this.#budget.charge(bytes);
    const { empaId = settings.missingId } = pulled;
    const about = { broker: api.name, redelivered: pulled.offset <= this.#seen, maximumBytes: settings.maximumMessageBytes };
    return new AmsDelivery({ ...pulled, empaId }, about, {
      released: () => this.#budget.give(bytes),
      settled: () => this.#current?.look(),
    });
  }

  /** As many as whoever reads takes before waiting for an acknowledgement, and as are done in time. */
  #resize(why: PullEnd, pull: Pull, full: boolean): void {
    if (why === 'reader-waits') this.#size = Math.max(1, pull.handedOut);
    else if (why === 'deadline') this.#size = Math.max(1, Math.floor(this.#size / 2));
    else if (why === 'complete' && full) this.#size = Math.min(this.#largest, this.#size * 2);
  }

  /** false: everything comes again. */
  async #acknowledge(pull: Pull, until: number): Promise<boolean> {
    const { api, settings, cut, status } = this.#parts;
    const last = pull.lastDurable;
    try {
      if (last !== undefined) await acknowledgeUpTo(last.offset, { api, settings, until, signal: cut });
      pull.conclude(last?.offset, 'a message before it was not stored, or the time was over');
    } catch (error) {
      this.#acknowledged = undefined;
      pull.conclude(undefined, 'the acknowledgement was not taken', error);
      const message = `${error instanceof Error ? error.message : String(error)}; the messages come again`;
      status.emit({ type: 'warning', broker: api.name, code: 'acknowledgement-failed', message });
      return false;
    }
    return last !== undefined;
  }

  /** The same messages come at once: not over and over without a pause. */
  async #pauseAfterNothing(signal: AbortSignal): Promise<void> {
    const { backoff, random } = this.#parts.settings;
    const longest = Math.min(backoff.maximumMs, backoff.initialMs * 2 ** this.#fruitless);
    this.#fruitless += 1;
    await sleep(longest * random(), signal);
  }
}
