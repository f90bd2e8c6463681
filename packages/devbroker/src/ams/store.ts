import { ApiError, internal, notFound } from './api-error.js';
import { decodeStored, encodeStored, type NewMessage, type StoredMessage } from './stored-message.js';

/** The longest that an acknowledgement can be waited for, seconds. */
const MAXIMUM_DEADLINE = 600;
const DEFAULT_DEADLINE = 10;
/** Of the producer that AMS has inside: what is larger does not even reach the log, and the error is not told apart. */
const PRODUCER_SHARE = 1.5;

export interface Offsets {
  readonly max: number;
  readonly min: number;
  readonly current: number;
}

/** A topic: a log from which the oldest messages may be gone. */
export class Topic {
  readonly name: string;
  readonly #messages: string[] = [];
  #min = 0;

  constructor(name: string) {
    this.name = name;
  }

  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#min + this.#messages.length;
  }

  /** Gives the message's id. Throws ApiError 413, or 500 for what is larger still. */
  append(message: NewMessage, now: Date, maximumBytes: number): string {
    const id = String(this.max);
    const text = encodeStored(message, id, now.toISOString());
    const bytes = Buffer.byteLength(text);
    if (bytes > maximumBytes * PRODUCER_SHARE) throw internal('Backend Error');
    if (bytes > maximumBytes) throw new ApiError(413, 'Message size is too large', 'INVALID_ARGUMENT');
    this.#messages.push(text);
    return id;
  }

  read(offset: number, count: number): StoredMessage[] {
    const from = offset - this.#min;
    return this.#messages.slice(from, from + count).map(decodeStored);
  }

  /** As if everything before the offset had grown too old. */
  trim(offset: number): void {
    const count = Math.min(Math.max(0, offset - this.#min), this.#messages.length);
    this.#messages.splice(0, count);
    this.#min += count;
  }
}

/** The place of one consumer in a topic. */
export class Subscription {
  readonly name: string;
  readonly topic: Topic;
  ackDeadlineSeconds: number;
  #offset: number;
  /** Where the last pull ended; 0: there is nothing to acknowledge. */
  #next = 0;
  #pulledAt = 0;

  constructor(name: string, topic: Topic, ackDeadlineSeconds = 0) {
    this.name = name;
    this.topic = topic;
    this.ackDeadlineSeconds = ackDeadlineSeconds === 0 ? DEFAULT_DEADLINE : ackDeadlineSeconds;
    // Only what comes from now on is delivered.
    this.#offset = topic.max;
  }

  get offsets(): Offsets {
    this.#offset = Math.max(this.#offset, this.topic.min);
    return { max: this.topic.max, min: this.topic.min, current: this.#offset };
  }

  /** From the first one that is not acknowledged, whether it was pulled before or not. */
  pull(count: number, nowMs: number): { readonly offset: number; readonly messages: StoredMessage[] } {
    const { current } = this.offsets;
    const messages = this.topic.read(current, count);
    this.#next = current + messages.length;
    this.#pulledAt = nowMs;
    return { offset: current, messages };
  }

  /** Everything up to this offset is done. Throws ApiError: 500 nothing pending, or not of the last pull; 408 too late. */
  acknowledge(offset: number, nowMs: number): void {
    if (this.#next === 0) throw internal('no ack pending');
    if (offset + 1 < this.#offset || offset + 1 > this.#next) throw internal('wrong ack');
    if (nowMs - this.#pulledAt > this.ackDeadlineSeconds * 1000) throw new ApiError(408, 'ack timeout', 'TIMEOUT');
    this.#offset = offset + 1;
    this.#next = 0;
  }

  setDeadline(seconds: unknown): boolean {
    if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 0 || seconds > MAXIMUM_DEADLINE) return false;
    this.ackDeadlineSeconds = seconds;
    return true;
  }
}

export class Project {
  readonly name: string;
  readonly topics = new Map<string, Topic>();
  readonly subscriptions = new Map<string, Subscription>();

  constructor(name: string) {
    this.name = name;
  }

  topic(name: string): Topic {
    const topic = this.topics.get(name);
    if (topic === undefined) throw notFound('Topic');
    return topic;
  }

  subscription(name: string): Subscription {
    const subscription = this.subscriptions.get(name);
    if (subscription === undefined) throw notFound('Subscription');
    return subscription;
  }
}
