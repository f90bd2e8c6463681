import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { StompBroker } from '../src/index.js';

export interface ReceivedFrame {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const LF = 0x0a;

/** One frame from the front of the bytes, with what is left; undefined: not all there yet. Headers are left escaped. */
function takeFrame(bytes: Buffer): { frame: ReceivedFrame; rest: Buffer } | undefined {
  let start = 0;
  while (bytes[start] === LF) start += 1;
  const headEnd = bytes.indexOf('\n\n', start);
  if (headEnd < 0) return undefined;
  const [command = '', ...lines] = bytes.toString('utf8', start, headEnd).split('\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  const length = headers['content-length'];
  const end = length === undefined ? bytes.indexOf(0, headEnd + 2) : headEnd + 2 + Number(length);
  if (end < 0 || end >= bytes.length) return undefined;
  return { frame: { command, headers, body: bytes.subarray(headEnd + 2, end) }, rest: bytes.subarray(end + 1) };
}

/** The broker's end of one connection; a test says what it does. */
export class Peer {
  readonly socket: net.Socket;
  /** What each read of the socket gave. */
  readonly chunks: Buffer[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  readonly #wake = new Set<() => void>();

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => this.#notify());
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#notify();
    });
  }

  #notify(): void {
    for (const wake of this.#wake) wake();
    this.#wake.clear();
  }

  /** The next frame; rejects when the connection ends before. */
  async frame(): Promise<ReceivedFrame> {
    for (;;) {
      const taken = takeFrame(this.#bytes);
      if (taken) {
        this.#bytes = taken.rest;
        return taken.frame;
      }
      if (this.socket.destroyed) throw new ConnectionEnded();
      await new Promise<void>((resolve) => this.#wake.add(resolve));
    }
  }

  write(command: string, headers: Readonly<Record<string, string | number>>, body: string | Uint8Array = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.socket.write(Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), Buffer.from(body), Buffer.from('\0')]));
  }

  message(headers: Readonly<Record<string, string | number>>, body: string | Uint8Array = ''): void {
    this.write('MESSAGE', { subscription: '0', 'message-id': 'm', ack: 'a', 'content-length': Buffer.byteLength(body), ...headers }, body);
  }

  receipt({ headers: { receipt = '' } }: ReceivedFrame): void {
    this.write('RECEIPT', { 'receipt-id': receipt });
  }

  /** Answers CONNECT. */
  async accept(headers: Readonly<Record<string, string>> = {}): Promise<ReceivedFrame> {
    const connect = await this.frame();
    this.write('CONNECTED', { version: '1.2', 'heart-beat': '0,0', ...headers });
    return connect;
  }

  /** The next frame, which is receipted. */
  async confirm(): Promise<ReceivedFrame> {
    const frame = await this.frame();
    this.receipt(frame);
    return frame;
  }
}

/** Serves one connection; `number` counts them from 1. */
export type Script = (peer: Peer, number: number) => unknown;

class ConnectionEnded extends Error {}

/** A TCP (or TLS) server on 127.0.0.1 that does what the script says with each connection, and nothing else. */
export class ScriptedBroker {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #scripts: Promise<void>[] = [];
  #failure: unknown;
  connections = 0;

  private constructor(script: Script, options: tls.TlsOptions | undefined) {
    const serve = (socket: net.Socket): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.connections += 1;
      this.#scripts.push(this.#run(script, new Peer(socket)));
    };
    this.#server = options ? tls.createServer(options, serve) : net.createServer({ noDelay: true }, serve);
    this.#server.on('tlsClientError', () => undefined);
  }

  static async start(script: Script, options?: tls.TlsOptions): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script, options);
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  async #run(script: Script, peer: Peer): Promise<void> {
    try {
      await script(peer, this.connections);
    } catch (error) {
      if (!(error instanceof ConnectionEnded)) this.#failure ??= error;
    }
  }

  get address(): StompBroker {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return { host: '127.0.0.1', port: address.port };
  }

  get name(): string {
    return `127.0.0.1:${this.address.port}`;
  }

  /** Ends every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Throws what a script threw. */
  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
    await Promise.all(this.#scripts);
    if (this.#failure !== undefined) throw new Error('a script failed', { cause: this.#failure });
  }
}
