import { delay } from '../backoff.js';
import { sleep } from '../sleep.js';
import type { StatusFeed } from '../status.js';
import type { Inbox } from './inbox.js';
import type { StompBroker } from './options.js';
import { Session } from './session.js';
import { brokerName, type Settings } from './settings.js';

export interface Link {
  /** One of them at a time, in turn. */
  readonly brokers: readonly StompBroker[];
  readonly settings: Settings;
  readonly status: StatusFeed;
  readonly inbox?: Inbox;
  /** Uses a connection until it has ended. True when it was of use: then the back-off begins anew, as after one that lasted. */
  readonly use: (session: Session) => Promise<boolean>;
  /** Told when no connection to this broker could be made. */
  readonly failed?: (broker: string) => void;
}

interface Outcome {
  readonly error: Error | undefined;
  readonly useful: boolean;
}

async function connectOnce(link: Link, broker: StompBroker, signal: AbortSignal): Promise<Outcome> {
  try {
    const session = await Session.open(broker, link.settings, signal, link.inbox);
    // It may have come up just when nobody wanted it any more.
    if (signal.aborted) await session.disconnect(signal);
    const since = performance.now();
    const useful = await link.use(session);
    const lasted = performance.now() - since >= link.settings.backoff.maximumMs;
    return { error: await session.ended, useful: useful || lasted };
  } catch (error) {
    if (signal.aborted) return { error: undefined, useful: false };
    link.failed?.(brokerName(broker));
    return { error: error instanceof Error ? error : new Error(String(error)), useful: false };
  }
}

/**
 * Keeps a connection until the signal aborts: to one broker of the list after the other, with a random pause between attempts, which grows with
 * each round of the list: a broker that was not asked yet has refused nothing. It does not end a connection that is in use; never rejects.
 */
export async function keepConnected(link: Link, signal: AbortSignal): Promise<void> {
  const { brokers, settings, status } = link;
  let failures = 0;
  for (let turn = 0; !signal.aborted; turn += 1) {
    const address = brokers[turn % brokers.length];
    if (address === undefined) return;
    const broker = brokerName(address);
    status.emit({ type: 'connecting', broker });
    const { error, useful } = await connectOnce(link, address, signal);
    if (useful) failures = 0;
    const retryInMs = signal.aborted ? undefined : delay(Math.floor(failures / brokers.length), settings.random, settings.backoff);
    failures += 1;
    status.emit({ type: 'disconnected', broker, error, retryInMs });
    if (retryInMs !== undefined) await sleep(retryInMs, signal);
  }
}
