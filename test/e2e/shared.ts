import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { eventually, type RedisOptions, type RedisServer, type Scope, startNode, startRedis } from '@ssm/test-support';
import { root, type Service } from '../support/services.js';
import { type StartOptions, World } from './world.js';

/** A receiver with a volume of its own. */
export interface Volume {
  readonly incoming: string;
  readonly receiver: Service;
}

/** One site, one broker, a Redis server with TLS, and receivers with a volume each that share their record through it. */
export class SharedWorld {
  readonly world: World;
  readonly server: RedisServer;
  readonly #scope: Scope;

  private constructor(scope: Scope, world: World, server: RedisServer) {
    this.#scope = scope;
    this.world = world;
    this.server = server;
  }

  static async create(scope: Scope, options: RedisOptions = {}): Promise<SharedWorld> {
    const world = await World.create(scope);
    return new SharedWorld(scope, world, await startRedis(scope, { pki: world.pki, ...options }));
  }

  /** Of the volume of that number. */
  incoming(number: number): string {
    return path.join(this.world.directory, `volume-${number}`, 'incoming');
  }

  async receiver(number: number, options: StartOptions & { readonly holdLimit?: string } = {}): Promise<Volume> {
    const incoming = this.incoming(number);
    const directory = path.dirname(incoming);
    mkdirSync(incoming, { recursive: true });
    const receiver = await this.world.receiver({
      ...options,
      instance: `receiver-${number}`,
      incoming,
      config: {
        reject: { path: path.join(directory, 'reject') },
        deduplication: { server: this.server.url, timeout: '2s', holdLimit: options.holdLimit ?? '1m' },
        ...options.config,
      },
    });
    return { incoming, receiver };
  }

  nameOf(number: number): string {
    return readFileSync(path.join(this.incoming(number), '.delivered/volume'), 'utf8').trim();
  }

  /** How often each message is in all volumes together, by the SHA-256 of its body. */
  async counts(...numbers: readonly number[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const number of numbers)
      for (const [hash, count] of await this.world.arrived(this.incoming(number))) counts.set(hash, (counts.get(hash) ?? 0) + count);
    return counts;
  }

  /** Waits until every message is in one of the volumes; `twice`: how many may be, and must be, in two. */
  async eachOnce(hashes: readonly string[], numbers: readonly number[], twice = 0): Promise<void> {
    await eventually(
      async () => {
        const counts = await this.counts(...numbers);
        const missing = hashes.filter((hash) => !counts.has(hash));
        assert.equal(missing.length, 0, `${missing.length} of ${hashes.length} have not arrived`);
      },
      { timeout: 60_000, interval: 100, what: 'all messages in the volumes' },
    );
    const counts = [...(await this.counts(...numbers)).values()];
    assert.deepEqual([counts.length, counts.filter((count) => count !== 1).length], [hashes.length, twice]);
  }

  /** `npm start -- adopt ...` with the configuration of a receiver. */
  async adopt({ receiver }: Volume, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly text: string }> {
    const child = await startNode(this.#scope, path.join(root, 'scripts/start.cjs'), ['adopt', '--config', receiver.configFile, ...args]);
    return { code: (await child.exited).code, text: child.output() };
  }
}

/** Waits until the receiver has stopped consuming, and its readiness page says why. */
export async function alarmed(receiver: Service, says = /./): Promise<void> {
  await eventually(
    async () => {
      const answer = await fetch(`${receiver.url}/health/ready`);
      const text = await answer.text();
      assert.match(text, says);
      assert.equal((await receiver.metric('ssm_consuming')) === 0 && answer.status === 503, true, text);
      assert.ok((await receiver.metric('ssm_local_troubles_total', { component: 'delivery-record' })) > 0);
    },
    { timeout: 60_000, interval: 100, what: `${receiver.child.pid} stops and says so` },
  );
}

/** Everything is done: nothing waits or is in work, so nothing can be stored a second time. */
export async function quiet(...receivers: readonly Service[]): Promise<void> {
  for (const receiver of receivers)
    await eventually(async () => assert.equal(await receiver.metric('ssm_in_flight_messages'), 0), {
      timeout: 60_000,
      what: 'nothing in work',
    });
}
