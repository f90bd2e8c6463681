import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  addElement,
  createDemoPki,
  type DemoPki,
  elements,
  eventually,
  type KeyKind,
  type Scope,
  type StoredElement,
  temporaryDirectory,
} from '@ssm/test-support';
import { startBrokerProcess } from '../support/broker.js';
import { type ConfigFile, root, type Service, type ServiceName, type ServiceOptions, startService } from '../support/services.js';

export const DESTINATION = '/queue/e2e';

/** How a started service differs from the plain one. */
export interface StartOptions {
  /** Dies by SIGKILL at the given time that this stage boundary is reached. */
  readonly killAt?: { readonly stage: string; readonly count: number };
  readonly config?: ConfigFile;
  readonly args?: readonly string[];
  readonly instance?: string;
  readonly incoming?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** File that its log goes to as well. */
  readonly transcript?: string;
}

/** What is there already. */
export interface Given {
  readonly pki: DemoPki;
  /** For `broker.urls` and `broker.headers`. */
  readonly urls: readonly string[];
  readonly headers?: readonly string[];
  readonly destination: string;
  /** Restarts the broker if it gives a message to nobody before all have come. */
  readonly freeStuck?: (isComplete: () => Promise<boolean>) => Promise<void>;
}

/** One site, one broker, one server: real processes over mutual TLS, below a temporary directory. */
export class World {
  readonly directory: string;
  readonly pki: DemoPki;
  readonly outgoing: string;
  readonly incoming: string;
  readonly reject: string;
  /** Of the brokers. */
  readonly urls: readonly string[];
  readonly freeStuck: NonNullable<Given['freeStuck']>;
  readonly #scope: Scope;
  readonly #broker: ConfigFile;
  #started = 0;

  private constructor(
    scope: Scope,
    directory: string,
    { pki, urls, headers = [], destination, freeStuck = () => Promise.resolve() }: Given,
  ) {
    this.#scope = scope;
    this.directory = directory;
    this.pki = pki;
    this.urls = urls;
    this.#broker = { urls, headers, destination };
    this.freeStuck = freeStuck;
    this.outgoing = path.join(directory, 'outgoing');
    this.incoming = path.join(directory, 'incoming');
    this.reject = path.join(directory, 'reject');
  }

  /** With a PKI and a development broker of its own, if none are given. Messages can be encrypted for RSA keys only. */
  static async create(scope: Scope, given: Given | { readonly key: KeyKind } = { key: 'p256' }): Promise<World> {
    const directory = temporaryDirectory(scope);
    const own = 'key' in given ? await ownBroker(scope, path.join(directory, 'pki'), given.key) : given;
    const world = new World(scope, directory, own);
    const { pki } = world;
    for (const folder of [world.outgoing, world.incoming, world.reject]) mkdirSync(folder);
    writeFileSync(path.join(directory, 'dns'), `${pki.sites[0].dn}\n`);
    return world;
  }

  sender(options: StartOptions = {}): Promise<Service> {
    const { pki } = this;
    return this.#start('sender', options, {
      identity: { certificate: pki.sites[0].certificatePath, key: pki.sites[0].keyPath },
      outgoing: { path: this.outgoing, scanInterval: '200ms', stability: '200ms' },
      instance: options.instance ?? 'sender-1',
    });
  }

  receiver(options: StartOptions = {}): Promise<Service> {
    const { pki } = this;
    return this.#start('receiver', options, {
      identity: { certificate: pki.server.certificatePath, key: pki.server.keyPath },
      incoming: { path: options.incoming ?? this.incoming, reserve: 0 },
      reject: { path: this.reject },
      authorisation: { allow: path.join(this.directory, 'dns') },
      instance: options.instance ?? 'receiver-1',
    });
  }

  #start(name: ServiceName, options: StartOptions, own: ConfigFile): Promise<Service> {
    this.#started += 1;
    const config: ConfigFile = {
      broker: { ...this.#broker, backoff: { initial: '100ms', maximum: '500ms' }, receiptTimeout: '3s' },
      trust: { directory: this.pki.trustDirectory, stability: 0 },
      log: { level: 'debug', format: 'json' },
    };
    const hook: Partial<ServiceOptions> =
      options.killAt === undefined
        ? {}
        : {
            script: path.join(root, 'services', name, 'dist/test/hooked-main.js'),
            scriptArgs: [`--kill-stage=${options.killAt.stage}`, `--kill-count=${options.killAt.count}`],
          };
    const { uid, gid, env, transcript } = options;
    const child = Object.fromEntries(Object.entries({ uid, gid, env, transcript }).filter(([, value]) => value !== undefined));
    return startService(this.#scope, name, merge(merge(config, own), options.config ?? {}), {
      directory: this.directory,
      configName: `${name}-${this.#started}`,
      args: options.args ?? [],
      ...hook,
      ...child,
    });
  }

  /** Elements in incoming, by the SHA-256 of their body: how often each is there. */
  async arrived(incoming: string = this.incoming): Promise<Map<string, number>> {
    return countByBody(await elements(incoming));
  }
}

function countByBody(stored: readonly StoredElement[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { keys } of stored) {
    const hash = sha256(keys['body'] ?? Buffer.from('no body'));
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const isObject = (value: unknown): value is ConfigFile => typeof value === 'object' && value !== null && !Array.isArray(value);

export function merge(base: ConfigFile, over: ConfigFile): ConfigFile {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return merged;
}

async function ownBroker(scope: Scope, directory: string, key: KeyKind): Promise<Given> {
  const pki = createDemoPki(directory, { key });
  const { url } = await startBrokerProcess(scope, pki);
  return { pki, urls: [url], destination: DESTINATION };
}

/** Adds elements as a foreign dirq writer does (random bytes, up to 50 KB); their SHA-256s. */
export function addToDirq(outgoing: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const body = randomBytes(8 + ((index * 7919) % 50_000));
    addElement(outgoing, body);
    return sha256(body);
  });
}

/** Waits until every message is in incoming, and then some, so that a second copy would be seen; each must be there once. */
export async function eachExactlyOnce(world: World, hashes: readonly string[], timeout = 30_000): Promise<void> {
  await eventually(
    async () => {
      const arrived = await world.arrived();
      const missing = hashes.filter((hash) => !arrived.has(hash));
      if (missing.length > 0) throw new Error(`${missing.length} of ${hashes.length} have not arrived`);
    },
    { timeout, interval: 100, what: 'all messages in incoming' },
  );
}
