import type { DemoPki } from '../pki/demo.js';

/**
 * The brokers that SSM is tested on: ActiveMQ Classic 5 (Debian's) and 6 (the newest release), Apache Artemis, RabbitMQ 3.10 (Debian's) and 4.
 */
export const BROKER_KINDS = ['activemq5', 'activemq6', 'artemis', 'rabbitmq3', 'rabbitmq4'] as const;
export type BrokerKind = (typeof BROKER_KINDS)[number];

export interface BrokerOptions {
  /** Its `broker` identity is the broker's; `sites` and `server` may log in by their certificates. */
  readonly pki: DemoPki;
  /** RabbitMQ only; default `quorum`. */
  readonly queueType?: 'classic' | 'quorum';
  /** Largest frame that it takes, where it can be told; default: what the broker does by itself. */
  readonly maximumFrameBytes?: number;
  /** Changes a configuration file (its name, its text) before it is written. */
  readonly amend?: (name: string, text: string) => string;
}

/**
 * A real broker as a child process on loopback, with its own data directory, configuration and ports. It is killed when the test ends.
 *
 * Configured as docs/brokers.md says: queues whose names begin with `ssm.` may be used, and make themselves. `login` and `passcode` send and
 * receive; the certificates of `sites` send only, that of `server` receives only.
 */
export interface RealBroker {
  readonly kind: BrokerKind;
  /** As a person says it: `RabbitMQ 4.0.5`. */
  readonly title: string;
  readonly host: string;
  /** STOMP over TLS, client certificate required; the DN is the login. */
  readonly tlsPort: number;
  /** STOMP without TLS, with login and passcode. */
  readonly plainPort: number;
  readonly login: string;
  readonly passcode: string;
  /** For `broker.urls`. */
  readonly url: string;
  readonly plainUrl: string;
  /** For `broker.headers` of both services; empty where none is needed. */
  readonly headers: readonly string[];
  /** A larger body is refused; undefined: no such limit below 128 MiB. */
  readonly largestMessage: number | undefined;
  /** Of the process that is the broker; changes with each start. */
  readonly pid: number;
  /** Its log, newest lines last; for the report of a failure. */
  log(): string;
  /** Messages of a queue (its name without `/queue/`) that are not acknowledged, whether delivered or not; as the broker's own administration says. */
  depth(queue: string): Promise<number>;
  /** Messages of such a queue that it gives to nobody, as it says itself, where it can happen: see docs/brokers.md. */
  readonly stuck: ((queue: string) => Promise<number>) | undefined;
  /** What it says of such a queue; for the report of a failure. */
  about(queue: string): Promise<string>;
  /** Runs the product's own command, where it has one (`rabbitmqctl`); its output. Rejects when it fails, or when there is none. */
  control(...args: readonly string[]): Promise<string>;
  /** In good order. Resolves when the process has ended. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves when the process has ended. */
  kill(): Promise<void>;
  /** Again, with the same ports and data; resolves when STOMP is answered. */
  start(): Promise<void>;
}
