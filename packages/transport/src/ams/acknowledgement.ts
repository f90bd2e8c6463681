import { delay } from '../backoff.js';
import { TransportError } from '../errors.js';
import { sleep } from '../sleep.js';
import { AnswerError, isThrottled } from './answer-error.js';
import type { AmsApi } from './api.js';
import type { SubscriberSettings } from './settings.js';

export interface Acknowledging {
  readonly api: AmsApi;
  readonly settings: SubscriberSettings;
  /** Of the monotonic clock: until when the server takes it. */
  readonly until: number;
  readonly signal: AbortSignal;
}

/** A server that says one of these will not say anything else the next time. */
const FINAL_STATUS: ReadonlySet<number> = new Set([400, 401, 403, 404, 408, 409]);

function isFinal(error: unknown): boolean {
  return error instanceof AnswerError && FINAL_STATUS.has(error.status);
}

/** A server that is there, and does not say why, is asked so often in all. */
const ATTEMPTS = 3;
/** One that is away, or for which nothing is pending: so often. That the messages come again costs less than a consumer that stands still. */
const VAIN_ATTEMPTS = 2;
/** Below every offset. */
const NOT_COUNTED = -1;

/**
 * Acknowledges everything up to an offset. An attempt whose answer did not come may have been counted, and a second one would be answered with
 * an error: so the subscription's offset is asked for before another. Rejects when the messages come again: AnswerError with status 408 when it
 * was too late, or what went wrong last.
 */
export async function acknowledgeUpTo(offset: number, { api, settings, until, signal }: Acknowledging): Promise<void> {
  const { subscription, random, backoff } = settings;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await api.acknowledge(subscription, offset, signal);
      return;
    } catch (error) {
      if (isFinal(error) || signal.aborted) throw error;
      // It was not even looked at: to ask for the offset would be one more request too many.
      const current = isThrottled(error) ? NOT_COUNTED : await currentOffset(api, subscription, signal);
      if (current !== undefined && current > offset) return;
      if (attempt >= attemptsWorth(error, current) || performance.now() >= until) throw error;
      await sleep(delay(attempt - 1, random, backoff) + AnswerError.pause(error, backoff.maximumMs), signal);
    }
  }
}

function attemptsWorth(error: unknown, current: number | undefined): number {
  const isVain = current === undefined || (error instanceof AnswerError && error.status === 500);
  return isVain ? VAIN_ATTEMPTS : ATTEMPTS;
}

/** undefined: no answer. Errors: whatever the server says that will not change. */
async function currentOffset(api: AmsApi, subscription: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { current } = await api.offsets(subscription, signal);
    return current;
  } catch (error) {
    if (isFinal(error)) throw error;
    if (!(error instanceof TransportError)) throw error;
    return undefined;
  }
}
