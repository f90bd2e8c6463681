import type { Body, IncomingFrame } from './body.js';

/** A MESSAGE, read to its end. */
export interface Message {
  readonly headers: IncomingFrame['headers'];
  readonly body: Body;
  /** The bytes that {@link Inbox.admit} was asked for. */
  readonly admitted: number;
}

/** Where the messages of a session go. Each yes of `admit` is followed by one `deliver`, or by one `drop` when the rest did not come. */
export interface Inbox {
  /** Until it answers, nothing more is read from this connection. `signal` aborts when messages are no longer wanted: answer no. */
  admit(bytes: number, signal: AbortSignal): true | Promise<boolean>;
  deliver(message: Message): void;
  drop(bytes: number): void;
}

/** For a session that does not subscribe: what comes all the same is read and forgotten. */
export const NO_INBOX: Inbox = {
  admit: () => Promise.resolve(false),
  deliver: () => undefined,
  drop: () => undefined,
};
