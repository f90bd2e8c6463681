import type { TransportTls } from '../tls.js';

export interface StompBroker {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. A function: asked again at each connect, so that renewed certificates are used. */
  readonly tls?: () => TransportTls;
}

export interface StompOptions {
  readonly brokers: readonly StompBroker[];
  readonly destination: string;
  readonly login?: string;
  readonly passcode?: string;
  /** STOMP `host` header: RabbitMQ's virtual host. Default `/`. */
  readonly virtualHost?: string;
  /** Headers added to SEND or SUBSCRIBE, for what a broker needs (`destination-type`, `x-queue-type`). */
  readonly extraHeaders?: Readonly<Record<string, string>>;
  readonly connectTimeoutMs?: number;
  readonly receiptTimeoutMs?: number;
  readonly heartbeatMs?: number;
  /** Unconfirmed SENDs, or prefetch. Default 100. */
  readonly window?: number;
  /** Bytes in flight. Default 64 MiB. */
  readonly byteBudget?: number;
  /** Largest frame body taken from a broker. Default 96 MiB. */
  readonly maximumMessageBytes?: number;
  readonly backoff?: { readonly initialMs: number; readonly maximumMs: number };
  readonly random?: () => number;
}
