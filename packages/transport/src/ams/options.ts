import type { TransportTls } from '../tls.js';

/** How the server knows us. */
export type AmsAuthentication =
  | { readonly type: 'token'; readonly token: string }
  /** The certificate of `tls` is exchanged for a token, on a port of its own (default 8443). */
  | { readonly type: 'x509'; readonly port?: number };

/** What both ends need of a server of the ARGO Messaging Service. */
export interface AmsOptions {
  readonly host: string;
  /** Default 443. */
  readonly port?: number;
  readonly project: string;
  readonly authentication: AmsAuthentication;
  /** Asked again for each connection. Certificate and key are shown only where a certificate is exchanged for a token. */
  readonly tls: () => TransportTls;
  readonly connectTimeoutMs?: number;
  /** Until the answer begins, and between its parts; for a large request longer, by a second for each 64 kB. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Messages of a request or an answer. Default 20. */
  readonly batch?: number;
  /** The largest message that the server takes, in base64 with its attributes. Default 1,000,000 bytes. */
  readonly serverLimitBytes?: number;
  /** Largest message that is published or taken. Default 96 MiB. */
  readonly maximumMessageBytes?: number;
  /** Bytes in flight. Default 64 MiB. */
  readonly byteBudget?: number;
  readonly backoff?: { readonly initialMs: number; readonly maximumMs: number };
  readonly random?: () => number;
}

export interface AmsPublisherOptions extends AmsOptions {
  readonly topic: string;
}

export interface AmsSubscriberOptions extends AmsOptions {
  readonly subscription: string;
  /** What the server is told to wait for an acknowledgement, 1 to 600. Default 300. */
  readonly ackDeadlineSeconds?: number;
  /** The longest pause between two looks at an empty subscription. Default 5 s. */
  readonly pollIntervalMs?: number;
  /** Given as the id of a message that has none. Default: none is given. */
  readonly missingId?: string;
  /** How often the server is asked how many messages wait. Default 60 s. */
  readonly lagIntervalMs?: number;
}
