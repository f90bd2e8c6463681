import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Scope } from './scope.js';
import { Pump, type Shape } from './tcp-pump.js';

const HOST = '127.0.0.1';

/**
 * - `pass`: forwards.
 * - `refuse`: nobody listens any more (connection refused); connections that are open go on.
 * - `black-hole`: accepts, keeps everything open and forwards nothing either way, the end of a stream included; what was held back flows
 *   when the mode changes.
 * - `mute`: forwards what comes from the client, and holds back the answers.
 * - `delay`: everything arrives `ms` later, each way.
 * - `throttle`: at most that many bytes a second, each way and connection.
 */
export type ProxyMode =
  | { readonly type: 'pass' | 'refuse' | 'black-hole' | 'mute' }
  | { readonly type: 'delay'; readonly ms: number }
  | { readonly type: 'throttle'; readonly bytesPerSecond: number };

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Connections open now, and accepted since the start. */
  readonly open: number;
  readonly accepted: number;
  /** Bytes forwarded so far. */
  readonly forwarded: { readonly toTarget: number; readonly toClient: number };
  /** Takes effect on open connections too. Resolves when it has (for `refuse`: when the port is closed or open again). */
  setMode(mode: ProxyMode): Promise<void>;
  /** Ends every open connection on both sides: with a reset (default) or politely. New ones are served as the mode says. */
  cutAll(how?: 'reset' | 'end'): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly target: Socket | undefined;
  /** Towards the target, and towards the client. */
  readonly pumps: readonly [Pump, Pump] | readonly [];
}

function shapeOf(mode: ProxyMode, way: 'toTarget' | 'toClient'): Shape {
  return {
    blocked: mode.type === 'black-hole' || (mode.type === 'mute' && way === 'toClient'),
    delayMs: mode.type === 'delay' ? mode.ms : 0,
    bytesPerSecond: mode.type === 'throttle' ? mode.bytesPerSecond : Number.POSITIVE_INFINITY,
  };
}

class FaultProxy implements TcpProxy {
  readonly host = HOST;
  port = 0;
  accepted = 0;
  readonly forwarded = { toTarget: 0, toClient: 0 };
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Map<Socket, Pair>();
  #mode: ProxyMode = { type: 'pass' };

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  get open(): number {
    return this.#pairs.size;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, HOST);
    await once(this.#server, 'listening');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server that listens has one
    this.port = (this.#server.address() as AddressInfo).port;
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    client.on('error', () => this.#drop(client));
    client.on('close', () => this.#forget(client));
    // Inside a black hole the target hears nothing of a new connection until the mode changes.
    if (this.#mode.type === 'black-hole') this.#pairs.set(client, { client, target: undefined, pumps: [] });
    else this.#join(client);
  }

  #join(client: Socket): void {
    const target = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    target.on('error', () => this.#drop(client));
    target.on('close', () => this.#forget(client));
    const count = (way: 'toTarget' | 'toClient') => (bytes: number) => {
      this.forwarded[way] += bytes;
    };
    const pair: Pair = {
      client,
      target,
      pumps: [new Pump(client, target, count('toTarget')), new Pump(target, client, count('toClient'))],
    };
    this.#pairs.set(client, pair);
    this.#shape(pair);
  }

  /** Both have ended by themselves: the last bytes of one may still be on their way when the other has closed. */
  #forget(client: Socket): void {
    const target = this.#pairs.get(client)?.target;
    if (client.closed && target?.closed !== false) this.#pairs.delete(client);
  }

  #drop(client: Socket, how: 'reset' | 'end' = 'reset'): void {
    const pair = this.#pairs.get(client);
    if (pair === undefined) return;
    this.#pairs.delete(client);
    for (const pump of pair.pumps) pump.stop();
    for (const socket of [client, pair.target]) {
      // A socket that has been ended cannot be reset: Node would leave its handle open for ever, and the process busy with it.
      if (how === 'reset' && socket?.writableEnded === false) socket.resetAndDestroy();
      else socket?.destroy();
    }
  }

  async setMode(mode: ProxyMode): Promise<void> {
    this.#mode = mode;
    if (mode.type === 'refuse' && this.#server.listening) this.#server.close();
    if (mode.type !== 'refuse' && !this.#server.listening) await this.listen();
    for (const pair of this.#pairs.values()) {
      if (pair.target === undefined && mode.type !== 'black-hole') this.#join(pair.client);
      else this.#shape(pair);
    }
  }

  #shape({ pumps: [toTarget, toClient] }: Pair): void {
    toTarget?.shape(shapeOf(this.#mode, 'toTarget'));
    toClient?.shape(shapeOf(this.#mode, 'toClient'));
  }

  cutAll(how: 'reset' | 'end' = 'reset'): void {
    for (const client of this.#pairs.keys()) this.#drop(client, how);
  }

  async close(): Promise<void> {
    this.cutAll();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** A proxy on a free port of 127.0.0.1 in front of a server, closed when the test ends. It starts in mode `pass`. */
export async function startTcpProxy(scope: Scope, target: { readonly host?: string; readonly port: number }): Promise<TcpProxy> {
  const proxy = new FaultProxy({ host: target.host ?? HOST, port: target.port });
  await proxy.listen();
  scope.after(() => proxy.close());
  return proxy;
}
