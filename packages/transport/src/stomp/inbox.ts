import type { Body, IncomingFrame } from './body.js';

/** What a message costs besides what is in it, so that many empty ones are bounded too. */
const OVERHEAD_BYTES = 1024;
/** Headers that are kept with a message. Their lengths are the sender's choice. */
const KEPT_HEADERS = ['empa-id', 'ack', 'message-id'];
/** A character may take so many bytes. */
const CHARACTER_BYTES = 2;

/** What a message with a body of so many bytes takes of a byte budget. */
export function messageCost(headers: IncomingFrame['headers'], bodyBytes: number): number {
  const characters = KEPT_HEADERS.reduce((sum, name) => sum + String(headers[name] ?? '').length, 0);
  return OVERHEAD_BYTES + CHARACTER_BYTES * characters + bodyBytes;
}

/** A MESSAGE, read to its end. */
export interface Message {
  readonly headers: IncomingFrame['headers'];
  readonly body: Body;
  /** The bytes that {@link Inbox.admit} was asked for: its cost, as far as it was known. */
  readonly admitted: number;
}

/** Where the messages of a session go. Each yes of `admit` is followed by one `deliver`, or by one `drop` when the rest did not come. */
export interface Inbox {
  /** Until it answers, nothing more is read from this connection. `signal` aborts when messages are no longer wanted: answer no. */
  admit(bytes: number, signal: AbortSignal): true | Promise<boolean>;
  deliver(message: Message): void;
  drop(bytes: number): void;
}

/** Of a session that does not subscribe: a message is a fault of the broker there. */
export const NO_INBOX: Inbox = {
  admit: () => Promise.resolve(false),
  deliver: () => undefined,
  drop: () => undefined,
};
