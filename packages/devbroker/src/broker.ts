import { EventEmitter, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Connection } from './connection.js';
import type { ConnectionInfo, Context, Counters, DevBrokerEvents } from './context.js';
import { type FaultPlan, Faults } from './faults.js';
import type { BrokerMessage } from './message.js';
import { type DevBrokerOptions, type DevBrokerTls, settingsOf } from './options.js';
import { Store } from './store.js';

export interface DevBroker {
  readonly host: string;
  readonly port: number;
  readonly counters: Readonly<Counters>;
  readonly events: EventEmitter<DevBrokerEvents>;
  /** Connections open now. */
  connections(): ConnectionInfo[];
  /** Messages waiting, and delivered but not acknowledged. */
  queueDepth(destination: string): number;
  messages(destination: string): BrokerMessage[];
  /** Puts a message into a queue, as SEND does. Throws when the broker is full. */
  publish(destination: string, headers: Readonly<Record<string, string>>, body: Uint8Array | string): BrokerMessage;
  /** Takes the oldest waiting message out of a queue. */
  consume(destination: string): BrokerMessage | undefined;

  /** Replaces the named faults; `undefined` switches one off. */
  inject(plan: FaultPlan): void;
  clearFaults(): void;
  /** Ends every connection now, with a reset (default) or politely. */
  cutAll(how?: 'reset' | 'end'): void;
  /** As if the process were stopped: nothing read, nothing answered, no heart-beats, sockets open, new connections too. */
  goSilent(silent: boolean): void;
  /** Stops listening (connection refused) or listens again on the same port. Open connections stay. */
  refuseConnections(refuse: boolean): Promise<void>;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
}

function zeroCounters(): Counters {
  return {
    connections: 0,
    connects: 0,
    disconnects: 0,
    frames: 0,
    sends: 0,
    receipts: 0,
    deliveries: 0,
    redeliveries: 0,
    acks: 0,
    nacks: 0,
    errors: 0,
    tlsErrors: 0,
    missedHeartbeats: 0,
  };
}

/** Subject of the client's verified certificate. */
function peerDn(socket: TLSSocket): string | undefined {
  const subject = socket.authorized ? socket.getPeerX509Certificate()?.subject : undefined;
  return subject === undefined ? undefined : `/${subject.split('\n').join('/')}`;
}

function tlsServer(tls: DevBrokerTls, onSecure: (socket: TLSSocket) => void): Server {
  const { key, cert, ca, requireClientCertificate = false } = tls;
  // Without a CA of ours, those of the system would do.
  if (requireClientCertificate && ca === undefined) throw new TypeError('requireClientCertificate needs a ca');
  const trust = ca === undefined ? {} : { ca, requestCert: true };
  return createTlsServer({ key, cert, ...trust, rejectUnauthorized: requireClientCertificate, allowHalfOpen: true }, onSecure);
}

const addressOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;

class InMemoryBroker implements DevBroker {
  readonly host: string;
  port: number;
  readonly counters = zeroCounters();
  readonly events = new EventEmitter<DevBrokerEvents>();
  readonly #context: Context;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Every accepted TCP socket: those in the middle of a TLS handshake too. */
  readonly #rawSockets = new Map<string, Socket>();
  #accepted = 0;
  #silent = false;

  constructor(options: DevBrokerOptions) {
    const settings = settingsOf(options);
    this.host = options.host ?? '127.0.0.1';
    this.port = options.port ?? 0;
    const store = new Store(settings.maxQueuedBytes);
    this.#context = { settings, store, faults: new Faults(options.faults), counters: this.counters, events: this.events };
    this.#server =
      options.tls === undefined
        ? createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket, undefined))
        : tlsServer(options.tls, (socket) => this.#accept(socket, peerDn(socket)));
    this.#server.prependListener('connection', (raw: Socket) => this.#track(raw));
    this.#server.on('tlsClientError', (error: Error) => {
      this.counters.tlsErrors += 1;
      this.events.emit('tls-error', error);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, this.host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  #track(raw: Socket): void {
    const address = addressOf(raw);
    this.#rawSockets.set(address, raw);
    raw.on('close', () => this.#rawSockets.delete(address));
  }

  #accept(socket: Socket, peerCertificateDn: string | undefined): void {
    this.counters.connections += 1;
    this.#accepted += 1;
    const raw = this.#rawSockets.get(addressOf(socket)) ?? socket;
    const connection = new Connection(this.#context, { socket, raw, peerCertificateDn }, this.#accepted, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    if (this.#silent) connection.setSilent(true);
  }

  connections(): ConnectionInfo[] {
    return Array.from(this.#connections, (connection) => connection.info);
  }

  queueDepth(destination: string): number {
    return this.#context.store.find(destination)?.depth ?? 0;
  }

  messages(destination: string): BrokerMessage[] {
    return this.#context.store.find(destination)?.messages() ?? [];
  }

  publish(destination: string, headers: Readonly<Record<string, string>>, body: Uint8Array | string): BrokerMessage {
    const { store } = this.#context;
    const message = store.publish(destination, Object.entries(headers), Buffer.from(body));
    store.dispatch(destination);
    return message;
  }

  consume(destination: string): BrokerMessage | undefined {
    const message = this.#context.store.find(destination)?.take();
    if (message !== undefined) this.#context.store.settle(message);
    return message;
  }

  inject(plan: FaultPlan): void {
    this.#context.faults.inject(plan);
  }

  clearFaults(): void {
    this.#context.faults.clear();
  }

  cutAll(how: 'reset' | 'end' = 'reset'): void {
    for (const connection of this.#connections) connection.cut(how);
  }

  goSilent(silent: boolean): void {
    this.#silent = silent;
    for (const connection of this.#connections) connection.setSilent(silent);
  }

  async refuseConnections(refuse: boolean): Promise<void> {
    if (refuse === !this.#server.listening) return;
    if (refuse) this.#server.close();
    else await this.listen();
  }

  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    this.cutAll('end');
    const raws = Array.from(this.#rawSockets.values()).filter((raw) => !raw.closed);
    await Promise.all(raws.map((raw) => once(raw.destroy(), 'close')));
  }
}

/** Starts a broker that keeps everything in memory. Rejects when it cannot listen or the TLS options are unusable. */
export async function startDevBroker(options: DevBrokerOptions = {}): Promise<DevBroker> {
  const broker = new InMemoryBroker(options);
  await broker.listen();
  return broker;
}
