import type { StompVersion } from './headers.js';
import type { Settings } from './settings.js';

/** What differs between brokers. They are known by the `server` header of CONNECTED: nobody has to name them. */

type Headers = Readonly<Record<string, string>>;
type Target = Pick<Settings, 'destination' | 'extraHeaders'>;

/** A code of docs/errors.md, and what a person should know. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

const isArtemis = (server: string): boolean => /^ActiveMQ-Artemis\b/i.test(server);
const isClassic = (server: string): boolean => /^ActiveMQ\//i.test(server);
const isTopic = (destination: string): boolean => destination.startsWith('/topic/');

function rabbitmqMajor(server: string): number | undefined {
  const major = /^RabbitMQ\/(\d+)/i.exec(server)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** Besides what every SEND has; the user's own win. Artemis would deliver to those who listen now, and confirm even when nobody does. */
export function sendHeaders(server: string, { destination, extraHeaders }: Target): Headers {
  return { ...(isArtemis(server) && !isTopic(destination) ? { 'destination-type': 'ANYCAST' } : {}), ...extraHeaders };
}

/**
 * What Artemis may send ahead, in bytes for each message of the prefetch: thirteen signed records of 1 KB, or half of one of 100 KB. It sends
 * a larger message while any of it is left. Receipts for acknowledgements come after all that was sent ahead: more makes them late, not fast.
 */
const BYTES_AHEAD = 64 * 1024;

/** Each kind of broker reads its own prefetch header: ActiveMQ, RabbitMQ, and Artemis, which counts bytes. The user's own headers win. */
export function subscribeHeaders(server: string, settings: Target & Pick<Settings, 'byteBudget'>, prefetch: number): Headers {
  const { destination, byteBudget, extraHeaders } = settings;
  return {
    'activemq.prefetchSize': String(prefetch),
    'prefetch-count': String(prefetch),
    'consumer-window-size': String(Math.min(byteBudget, prefetch * BYTES_AHEAD)),
    ...(isArtemis(server) && !isTopic(destination) ? { 'subscription-type': 'ANYCAST' } : {}),
    ...extraHeaders,
  };
}

/**
 * Whether a MESSAGE may be one that a sender wrote into the body of another: ActiveMQ 6 encodes the body of what was sent as `amq-msg-type:text`
 * anew, and passes on the length that it had before. Then only one that names our subscription, which nobody can guess, is the broker's.
 */
export const passesOnFrames = ({ server }: { readonly server: string }): boolean => isClassic(server);

/**
 * The header of a MESSAGE by which its ACK names it, and which is kept until then: in STOMP 1.2 `ack`. Artemis passes on an `ack` of whoever sent
 * the message, in front of its own: it would name a message that is not stored, or none. Its `message-id` is the same, and before all of these.
 */
export function acknowledgedBy({ server, version }: { readonly server: string; readonly version: StompVersion }): 'ack' | 'message-id' {
  return version === '1.2' && !isArtemis(server) ? 'ack' : 'message-id';
}

/**
 * Whether a MESSAGE may have a content-length that its sender wrote: Artemis passes it on with all other headers, and adds none of its own to a message
 * without a body. The reader would take what is behind that message for its body.
 */
export const passesOnLength = ({ server }: { readonly server: string }): boolean => isArtemis(server);

const redeliveryLimit = (what: string): Warning => ({
  code: 'redelivery-limit',
  message: `a message that came back ${what}, unless the broker is told otherwise: see docs/brokers.md`,
});

/** What this broker may do to messages unless it is configured otherwise, which nobody can see from here. */
export function brokerWarnings(server: string, { extraHeaders }: Target): Warning[] {
  if (isArtemis(server)) return [redeliveryLimit('10 times goes to the dead-letter address, or is dropped where there is none')];
  if ((rabbitmqMajor(server) ?? 0) >= 4 && extraHeaders['x-queue-type'] !== 'classic')
    return [redeliveryLimit('20 times is dropped from a quorum queue')];
  return [];
}

/** A receipt does not say that somebody will get the message where the broker may have no queue for it. */
export function publisherWarnings(server: string, { destination }: Target): Warning[] {
  const mayDrop = rabbitmqMajor(server) === undefined ? isTopic(destination) : !destination.startsWith('/queue/');
  const message = `messages for ${destination} are confirmed, and dropped, while no queue or durable subscription takes them`;
  return mayDrop ? [{ code: 'destination-may-drop', message }] : [];
}

/** Bytes of the largest message that a broker takes, where its ERROR tells: RabbitMQ's does. */
export function toldLimit(error: string): number | undefined {
  const limit = /\blarger than configured max size (\d{1,15})\b/.exec(error)?.[1];
  return limit === undefined ? undefined : Number(limit);
}
