import type { AmsRequest, AmsServer, AmsServerOptions } from '@ssm/devbroker';
import type { DemoPki, Scope } from '@ssm/test-support';
import {
  type AmsPublisherOptions,
  type AmsSubscriberOptions,
  createAmsPublisher,
  createAmsSubscriber,
  type Delivery,
  type Endpoint,
  type OutgoingMessage,
  type Publisher,
  type Status,
  type Subscriber,
} from '../../src/index.js';
import { within } from '../helpers.js';
import { optionsFor, pkiOf, startServer } from './harness.js';

export const never: AbortSignal = new AbortController().signal;
export const NAME = 'records';

export const message = (id: string, text = id): OutgoingMessage => ({ id, body: Buffer.from(text) });
export const messages = (count: number): OutgoingMessage[] => Array.from({ length: count }, (_, index) => message(`m-${index}`));

/** A server with one topic, and what was asked of it. */
export class AmsBench {
  readonly server: AmsServer;
  readonly pki: DemoPki;
  readonly requests: AmsRequest[] = [];
  readonly #scope: Scope;

  private constructor(scope: Scope, server: AmsServer) {
    this.#scope = scope;
    this.server = server;
    this.pki = pkiOf(scope);
    server.events.on('request', (request) => this.requests.push(request));
  }

  static async start(scope: Scope, options: Partial<AmsServerOptions> = {}): Promise<AmsBench> {
    return new AmsBench(scope, await startServer(scope, { topics: [NAME], ...options }));
  }

  get broker(): string {
    return `${this.server.host}:${this.server.port}`;
  }

  publisher(options: Partial<AmsPublisherOptions> = {}): Publisher {
    return this.#drained(createAmsPublisher({ ...optionsFor(this.pki, this.server), topic: NAME, ...options }));
  }

  subscriber(options: Partial<AmsSubscriberOptions> = {}): Subscriber {
    return this.#drained(createAmsSubscriber({ ...optionsFor(this.pki, this.server), subscription: NAME, pollIntervalMs: 50, ...options }));
  }

  #drained<E extends Endpoint>(endpoint: E): E {
    this.#scope.after(() => endpoint.drain(AbortSignal.abort()));
    return endpoint;
  }

  calls(call: string): AmsRequest[] {
    return this.requests.filter((request) => request.call === call);
  }

  /** Puts messages into the topic by a publisher of its own, and forgets the requests. */
  async fill(list: readonly OutgoingMessage[]): Promise<void> {
    const publisher = this.publisher();
    await within(Promise.all(list.map((each) => publisher.publish(each, never))), 'filled');
    await publisher.drain(never);
    this.requests.length = 0;
  }
}

/** Everything that an endpoint says of itself from now on. */
export function listen(endpoint: Endpoint): Status[] {
  const statuses: Status[] = [];
  void (async () => {
    for await (const status of endpoint.status()) statuses.push(status);
  })();
  return statuses;
}

/** The errors with which it was disconnected. */
export function troubles(statuses: readonly Status[]): string[] {
  return statuses.flatMap((status) =>
    status.type === 'disconnected' && status.error && 'code' in status.error ? [String(status.error.code)] : [],
  );
}

export function warnings(statuses: readonly Status[]): string[] {
  return statuses.flatMap((status) => (status.type === 'warning' ? [status.code] : []));
}

export class Reader {
  readonly #iterator: AsyncIterator<Delivery>;
  readonly #controller = new AbortController();

  constructor(subscriber: Subscriber) {
    this.#iterator = subscriber.deliveries(this.#controller.signal)[Symbol.asyncIterator]();
  }

  stop(): void {
    this.#controller.abort();
  }

  next(): Promise<IteratorResult<Delivery>> {
    return this.#iterator.next();
  }

  async take(count: number): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    for (let index = 0; index < count; index += 1) {
      const { value } = await within(this.#iterator.next(), `delivery ${index + 1} of ${count}`);
      taken.push(value as Delivery);
    }
    return taken;
  }
}

export const ids = (deliveries: readonly Delivery[]): (string | undefined)[] => deliveries.map(({ empaId }) => empaId);
