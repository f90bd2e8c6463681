/** The only importer of the Redis client, which is loaded at the first connection: one connection, made when it is needed. */
import type { RedisClientOptions } from '@redis/client';
import { SpoolError } from './errors.js';
import type { RecordServer } from './options.js';

/** Commands that wait for their answers; more cannot be, since each message has one at a time. */
const MAXIMUM_COMMANDS = 10_000;
const DEFAULT_PORT = 6379;

type RedisSocketOptions = NonNullable<RedisClientOptions['socket']>;

interface Client {
  sendCommand(args: readonly string[]): Promise<unknown>;
  destroy(): void;
}

interface Connection {
  readonly client: Promise<Client>;
  /** Why it was ended: what all who still wait are told. */
  cause: unknown;
}

/** The server has understood, and says no; `text` begins with its code: `NOPERM ...`. */
export class ServerRefusal extends SpoolError {
  readonly text: string;

  constructor(server: string, text: string, cause: unknown) {
    super('server-refused', `${server} refuses: ${text}`, { cause, path: server });
    this.text = text;
  }
}

export class RedisLink {
  /** HOST:PORT. */
  readonly name: string;
  readonly #options: RecordServer;
  #connection: Connection | undefined;

  constructor(options: RecordServer) {
    this.#options = options;
    this.name = new URL(options.url).host;
  }

  /**
   * The answer of a command. Rejects within twice timeoutMs, with ServerRefusal or SpoolError `server-away`: then it is not known whether the
   * command was carried out, and the next one tries a new connection.
   */
  async send(args: readonly string[]): Promise<unknown> {
    this.#connection ??= this.#begin();
    const connection = this.#connection;
    try {
      const client = await connection.client;
      return await this.#inTime(client.sendCommand(args));
    } catch (error) {
      const fault = await this.#faultOf(connection.cause ?? error);
      // After a refusal the connection is good, but the server may not be the right one any more.
      if (!(fault instanceof ServerRefusal && /^(?:NOSCRIPT|NOPERM) /.test(fault.text))) this.#end(connection, error);
      throw fault;
    }
  }

  close(): void {
    if (this.#connection !== undefined) this.#end(this.#connection, new Error('it was closed here'));
  }

  #end(connection: Connection, cause: unknown): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection.cause ??= cause;
    connection.client.then((client) => client.destroy()).catch(() => undefined);
  }

  #begin(): Connection {
    const client = this.#connect((error) => this.#end(connection, error));
    const connection: Connection = { client, cause: undefined };
    return connection;
  }

  async #connect(onEnd: (error: unknown) => void): Promise<Client> {
    const { createClient } = await import('@redis/client');
    const { password, username } = this.#options;
    const client = createClient({
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      database: this.#database(),
      RESP: 2,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAXIMUM_COMMANDS,
      // Its own only counts until a command is written.
      commandOptions: { timeout: 0 },
      disableClientInfo: true,
      maintNotifications: 'disabled',
      socket: this.#socket(),
    });
    client.on('error', onEnd);
    try {
      await this.#inTime(client.connect());
    } catch (error) {
      client.destroy();
      throw error;
    }
    return { sendCommand: (args) => client.sendCommand(args), destroy: () => client.destroy() };
  }

  #database(): number {
    return Number(new URL(this.#options.url).pathname.slice(1));
  }

  #socket(): RedisSocketOptions {
    const { timeoutMs, tls, url } = this.#options;
    const { hostname, port, protocol } = new URL(url);
    const address = {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? DEFAULT_PORT : Number(port),
      connectTimeout: timeoutMs,
      // Whoever needs a connection makes it, and hears why that fails.
      reconnectStrategy: false as const,
    };
    if (protocol !== 'rediss:') return { ...address, tls: false };
    const { ca, certificate, key } = tls?.() ?? { ca: [] };
    return {
      ...address,
      tls: true,
      ca: [...ca],
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
    };
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
      // It may fail later, when the connection is ended.
      work.catch(() => undefined);
    }
  }

  async #faultOf(error: unknown): Promise<SpoolError> {
    const { ErrorReply } = await import('@redis/client');
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof ErrorReply) return new ServerRefusal(this.name, text, error);
    return new SpoolError('server-away', `${this.name} cannot be asked: ${text || codeOf(error)}`, { cause: error, path: this.name });
  }
}

/** An address with several numbers fails without a text of its own. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
