/** One HTTPS server: requests with limits on time and size. The only importer of node:https. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import { Deferred } from '../deferred.js';
import { TransportError, type TransportErrorCode } from '../errors.js';
import { hostAndPort } from '../host-and-port.js';
import { certificateExpiry, connectionOptions, describe, type TransportTls, tlsFailure, tlsSettings, unusableMaterial } from '../tls.js';
import { Timer } from './timer.js';

export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: () => TransportTls;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

export interface HttpRequest {
  /** For errors. */
  readonly call: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** A longer answer is not read. */
  readonly maximumAnswerBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** The `server` header as it came, or empty. */
  readonly server: string;
  readonly certificateExpires: Date | undefined;
  /** What the server asks to wait for; 0: it does not say. */
  readonly retryAfterMs: number;
}

const MAXIMUM_HEADER_BYTES = 32 * 1024;
/** The slowest network on which a request or an answer is waited for: bytes a millisecond. */
const SLOWEST_RATE = 64;
/** Connections that are kept: one at work, one to spare. */
const MAXIMUM_SOCKETS = 2;

/** Node.js takes its own listener off a connection that fails while a request is sent that is answered already: nobody else would listen. */
const ignore = (): void => undefined;

const REFUSED_CERTIFICATE = 'the server ended the connection right after the TLS handshake: most often it refuses the client certificate';

export class HttpClient {
  readonly name: string;
  readonly #target: HttpTarget;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAXIMUM_SOCKETS });

  constructor(target: HttpTarget) {
    this.name = hostAndPort(target.host, target.port);
    this.#target = target;
  }

  /**
   * The answer, whatever its status; redirects are not followed. Errors: tls-failed, connect-failed, connect-timeout, connection-lost,
   * receipt-timeout (no answer in time), protocol-error (not HTTP, or too large), aborted.
   */
  async send(order: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const settings = tlsSettings(this.name, this.#target.tls);
    const attempt = new Attempt(this.name, order, settings);
    try {
      return await attempt.run(this.#open(order, settings), this.#target, signal);
    } catch (error) {
      // A connection that was kept may have been closed by the server while we did not look.
      if (!attempt.wasStale) throw error;
      return new Attempt(this.name, order, settings).run(this.#open(order, settings), this.#target, signal);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #open({ method, path, headers, body }: HttpRequest, settings: TransportTls): ClientRequest {
    const { host, port } = this.#target;
    const length = method === 'POST' ? { 'content-length': String(body.length) } : {};
    try {
      return request({
        ...connectionOptions(host, settings),
        agent: this.#agent,
        host,
        port,
        method,
        path,
        headers: { accept: 'application/json', 'accept-encoding': 'identity', ...length, ...headers },
        maxHeaderSize: MAXIMUM_HEADER_BYTES,
      });
    } catch (cause) {
      throw unusableMaterial(this.name, cause);
    }
  }
}

/** One request on its way, once. */
class Attempt {
  readonly #name: string;
  readonly #order: HttpRequest;
  readonly #showsCertificate: boolean;
  readonly #timer = new Timer();
  /** Rejects when it is given up: not every end of a connection makes an event. */
  readonly #givenUp = new Deferred<never>();
  #sent: ClientRequest | undefined;
  #connected = false;
  #answered = false;
  #fate: TransportError | undefined;

  constructor(name: string, order: HttpRequest, { certificate }: TransportTls) {
    this.#name = `${name}: ${order.call}`;
    this.#order = order;
    this.#showsCertificate = certificate !== undefined;
  }

  /** The connection was an old one, and ended before anything came. */
  get wasStale(): boolean {
    return this.#isOld && !this.#answered && this.#fate?.code === 'connection-lost';
  }

  get #isOld(): boolean {
    return this.#sent?.reusedSocket === true;
  }

  async run(sent: ClientRequest, limits: HttpTarget, signal: AbortSignal): Promise<HttpAnswer> {
    this.#sent = sent;
    const abort = (): void => this.#fail('aborted', 'given up');
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      return await Promise.race([this.#givenUp.promise, this.#exchange(sent, limits)]);
    } catch (error) {
      this.#fate ??= this.#failureOf(error);
      throw this.#fate;
    } finally {
      this.#timer.stop();
      signal.removeEventListener('abort', abort);
    }
  }

  async #exchange(sent: ClientRequest, limits: HttpTarget): Promise<HttpAnswer> {
    const whole = sentWhole(sent);
    whole.catch(() => undefined);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('socket', (socket) => this.#watchConnect(socket, limits));
      sent.on('response', resolve);
      sent.on('upgrade', (_response, socket) => {
        socket.destroy();
        this.#fail('protocol-error', 'the server switches to another protocol, unasked');
      });
      sent.on('error', reject);
      sent.on('close', () => reject(new Error('closed without an answer')));
      sent.end(this.#order.body);
    });
    this.#answered = true;
    const answer = await this.#read(response, limits);
    // One that refuses need not read the rest. Who takes what we still have here cannot have it.
    if (answer.status === 200) await whole;
    return answer;
  }

  #watchConnect(socket: Socket, { connectTimeoutMs, requestTimeoutMs }: HttpTarget): void {
    socket.setNoDelay(true);
    if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore);
    const awaitAnswer = (): void => {
      this.#connected = true;
      const ms = requestTimeoutMs + this.#order.body.length / SLOWEST_RATE;
      this.#timer.start(ms, () => this.#fail('receipt-timeout', `no answer within ${requestTimeoutMs} ms`));
    };
    if (!socket.connecting) {
      awaitAnswer();
      return;
    }
    this.#timer.start(connectTimeoutMs, () => this.#fail('connect-timeout', `no connection within ${connectTimeoutMs} ms`));
    socket.once('secureConnect', awaitAnswer);
  }

  async #read(response: IncomingMessage, { requestTimeoutMs }: HttpTarget): Promise<HttpAnswer> {
    const { maximumAnswerBytes } = this.#order;
    const { headers, statusCode = 0, socket } = response;
    // Now: when the answer is read the connection may have ended.
    const certificateExpires = certificateExpiry(socket);
    const since = performance.now();
    const chunks: Buffer[] = [];
    let size = 0;
    const expectMore = (): void => this.#timer.start(requestTimeoutMs, () => this.#tooSlow(requestTimeoutMs));
    expectMore();
    if (Number(headers['content-length'] ?? 0) > maximumAnswerBytes) this.#tooLarge();
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') this.#fail('protocol-error', 'the answer is compressed, unasked');
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maximumAnswerBytes) this.#tooLarge();
      if (performance.now() - since > requestTimeoutMs + size / SLOWEST_RATE) this.#tooSlow(requestTimeoutMs);
      if (this.#fate) break;
      chunks.push(chunk);
      expectMore();
    }
    if (this.#fate) throw this.#fate;
    return {
      status: statusCode,
      body: Buffer.concat(chunks),
      server: String(headers['server'] ?? ''),
      certificateExpires,
      retryAfterMs: retryAfter(headers['retry-after']),
    };
  }

  #tooLarge(): void {
    this.#fail('protocol-error', `the answer is larger than ${this.#order.maximumAnswerBytes} bytes`);
  }

  #tooSlow(ms: number): void {
    this.#fail('receipt-timeout', `the answer does not come to its end: ${ms} ms`);
  }

  #fail(code: TransportErrorCode, what: string): void {
    this.#fate ??= new TransportError(code, `${this.#name}: ${what}`);
    this.#sent?.destroy(this.#fate);
    this.#givenUp.reject(this.#fate);
  }

  #failureOf(error: unknown): TransportError {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const fail = (kind: TransportErrorCode, what: string): TransportError =>
      new TransportError(kind, `${this.#name}: ${what} (${describe(error)})`, { cause: error });
    if (code.startsWith('HPE_')) return fail('protocol-error', 'the answer is not HTTP');
    const tls = tlsFailure(error instanceof Error ? error : undefined);
    if (tls !== undefined) return fail('tls-failed', tls);
    if (!this.#connected) return fail('connect-failed', 'no connection');
    // In TLS 1.3 a certificate is refused after the handshake, and the alert is lost when our request crosses the reset.
    if (this.#showsCertificate && !this.#answered && !this.#isOld) return fail('tls-failed', REFUSED_CERTIFICATE);
    return fail('connection-lost', 'the connection ended');
  }
}

/** The system has all of a request. Rejects when its connection ends before, which Node.js calls finished as well. */
function sentWhole(sent: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      const { socket } = sent;
      if (socket === null || socket.destroyed || socket.errored) reject(new Error('it was answered before it was sent'));
      else resolve();
    };
    sent.once('finish', end);
    sent.once('close', end);
  });
}

/** Of its two forms the one that servers use: seconds. */
function retryAfter(header: string | undefined): number {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : 0;
}
