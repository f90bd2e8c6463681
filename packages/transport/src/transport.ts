/** The two interfaces that every transport has. No code. */

export interface OutgoingMessage {
  /** Becomes the `empa-id`. */
  readonly id: string;
  /** The sealed message. */
  readonly body: Uint8Array;
}

/** Where a message was confirmed. */
export interface Confirmation {
  readonly broker: string;
}

/** Something that a person may want to see; services turn it into log lines and metrics. */
export type Status =
  | { readonly type: 'connecting'; readonly broker: string }
  | {
      readonly type: 'connected';
      readonly broker: string;
      /** The broker's own `server` header, or empty. */
      readonly server: string;
      readonly version: string;
      readonly heartbeatMs: { readonly outgoing: number; readonly incoming: number };
      /** notAfter of the broker's certificate, where there is one. */
      readonly certificateExpires?: Date;
    }
  | { readonly type: 'disconnected'; readonly broker: string; readonly error: Error | undefined; readonly retryInMs: number | undefined }
  | { readonly type: 'resent'; readonly broker: string; readonly id: string; readonly reason: string }
  | { readonly type: 'receipt-timeout'; readonly broker: string; readonly id: string }
  /** A broker confirmed a message that a publisher sent to see whether it does. */
  | { readonly type: 'probe-confirmed'; readonly broker: string }
  /** Messages that wait at the broker, where it says so. */
  | { readonly type: 'lag'; readonly broker: string; readonly messages: number }
  | { readonly type: 'warning'; readonly broker: string; readonly code: string; readonly message: string };

export interface Endpoint {
  /** Every status since the call, until the endpoint is closed. Bounded: a slow reader loses the oldest, never memory. */
  status(): AsyncIterable<Status>;
  /** Brokers by connection state, now. */
  connections(): readonly { readonly broker: string; readonly connected: boolean }[];
  /** Settles what is in flight, as far as `signal` allows, then closes. Idempotent. */
  drain(signal: AbortSignal): Promise<void>;
}

export interface Publisher extends Endpoint {
  /**
   * Resolves when the broker has the message (RECEIPT), never before. Many may be in flight; it waits for a place in the window.
   * Lost connections and receipts are answered by sending again, on another broker if need be. Rejects with TransportError:
   * `message-refused` (this message alone is refused by the broker, or its id fits in no header: quarantine it), `message-too-large` (over the
   * limit of this publisher: quarantine it), `aborted` (signal; the broker may or may not have it), `closed`.
   */
  publish(message: OutgoingMessage, signal: AbortSignal): Promise<Confirmation>;
  /** Messages handed over and not yet confirmed. */
  readonly inFlight: number;
}

export interface Delivery {
  readonly broker: string;
  /** `empa-id` header, where there was one. Of a long one only the beginning is there once it was acknowledged. */
  readonly empaId: string | undefined;
  /** Empty once it was acknowledged or abandoned: it takes no memory while the broker is waited for. */
  readonly body: Uint8Array;
  /** The broker says that it was delivered before. */
  readonly redelivered: boolean;
  /**
   * Present when the message was larger than this subscriber takes: its size. The body was not kept and is empty. It comes again and again until
   * it is acknowledged.
   */
  readonly oversized?: number;
  /**
   * Resolves when the broker confirmed the acknowledgement. Rejects with TransportError `not-acknowledged` when the connection that
   * brought the delivery is gone: the broker will deliver it again.
   */
  acknowledge(): Promise<void>;
  /** Gives its place in the byte budget back without acknowledging; the broker delivers it again after a reconnect. */
  abandon(): void;
}

export interface Subscriber extends Endpoint {
  /**
   * Subscribes, on every broker of the list. Ends when the signal aborts; the connections stay until what was handed out is settled. One call at
   * a time: another throws `options-invalid`.
   */
  deliveries(signal: AbortSignal): AsyncIterable<Delivery>;
  /** Stops consuming: disconnects from every broker, so that what is not acknowledged goes back. Idempotent. */
  suspend(reason: string): void;
  /** Subscribes again after suspend(). Idempotent. */
  resume(): void;
}
