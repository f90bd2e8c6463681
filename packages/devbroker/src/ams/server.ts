import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { TLSSocket } from 'node:tls';
import { ApiError, notFound } from './api-error.js';
import { CALLS } from './calls.js';
import { answer, readRequest } from './exchange.js';
import { type AmsFault, type AmsFaultRule, AmsFaults } from './faults.js';
import type { AmsRequest, AmsServerOptions } from './options.js';
import { authenticatedHost, type Route, routeOf } from './routes.js';
import { type Offsets, Project, Subscription, Topic } from './store.js';
import { peerDn, Users } from './users.js';

const DEFAULT_MAXIMUM = 1_000_012;
const LONG_POLL_MS = 300_000;

export interface AmsServer {
  readonly host: string;
  readonly port: number;
  /** Where certificates are exchanged for tokens. */
  readonly authPort: number;
  readonly events: EventEmitter<{ request: [AmsRequest] }>;
  /** Makes a topic with a subscription of the same name, unless they are there. */
  ensure(topic: string): void;
  /** Of a subscription. */
  offsets(subscription: string): Offsets;
  /** As if everything before the offset had grown too old. */
  trim(topic: string, offset: number): void;
  /** The user's token as it is now. */
  token(user: string): string;
  /** Every token that was given out is refused from now on. */
  renewTokens(): void;
  inject(rule: AmsFaultRule): void;
  clearFaults(): void;
  close(): Promise<void>;
}

/** A request, as far as its call is concerned. */
interface Asked {
  readonly body: Buffer;
  readonly fault: AmsFault | undefined;
  /** Aborts when nobody waits for the answer. */
  readonly gone: AbortSignal;
}

class InMemoryAms implements AmsServer {
  readonly host: string;
  port: number;
  authPort: number;
  readonly events = new EventEmitter<{ request: [AmsRequest] }>();
  readonly #options: AmsServerOptions;
  readonly #project: Project;
  readonly #users: Users;
  readonly #faults = new AmsFaults();
  readonly #server: Server;
  readonly #authServer: Server;

  constructor(options: AmsServerOptions) {
    const { host = '127.0.0.1', port = 0, authPort = 0, tls, users, project, topics = [] } = options;
    this.#options = options;
    this.host = host;
    this.port = port;
    this.authPort = authPort;
    this.#project = new Project(project);
    this.#users = new Users(users);
    for (const topic of topics) this.ensure(topic);
    const { key, cert, ca } = tls;
    this.#server = createServer({ key, cert }, (request, response) => void this.#serve(request, response));
    this.#authServer = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, (request, response) => {
      void this.#authenticate(request, response);
    });
    // A client that does not like our certificate, or has none that we like.
    for (const server of [this.#server, this.#authServer]) server.on('tlsClientError', () => undefined);
  }

  async listen(): Promise<void> {
    this.port = await listening(this.#server, this.host, this.port);
    this.authPort = await listening(this.#authServer, this.host, this.authPort);
  }

  ensure(name: string): void {
    const topic = this.#project.topics.get(name) ?? new Topic(name);
    this.#project.topics.set(name, topic);
    if (!this.#project.subscriptions.has(name)) this.#project.subscriptions.set(name, new Subscription(name, topic));
  }

  offsets(subscription: string): Offsets {
    return this.#project.subscription(subscription).offsets;
  }

  trim(topic: string, offset: number): void {
    this.#project.topic(topic).trim(offset);
  }

  token(user: string): string {
    return this.#users.token(user);
  }

  renewTokens(): void {
    this.#users.renewTokens();
  }

  inject(rule: AmsFaultRule): void {
    this.#faults.add(rule);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  async close(): Promise<void> {
    for (const server of [this.#server, this.#authServer]) {
      if (!server.listening) continue;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const route = routeOf(method, url.split('?', 1)[0] ?? '');
    const body = await this.#arrived(route?.call ?? '', request);
    if (body === undefined) return;
    const fault = this.#faults.take(route?.call ?? '', body);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const work = (): Promise<object | ''> => this.#work(route, request.headers['x-api-key'], { body, fault, gone: gone.signal });
    await answer(response, work, fault).catch(() => response.destroy());
  }

  async #work(route: Route | undefined, token: unknown, { body, fault, gone }: Asked): Promise<object | ''> {
    const call = route === undefined ? undefined : CALLS[route.call];
    if (route === undefined || call === undefined) throw new ApiError(404, 'Not found', 'NOT_FOUND');
    if (route.call !== 'status') {
      this.#users.admit(token, route.name);
      if (route.project !== this.#project.name) throw notFound('ProjectUUID');
    }
    const { maximumMessageBytes = DEFAULT_MAXIMUM, longPollMs = LONG_POLL_MS, now = () => new Date() } = this.#options;
    const some = fault?.type === 'publish-some' ? { publishAtMost: fault.count } : {};
    return call(route, body, { project: this.#project, maximumMessageBytes, longPollMs, now, gone, ...some });
  }

  async #authenticate(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', socket } = request;
    const body = await this.#arrived('authx509', request);
    if (body === undefined) return;
    const work = async (): Promise<object> => {
      const host = authenticatedHost(method, url);
      if (host === undefined || !(socket instanceof TLSSocket)) throw new ApiError(404, 'Not found', 'NOT FOUND');
      return { token: this.#users.tokenOf(peerDn(socket)) };
    };
    await answer(response, work, this.#faults.take('authx509', body)).catch(() => response.destroy());
  }

  /** undefined: the client went away, or sent too much. */
  async #arrived(call: string, request: IncomingMessage): Promise<Buffer | undefined> {
    try {
      const body = await readRequest(request);
      const { method = '', url = '', headers } = request;
      this.events.emit('request', { call, method, url, headers, body });
      return body;
    } catch {
      request.destroy();
      return undefined;
    }
  }
}

async function listening(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/**
 * Starts a server that behaves as the ARGO Messaging Service does, and keeps everything in memory. Rejects when it cannot listen or the TLS
 * options are unusable.
 */
export async function startAmsServer(options: AmsServerOptions): Promise<AmsServer> {
  const server = new InMemoryAms(options);
  await server.listen();
  return server;
}
