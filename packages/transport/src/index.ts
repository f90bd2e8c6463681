import type { AmsPublisherOptions, AmsSubscriberOptions } from './ams/options.js';
import { AmsPublisher } from './ams/publisher.js';
import { publisherSettings, subscriberSettings } from './ams/settings.js';
import { AmsSubscriber } from './ams/subscriber.js';
import type { StompOptions } from './stomp/options.js';
import { StompPublisher } from './stomp/publisher.js';
import { resolveOptions } from './stomp/settings.js';
import { StompSubscriber } from './stomp/subscriber.js';
import type { Publisher, Subscriber } from './transport.js';

export type { AmsAuthentication, AmsOptions, AmsPublisherOptions, AmsSubscriberOptions } from './ams/options.js';
export { largestBody as largestAmsBody } from './ams/wire.js';
export type { TransportErrorCode } from './errors.js';
export { TRANSPORT_ERROR_CODES, TransportError } from './errors.js';
export type { StompBroker, StompOptions } from './stomp/options.js';
export type { TransportTls } from './tls.js';
export type { Confirmation, Delivery, Endpoint, OutgoingMessage, Publisher, Status, Subscriber } from './transport.js';

/** A publisher that connects by itself and stays connected until it is drained. Errors: options-invalid. */
export function createStompPublisher(options: StompOptions): Publisher {
  return new StompPublisher(resolveOptions(options));
}

/** A subscriber on every broker of the list. Errors: options-invalid. */
export function createStompSubscriber(options: StompOptions): Subscriber {
  return new StompSubscriber(resolveOptions(options));
}

/** A publisher on one topic of an AMS project, until it is drained. Errors: options-invalid. */
export function createAmsPublisher(options: AmsPublisherOptions): Publisher {
  return new AmsPublisher(publisherSettings(options));
}

/** The one subscriber on one subscription of an AMS project. Errors: options-invalid. */
export function createAmsSubscriber(options: AmsSubscriberOptions): Subscriber {
  return new AmsSubscriber(subscriberSettings(options));
}
