import { amsOptions, configFault, stompOptions, type TlsSources } from '@ssm/service-kit';
import { type AmsSubscriberOptions, createAmsSubscriber, createStompSubscriber, type Subscriber } from '@ssm/transport';
import type { ReceiverConfig } from './config.js';

type BrokerSettings = Pick<ReceiverConfig, 'ams' | 'broker' | 'limits' | 'transport' | 'window'>;

/** Throws ServiceError config-invalid: broker settings that cannot work. */
export function createSubscriber(config: BrokerSettings, sources: TlsSources): Subscriber {
  try {
    if (config.transport === 'ams') return createAmsSubscriber(subscriberOptions(config, sources));
    return createStompSubscriber(stompOptions(config, sources));
  } catch (error) {
    throw configFault('broker', error);
  }
}

/** What the reference stores for a message of AMS without an id. */
const MISSING_ID = 'N/A';

function subscriberOptions(config: BrokerSettings, sources: TlsSources): AmsSubscriberOptions {
  const { ackDeadline, batch, pollInterval, subscription } = config.ams;
  return {
    ...amsOptions(config, sources),
    subscription,
    // A pull is acknowledged when all of it is durable: more than are worked on at once would wait for themselves.
    batch: Math.min(batch, config.window),
    pollIntervalMs: pollInterval,
    ackDeadlineSeconds: Math.floor(ackDeadline / 1000),
    missingId: MISSING_ID,
  };
}
