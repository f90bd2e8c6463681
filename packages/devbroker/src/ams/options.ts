/** Somebody who may use the server. */
export interface AmsUser {
  readonly name: string;
  readonly token: string;
  /** Subject of the certificate for which `:authx509` gives the token: `/C=UK/O=eScience/CN=host`. */
  readonly dn?: string;
  /** Names of the topics and subscriptions that this user may use; absent: all of the project. */
  readonly resources?: readonly string[];
}

export interface AmsServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one; also for the second port. */
  readonly port?: number;
  readonly authPort?: number;
  /** PEM. Clients of the second port must have a certificate from `ca`. */
  readonly tls: { readonly key: string | Buffer; readonly cert: string | Buffer; readonly ca: string | Buffer };
  readonly project: string;
  /** Made at the start, each with a subscription of the same name. */
  readonly topics?: readonly string[];
  readonly users: readonly AmsUser[];
  /** Bytes of a message as it is stored (base64, attributes and all); default 1,000,012. */
  readonly maximumMessageBytes?: number;
  /** How long a pull without `returnImmediately` waits. Milliseconds, default 300,000. */
  readonly longPollMs?: number;
  readonly now?: () => Date;
}

/** A request that came in, for tests to look at. */
export interface AmsRequest {
  readonly call: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}
