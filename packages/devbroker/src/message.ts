import { encodeHeaders, type StompVersion } from './frame.js';

/** A message as tests see it. */
export interface BrokerMessage {
  readonly id: string;
  readonly destination: string;
  /** As sent, without those that are the broker's own business. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** It went out before and came back. */
  readonly redelivered: boolean;
  readonly deliveries: number;
  /** `delivered`: with a subscriber, not acknowledged yet. */
  readonly state: 'waiting' | 'delivered' | 'done';
}

/** The broker writes these itself, or keeps them to itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'destination',
  'receipt',
  'transaction',
  'content-length',
  'message-id',
  'subscription',
  'ack',
  'redelivered',
]);
/** Estimated cost of a message beyond its body and headers. */
const OVERHEAD_BYTES = 512;

export class Message implements BrokerMessage {
  readonly sequence: number;
  readonly id: string;
  readonly destination: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Bytes it counts towards the limit. */
  readonly size: number;
  redelivered = false;
  deliveries = 0;
  state: BrokerMessage['state'] = 'waiting';
  #encoded: { readonly version: StompVersion; readonly text: string } | undefined;

  constructor(sequence: number, destination: string, headers: Iterable<readonly [string, string]>, body: Buffer) {
    this.sequence = sequence;
    this.id = `ID:devbroker-${sequence}`;
    this.destination = destination;
    const kept = new Map<string, string>();
    let size = body.length + OVERHEAD_BYTES;
    for (const [name, value] of headers) {
      if (OWN_HEADERS.has(name)) continue;
      kept.set(name, value);
      size += name.length + value.length;
    }
    this.headers = kept;
    this.body = body;
    this.size = size;
  }

  /** Header lines that are the same at each delivery. */
  encodedHeaders(version: StompVersion): string {
    if (this.#encoded?.version !== version) {
      const own = [['destination', this.destination] as const, ['content-length', String(this.body.length)] as const];
      this.#encoded = { version, text: encodeHeaders('MESSAGE', [...own, ...this.headers], version) };
    }
    return this.#encoded.text;
  }
}
