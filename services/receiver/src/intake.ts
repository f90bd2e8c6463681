import { type Running, runBounded, type ServiceContext } from '@ssm/service-kit';
import type { Delivery, Subscriber } from '@ssm/transport';
import { followStatus } from './broker-watch.js';
import { Guard, type Need } from './guard.js';
import type { ReceiverMetrics } from './metrics.js';
import type { Result } from './pipeline.js';
import type { LocalTrouble, VolumeComponent } from './trouble.js';

/** Share of the time for the stop that messages in work get; the rest is for parting from the brokers. */
const SHARE_FOR_WORK = 0.8;
/** And what parting gets when they took all of theirs. */
const SHARE_FOR_PARTING = 0.15;

export interface IntakeOptions {
  readonly context: Pick<ServiceContext, 'health' | 'log' | 'onStop' | 'stopping'>;
  readonly metrics: ReceiverMetrics;
  /** Everything here that must be right before messages are taken. Rejects with LocalTrouble. */
  readonly prepare: (need: Need) => Promise<void>;
  readonly subscriber: Subscriber;
  /** Never rejects. */
  readonly receive: (delivery: Delivery) => Promise<Result>;
  /** Runs beside the messages, from when all was well for the first time until the stop. Does not reject. */
  readonly beside: () => Promise<void>;
  readonly window: number;
  readonly drainMs: number;
  readonly random: () => number;
  readonly firstPauseMs?: number | undefined;
}

/** Takes messages from the brokers while all is well here, and leaves them there while it is not. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #guard: Guard;
  #lastTrouble = '';

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { context, firstPauseMs, prepare, random } = options;
    this.#guard = new Guard({
      prepare,
      onTrouble: (trouble) => this.#suspend(trouble),
      onRecovered: () => this.#resume(),
      signal: context.stopping,
      random,
      ...(firstPauseMs === undefined ? {} : { firstPauseMs }),
    });
  }

  /** Nothing is taken now, since something here is wrong. */
  get troubled(): boolean {
    return this.#guard.troubled;
  }

  /** `done` resolves after the stop, and rejects when the work cannot go on. */
  start(): Running {
    const { context, drainMs, subscriber } = this.#options;
    const done = this.#run();
    const ended = done.catch(() => undefined);
    let limit: AbortSignal | undefined;
    // The last one runs first.
    context.onStop('brokers', (deadline) => {
      if (limit?.aborted !== true) return subscriber.drain(deadline);
      // What is durable can still be acknowledged.
      subscriber.suspend('the service stops, and messages in work take too long');
      return subscriber.drain(AbortSignal.any([deadline, AbortSignal.timeout(Math.floor(drainMs * SHARE_FOR_PARTING))]));
    });
    context.onStop('messages in work', async (deadline) => {
      const timer = new AbortController();
      limit = AbortSignal.any([deadline, timer.signal]);
      const timeout = setTimeout(() => timer.abort(), drainMs * SHARE_FOR_WORK);
      await Promise.race([ended, aborted(limit)]);
      clearTimeout(timeout);
    });
    return { done };
  }

  async #run(): Promise<number> {
    const { context, metrics, subscriber } = this.#options;
    const { health, log } = context;
    const status = followStatus(subscriber, { health, log, metrics });
    const work = this.#work();
    await Promise.race([work, status.then(() => work)]);
    return 0;
  }

  async #work(): Promise<void> {
    const { beside, context, subscriber, window } = this.#options;
    const { stopping } = context;
    await this.#guard.begin();
    if (stopping.aborted) return;
    const receive = (delivery: Delivery): Promise<void> => this.#receive(delivery);
    await Promise.all([runBounded(subscriber.deliveries(stopping), receive, { limit: window, signal: stopping }), beside()]);
  }

  async #receive(delivery: Delivery): Promise<void> {
    const result = await this.#options.receive(delivery);
    // What waited for another volume gives up at the stop.
    if (result.outcome === 'retry' && !this.#options.context.stopping.aborted) this.#guard.report(result.trouble);
  }

  /** Something here is wrong, found without a message. */
  report(trouble: LocalTrouble): void {
    if (!this.troubled && !this.#options.context.stopping.aborted) this.#guard.report(trouble);
  }

  /** A volume gives no answer for so long; undefined: it does again. What is taken waits for it as well, and nothing has failed. */
  silent(component: VolumeComponent, silentMs: number | undefined): void {
    const { health, log } = this.#options.context;
    if (silentMs !== undefined) {
      const seconds = Math.round(silentMs / 1000);
      log.error('the volume gives no answer; what was asked goes on waiting', { component, seconds });
      health.set(component, `no answer from the volume for ${seconds} s`);
    } else {
      log.info('the volume answers again', { component });
      if (!this.troubled) health.set(component, true);
    }
  }

  #suspend(trouble: LocalTrouble): void {
    const { context, metrics, subscriber } = this.#options;
    const { code, component } = trouble;
    subscriber.suspend(trouble.message);
    metrics.consuming.set(0);
    metrics.troubles.inc({ component });
    context.health.set(component, trouble.message);
    const kind = `${component} ${code}`;
    const fields = { component, code, error: trouble };
    if (kind === this.#lastTrouble) context.log.debug('still nothing is taken from the brokers', fields);
    else context.log.error('nothing is taken from the brokers until this is over', fields);
    this.#lastTrouble = kind;
  }

  #resume(): void {
    const { context, metrics, subscriber } = this.#options;
    // Of the trust directory its loading tells.
    for (const component of ['incoming', 'reject', 'delivery-record']) context.health.set(component, true);
    metrics.consuming.set(1);
    if (this.#lastTrouble !== '') context.log.info('messages are taken again');
    this.#lastTrouble = '';
    subscriber.resume();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
