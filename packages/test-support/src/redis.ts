import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Child, startCommand } from './child.js';
import { freePort } from './free-port.js';
import type { DemoPki } from './pki/demo.js';
import type { Scope } from './scope.js';
import { temporaryDirectory } from './temporary.js';

const run = promisify(execFile);

export interface RedisOptions {
  /** TLS only; clients need a certificate. Default: no TLS. */
  readonly pki?: DemoPki;
  /** Configuration as on its command line, after what docs/operations.md says: `['--maxmemory-policy', 'allkeys-lru']`. */
  readonly config?: readonly string[];
}

/** A real redis-server as a child process on a free port of loopback, with its own data directory. It is killed when the test ends. */
export interface RedisServer {
  readonly port: number;
  /** `redis://127.0.0.1:PORT`, or `rediss:` with TLS. */
  readonly url: string;
  /** Sends a command with redis-cli; resolves to what it prints, without the newline. */
  command(...args: readonly string[]): Promise<string>;
  /** SIGTERM: writes what it must, and ends. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Again, with the same port and data; resolves when it answers. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: it keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

class RunningRedis implements RedisServer {
  readonly port: number;
  readonly #scope: Scope;
  readonly #args: readonly string[];
  readonly #pki: DemoPki | undefined;
  #child: Child | undefined;

  constructor(scope: Scope, port: number, { config = [], pki }: RedisOptions) {
    this.#scope = scope;
    this.port = port;
    this.#pki = pki;
    const ports = pki === undefined ? ['--port', `${port}`] : ['--port', '0', '--tls-port', `${port}`, ...tlsArgs(pki, '--tls-', '-file')];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'];
    this.#args = [...ports, '--bind', '127.0.0.1', '--dir', temporaryDirectory(scope), ...durable, ...config];
  }

  get url(): string {
    return `${this.#pki === undefined ? 'redis' : 'rediss'}://127.0.0.1:${this.port}`;
  }

  async command(...args: readonly string[]): Promise<string> {
    const tls = this.#pki === undefined ? [] : ['--tls', ...tlsArgs(this.#pki, '--', '')];
    const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', `${this.port}`, ...tls, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trimEnd();
  }

  async start(): Promise<void> {
    this.#child = await startCommand(this.#scope, 'redis-server', this.#args);
    await this.#child.waitForLine(/Ready to accept connections/, { timeout: 30_000 });
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.signal(signal);
    await this.#child?.exited;
  }

  freeze(): void {
    this.#child?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child?.signal('SIGCONT');
  }
}

function tlsArgs({ broker, caPath }: DemoPki, prefix: string, suffix: string): string[] {
  const files = { cert: broker.certificatePath, key: broker.keyPath };
  const own = Object.entries(files).flatMap(([name, file]) => [`${prefix}${name}${suffix}`, file]);
  return [...own, suffix === '' ? `${prefix}cacert` : `${prefix}ca-cert${suffix}`, caPath];
}

export async function startRedis(scope: Scope, options: RedisOptions = {}): Promise<RedisServer> {
  const server = new RunningRedis(scope, await freePort(), options);
  await server.start();
  return server;
}
