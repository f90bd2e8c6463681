import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createDemoPki, type DemoPki, eventually, type KeyKind, type Scope, temporaryDirectory } from '@ssm/test-support';
import { elements, type StoredElement } from '../demo/files.js';
import { type BrokerProcess, startBrokerProcess } from '../support/broker.js';
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
}

/** One site, one broker, one server: real processes over mutual TLS, below a temporary directory. */
export class World {
  readonly directory: string;
  readonly pki: DemoPki;
  readonly outgoing: string;
  readonly incoming: string;
  readonly reject: string;
  readonly broker: BrokerProcess;
  readonly #scope: Scope;
  #started = 0;

  private constructor(scope: Scope, directory: string, pki: DemoPki, broker: BrokerProcess) {
    this.#scope = scope;
    this.directory = directory;
    this.pki = pki;
    this.broker = broker;
    this.outgoing = path.join(directory, 'outgoing');
    this.incoming = path.join(directory, 'incoming');
    this.reject = path.join(directory, 'reject');
  }

  /** Messages can be encrypted for RSA keys only. */
  static async create(scope: Scope, key: KeyKind = 'p256'): Promise<World> {
    const directory = temporaryDirectory(scope);
    const pki = createDemoPki(path.join(directory, 'pki'), { key });
    const world = new World(scope, directory, pki, await startBrokerProcess(scope, pki));
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
      broker: { urls: [this.broker.url], destination: DESTINATION, backoff: { initial: '100ms', maximum: '500ms' }, receiptTimeout: '3s' },
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
    const user = { ...(options.uid === undefined ? {} : { uid: options.uid }), ...(options.gid === undefined ? {} : { gid: options.gid }) };
    return startService(this.#scope, name, merge(merge(config, own), options.config ?? {}), {
      directory: this.directory,
      configName: `${name}-${this.#started}`,
      args: options.args ?? [],
      ...hook,
      ...user,
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

function merge(base: ConfigFile, over: ConfigFile): ConfigFile {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return merged;
}

let sequence = 0;

/** Adds elements as a foreign dirq writer does (sizes from nothing to 50 KB, random bytes); their SHA-256s. */
export function addToDirq(outgoing: string, count: number): string[] {
  const directory = path.join(outgoing, (Math.floor(Date.now() / 60_000) * 60).toString(16).padStart(8, '0'));
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: count }, (_, index) => {
    sequence += 1;
    const body = Buffer.concat([Buffer.from(`${sequence}\n`), randomBytes((index * 7919) % 50_000)]);
    const seconds = Math.floor(Date.now() / 1000)
      .toString(16)
      .padStart(8, '0');
    const name = path.join(directory, `${seconds}${sequence.toString(16).padStart(5, '0')}0`);
    writeFileSync(`${name}.tmp`, body);
    renameSync(`${name}.tmp`, name);
    return sha256(body);
  });
}

/** Elements, locks and claims left in a dirq outgoing queue. */
export function leftInDirq(outgoing: string): string[] {
  return readdirSync(outgoing)
    .filter((name) => /^[0-9a-f]{8}$/.test(name))
    .flatMap((name) => readdirSync(path.join(outgoing, name)).map((element) => `${name}/${element}`));
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
