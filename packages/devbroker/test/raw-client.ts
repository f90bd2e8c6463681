import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { eventually, type Scope } from '@ssm/test-support';
import { type DevBroker, type DevBrokerOptions, startDevBroker } from '../src/index.js';

export interface ReceivedFrame {
  readonly command: string;
  /** Header lines as they came. */
  readonly lines: readonly string[];
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A socket on which tests write frames by hand. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: ReceivedFrame[] = [];
  received = Buffer.alloc(0);
  /** Line ends between frames. */
  heartbeats = 0;
  ended = false;
  closed = false;
  error: NodeJS.ErrnoException | undefined;
  #read = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      while (this.#parse());
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', (error) => {
      this.error = error;
    });
  }

  #parse(): boolean {
    if (this.received[0] === 10) {
      this.received = this.received.subarray(1);
      this.heartbeats += 1;
      return true;
    }
    const blank = this.received.indexOf('\n\n');
    if (blank < 0) return false;
    const [command = '', ...lines] = this.received.toString('utf8', 0, blank).split('\n');
    const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
    const first = blank + 2;
    const length = headers.get('content-length');
    const end = length === undefined ? this.received.indexOf(0, first) : first + Number(length);
    if (end < 0 || this.received.length <= end) return false;
    this.frames.push({ command, lines, headers, body: this.received.subarray(first, end) });
    this.received = this.received.subarray(end + 1);
    return true;
  }

  write(...parts: readonly (string | Uint8Array)[]): void {
    for (const part of parts) this.socket.write(part);
  }

  /** The next frame that was not asked for yet. */
  async next(timeout = 5000): Promise<ReceivedFrame> {
    const frame = await eventually(() => this.frames[this.#read] ?? false, { timeout, what: 'another frame', interval: 5 });
    this.#read += 1;
    return frame;
  }

  /** The next frames that were not asked for yet. */
  async take(count: number): Promise<ReceivedFrame[]> {
    const frames: ReceivedFrame[] = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }
}

export async function start(t: Scope, options: DevBrokerOptions = {}): Promise<DevBroker> {
  const broker = await startDevBroker(options);
  t.after(() => broker.close());
  return broker;
}

export async function dial(t: Scope, broker: { host: string; port: number }, tls?: ConnectionOptions): Promise<RawClient> {
  const { host, port } = broker;
  const socket = tls === undefined ? connect({ host, port }) : connectTls({ host, port, ...tls });
  const client = new RawClient(socket);
  t.after(() => void socket.destroy());
  const connected = tls === undefined ? 'connect' : 'secureConnect';
  await new Promise<void>((resolve) => {
    socket.once(connected, resolve).once('close', () => resolve());
  });
  return client;
}

/** Dials and connects. */
export async function login(t: Scope, broker: DevBroker, version = '1.2', tls?: ConnectionOptions): Promise<RawClient> {
  const client = await dial(t, broker, tls);
  client.write(`CONNECT\naccept-version:${version}\nhost:/\n\n\0`);
  await client.next();
  return client;
}

export const subscribe = (ack: string, more = ''): string => `SUBSCRIBE\nid:s\ndestination:/queue/q\nack:${ack}\n${more}\n\0`;
