import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import stompit from 'stompit';
import { Deferred } from '../deferred.js';
import { TransportError, type TransportErrorCode } from '../errors.js';
import { printable } from '../printable.js';
import { certificateExpiry, describe } from '../tls.js';
import { BatchWriter } from './batch-writer.js';
import { announcedSize, type IncomingFrame, readBody } from './body.js';
import { brokerError } from './broker-error.js';
import { passesOnFrames, passesOnLength } from './dialect.js';
import { harden } from './harden.js';
import { escapeHint, type StompVersion } from './headers.js';
import { type HeartbeatIntervals, negotiate } from './heartbeat.js';
import { type Inbox, NO_INBOX } from './inbox.js';
import { faultOfMessage } from './message-fault.js';
import { MessageReader } from './message-reader.js';
import type { StompBroker } from './options.js';
import { type Departure, Receipts } from './receipts.js';
import { brokerName, type Settings } from './settings.js';
import { connectError, firstStage, openSocket, type Stage } from './socket.js';
import { Watch } from './watch.js';

/** Of the body of an ERROR frame so much is kept. */
const MAX_ERROR_BYTES = 64 * 1024;
/** And so long it is waited for. */
const ERROR_BODY_MS = 2000;

/** NUL and LF, as stompit ends a frame. A broker that knows the length of a body need not wait for them. */
const END_LENGTH = 2;

/** How it looks when a broker does not take CONNECT. */
const NOT_TAKEN: ReadonlySet<TransportErrorCode> = new Set(['connect-failed', 'tls-failed', 'broker-error']);

/** What the broker said in CONNECTED. */
export interface Greeting {
  readonly version: StompVersion;
  readonly server: string;
  readonly intervals: HeartbeatIntervals;
  readonly encrypted: boolean;
  readonly certificateExpires: Date | undefined;
}

/**
 * One STOMP connection, from the look-up of the broker's name to its end. The only door to stompit, whose reader and writer of frames it uses.
 * Promise: whatever it handed out is settled when it ends, however it ends.
 */
export class Session {
  readonly name: string;
  readonly #secret = crypto.randomUUID();
  readonly #settings: Settings;
  readonly #socket: Socket;
  readonly #reader = harden(
    () => new stompit.IncomingFrameStream(),
    () => passesOnLength(this.#greeting),
  );
  readonly #writer: BatchWriter;
  readonly #frames: InstanceType<typeof stompit.OutgoingFrameStream>;
  readonly #receipts: Receipts;
  readonly #messages: MessageReader;
  readonly #subscribes: boolean;
  readonly #connected = new Deferred<void>();
  readonly #ended = new Deferred<TransportError | undefined>();
  /** Aborts when no more messages are wanted. */
  readonly #closing = new AbortController();
  #greeting: Greeting = {
    version: '1.2',
    server: '',
    intervals: { outgoing: 0, incoming: 0 },
    encrypted: false,
    certificateExpires: undefined,
  };
  #watch: Watch | undefined;
  #stage: Stage;
  #lastError: Error | undefined;
  #brokerError: TransportError | undefined;
  #errorTimer: NodeJS.Timeout | undefined;
  #inputOver = false;
  #over = false;
  /** What the broker says: perhaps it repeats our CONNECT. */
  readonly #shown = (words: unknown): string => printable(String(words), [this.#settings.passcode ?? '']);

  /** Connects. Errors: connect-failed, connect-timeout, tls-failed, broker-error, protocol-error, aborted. */
  static async open(broker: StompBroker, settings: Settings, signal: AbortSignal, inbox: Inbox = NO_INBOX): Promise<Session> {
    if (signal.aborted) throw new TransportError('aborted', 'not connected: aborted');
    const session = new Session(broker, settings, inbox);
    const { name } = session;
    const late = (): void =>
      session.#finish(
        new TransportError('connect-timeout', `${name}: not connected within ${settings.connectTimeoutMs} ms (${session.#stage})`),
      );
    const abort = (): void => session.#finish(new TransportError('aborted', `${name}: connecting was aborted`));
    const timer = setTimeout(late, settings.connectTimeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await session.#connected.promise;
      return session;
    } catch (error) {
      throw session.#notTaken(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  private constructor(broker: StompBroker, settings: Settings, inbox: Inbox) {
    this.name = brokerName(broker);
    this.#settings = settings;
    this.#receipts = new Receipts(settings.receiptTimeoutMs);
    this.#subscribes = inbox !== NO_INBOX;
    this.#messages = new MessageReader(inbox, settings.maximumMessageBytes, {
      closing: this.#closing.signal,
      paused: () => this.#watch?.pause(),
      resumed: () => this.#watch?.resume(),
      began: () => this.#watch?.beginBody(),
      moved: (bytes) => this.#watch?.sawMessage(bytes),
      done: () => {
        this.#watch?.endBody();
        this.#readFrames();
      },
    });
    this.#stage = firstStage(broker);
    this.#socket = openSocket(broker, (stage) => this.#progress(stage));
    this.#writer = new BatchWriter(this.#socket);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a Duplex it uses write() and on()
    this.#frames = new stompit.OutgoingFrameStream(this.#writer as never);
    this.#join();
  }

  /** The id of the one subscription. Where it need not be a secret it is always the same: RabbitMQ names queues of topics by it. */
  get subscription(): string {
    return passesOnFrames(this.#greeting) ? this.#secret : '0';
  }

  /** Settled at the end: with the reason, or with nothing after a wanted end. Never rejects. */
  get ended(): Promise<TransportError | undefined> {
    return this.#ended.promise;
  }

  /** It takes no more frames. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** What the broker said when it took the connection. */
  get greeting(): Greeting {
    return this.#greeting;
  }

  /**
   * Sends a frame and resolves on its RECEIPT. Header values must be sendable in the version that was agreed on.
   * Errors: receipt-timeout (of this frame), otherwise what ended the connection: connection-lost, broker-error, broker-silent, protocol-error, closed.
   */
  request(command: string, headers: Readonly<Record<string, string>>, body?: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new TransportError('closed', `${this.name}: the connection is closed`));
    return this.#request(command, headers, body);
  }

  /**
   * Sends DISCONNECT behind everything else, waits for its receipt as long as the signal allows, and ends the connection. Called again: waits for
   * the same end, as long as every one of the signals allows.
   */
  async disconnect(signal: AbortSignal): Promise<void> {
    const giveUp = (): void => this.#finish(undefined);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    else if (!this.closed) void this.#disconnect();
    await this.ended;
    signal.removeEventListener('abort', giveUp);
  }

  async #disconnect(): Promise<void> {
    this.#closing.abort();
    try {
      await this.#request('DISCONNECT', {});
    } catch {
      // The connection ended in another way.
    }
    this.#finish(undefined);
  }

  #request(command: string, headers: Readonly<Record<string, string>>, body?: Uint8Array): Promise<void> {
    return this.#receipts.expect(body?.length ?? 0, (receipt, departure) => this.#send(command, { ...headers, receipt }, body, departure));
  }

  #send(command: string, headers: Record<string, string>, body?: Uint8Array, departure?: Departure): void {
    const frame = this.#frames.frame(command, headers);
    const taken = (): void => {
      if (!departure) return;
      departure.written(this.#writer.untilHere(END_LENGTH));
      this.#writer.afterFlush(departure.left);
    };
    if (body === undefined || body.length === 0) frame.end(taken);
    else frame.end(body, taken);
  }

  #join(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#watch?.sawBytes();
      if (!this.#reader.write(chunk)) this.#socket.pause();
    });
    this.#socket.on('error', (error) => {
      this.#lastError = error;
    });
    this.#socket.on('end', () => this.#inputEnded());
    this.#socket.on('close', () => this.#inputEnded());
    this.#reader.on('drain', () => this.#socket.resume());
    this.#reader.on('readable', () => this.#readFrames());
    this.#reader.on('end', () => this.#lost());
    this.#reader.on('error', (error) => {
      if (this.#inputOver) this.#lost();
      else this.#fault(`not STOMP: ${describe(error)}`, error);
    });
  }

  #progress(stage: Stage): void {
    this.#stage = stage;
    if (stage !== 'STOMP') return;
    const { heartbeatMs, virtualHost, login, passcode } = this.#settings;
    this.#send('CONNECT', {
      'accept-version': '1.1,1.2',
      host: virtualHost,
      'heart-beat': `${heartbeatMs},${heartbeatMs}`,
      ...(login === undefined ? {} : { login }),
      ...(passcode === undefined ? {} : { passcode }),
    });
  }

  /** One MESSAGE after the other: stompit gives the next frame before the last body was read. */
  #readFrames(): void {
    while (!this.#messages.busy) {
      const frame: IncomingFrame | null = this.#reader.read();
      if (frame === null) return;
      // stompit would end the body so many bytes before the end of what has just come, wherever messages end in it.
      if ((announcedSize(frame) ?? 0) < 0) {
        this.#fault('a negative content-length');
        return;
      }
      if (frame.command === 'MESSAGE') this.#onMessage(frame);
      else this.#onFrame(frame);
    }
  }

  #onMessage(frame: IncomingFrame): void {
    const fault = faultOfMessage(frame, { greeting: this.#greeting, subscription: this.#subscribes ? this.subscription : undefined });
    if (fault === undefined) this.#messages.take(frame);
    else this.#fault(fault);
  }

  #onFrame(frame: IncomingFrame): void {
    frame.resume();
    switch (frame.command) {
      case 'RECEIPT':
        if (!this.#receipts.settle(String(frame.headers['receipt-id']))) this.#fault('a receipt for what was not sent yet');
        break;
      case 'CONNECTED':
        if (this.#watch) this.#fault('a second CONNECTED');
        else this.#onConnected(frame.headers);
        break;
      case 'ERROR':
        this.#onError(frame);
        break;
      default:
        this.#fault('not STOMP: an unknown command');
    }
  }

  #onConnected(headers: IncomingFrame['headers']): void {
    const { version, server = '', 'heart-beat': heartbeat } = headers;
    if (version !== '1.1' && version !== '1.2') {
      this.#fault(`the broker speaks STOMP ${this.#shown(version ?? '1.0')}, 1.1 or 1.2 is needed`);
      return;
    }
    this.#reader.setVersion(version);
    this.#frames.setVersion(version);
    const intervals = negotiate(this.#settings.heartbeatMs, heartbeat === undefined ? undefined : String(heartbeat));
    this.#watch = new Watch({
      name: this.name,
      writer: this.#writer,
      receipts: this.#receipts,
      receiptTimeoutMs: this.#settings.receiptTimeoutMs,
      intervals,
      fail: (error) => this.#finish(error),
    });
    this.#greeting = {
      version,
      server: this.#shown(server),
      intervals,
      encrypted: this.#socket instanceof TLSSocket,
      certificateExpires: certificateExpiry(this.#socket),
    };
    this.#connected.resolve();
  }

  /** The broker closes after an ERROR, perhaps before its body is whole; or it does neither. */
  #onError(frame: IncomingFrame): void {
    const { headers } = frame;
    this.#brokerError = brokerError(this.name, headers, '', this.#shown);
    this.#errorTimer ??= setTimeout(() => this.#finish(this.#brokerError), ERROR_BODY_MS);
    const decoder = new TextDecoder();
    readBody(
      frame,
      MAX_ERROR_BYTES,
      () => undefined,
      ({ bytes }) => this.#finish(brokerError(this.name, headers, decoder.decode(bytes), this.#shown)),
    );
  }

  /** By now everything that came has been read, but for a message that waits for the inbox: nobody could acknowledge that one any more. */
  #inputEnded(): void {
    this.#inputOver = true;
    if (this.#messages.waiting) this.#lost();
    else this.#reader.end();
  }

  #lost(): void {
    const cause = this.#lastError;
    if (this.#brokerError) this.#finish(this.#brokerError);
    else if (!this.#watch) this.#finish(connectError(this.#socket, this.name, this.#stage, cause));
    else this.#finish(this.#connectionLost(cause ? describe(cause) : 'closed by the broker', cause));
  }

  /** Where the broker answered CONNECT with an ERROR or the end, perhaps it read something else than was sent. */
  #notTaken(error: unknown): unknown {
    const { login, passcode, virtualHost } = this.#settings;
    const hint = escapeHint({ login, passcode, virtualHost });
    if (hint === '' || this.#stage !== 'STOMP' || !(error instanceof TransportError) || !NOT_TAKEN.has(error.code)) return error;
    return new TransportError(error.code, `${error.message}${hint}`, { cause: error.cause });
  }

  #connectionLost(how: string, cause: Error | undefined): TransportError {
    return new TransportError('connection-lost', `${this.name}: the connection was lost: ${how}`, { cause });
  }

  #fault(what: string, cause?: Error): void {
    this.#finish(new TransportError('protocol-error', `${this.name}: ${what}`, { cause }));
  }

  #finish(error: TransportError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const wanted = this.closed;
    this.#closing.abort();
    clearTimeout(this.#errorTimer);
    this.#watch?.stop();
    this.#socket.destroy();
    this.#reader.destroy();
    this.#messages.end();
    const reason = error ?? new TransportError('closed', `${this.name}: the connection was closed`);
    this.#connected.reject(reason);
    this.#receipts.rejectAll(error?.code === 'receipt-timeout' ? this.#connectionLost('another receipt did not come', error) : reason);
    this.#ended.resolve(wanted ? undefined : error);
  }
}
