import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import {
  addElement,
  type DemoPki,
  eventually,
  freeStuck,
  type Scope,
  startTcpProxy,
  type TcpProxy,
  temporaryDirectory,
} from '@ssm/test-support';
import { merge, type StartOptions, sha256, World } from '../e2e/world.js';
import type { ConfigFile } from '../support/services.js';
import type { StageBroker } from './broker.js';
import { elementPaths, readQueue } from './collector.js';
import { type FoundElement, type SentFile, someSize, type Tally, tally } from './ledger.js';
import { addPlainFile, type Layout, leftOutgoing, quarantined } from './outgoing.js';
import type { Seeded } from './seeded.js';
import { Slot } from './slot.js';
import { storiesOf, tailOf } from './story.js';

export interface StageOptions {
  readonly brokers: readonly StageBroker[];
  readonly pki: DemoPki;
  /** Of this stage alone. */
  readonly queue: string;
  readonly random: Seeded;
  /** A proxy in front of each broker, that can hold back, cut and throttle; default no. */
  readonly proxied?: boolean;
  readonly layout?: Layout;
  /** Configuration of both services, over the stage's own. */
  readonly config?: ConfigFile;
}

/** How what was sent must have arrived. */
export type Promised = 'once' | 'at-least-once';

/** Faults are noticed soon, so that a test takes seconds and not minutes. */
const QUICK: ConfigFile = {
  broker: { heartbeat: '2s', receiptTimeout: '5s', connectTimeout: '5s', backoff: { initial: '100ms', maximum: '500ms' } },
};

/** Brokers, senders and receivers as processes, their volumes, and a count of what went through. A fault is something that is done to them. */
export class Stage {
  readonly world: World;
  readonly options: StageOptions;
  readonly random: Seeded;
  readonly brokers: readonly StageBroker[];
  /** One a broker, if the stage is proxied. */
  readonly proxies: readonly TcpProxy[];
  readonly sent: SentFile[] = [];
  /** Elements that a loader took out of incoming. */
  readonly loaded: FoundElement[] = [];
  readonly slots: Slot[] = [];
  /** Where elements end that are accepted; a stage may have several. */
  readonly incoming: string[];
  readonly scope: Scope;

  private constructor(scope: Scope, world: World, options: StageOptions, proxies: readonly TcpProxy[]) {
    this.scope = scope;
    this.world = world;
    this.options = options;
    this.random = options.random;
    this.brokers = options.brokers;
    this.proxies = proxies;
    this.incoming = [world.incoming];
  }

  static async create(scope: Scope, options: StageOptions): Promise<Stage> {
    const { brokers, pki, queue, proxied = false } = options;
    const proxies = proxied ? await Promise.all(brokers.map(({ host, tlsPort }) => startTcpProxy(scope, { host, port: tlsPort }))) : [];
    const urls = proxied ? proxies.map(({ host, port }) => `stomp+ssl://${host}:${port}`) : brokers.map(({ url }) => url);
    const headers = brokers[0]?.headers ?? [];
    // What is trusted may be changed by a fault: the brokers go on to use the original.
    const trustDirectory = path.join(temporaryDirectory(scope), 'certificates');
    cpSync(pki.trustDirectory, trustDirectory, { recursive: true });
    const world = await World.create(scope, { pki: { ...pki, trustDirectory }, urls, headers, destination: `/queue/${queue}` });
    mkdirSync(path.join(world.directory, 'logs'));
    return new Stage(scope, world, options, proxies);
  }

  /** A sender's place; `start()` it. */
  sender(options: StartOptions = {}): Slot {
    const { layout = 'dirq' } = this.options;
    const number = this.slots.filter(({ name }) => name.startsWith('sender')).length + 1;
    return this.#slot(`sender-${number}`, (full) => this.world.sender(full), {
      ...options,
      config: merge({ outgoing: { layout } }, options.config ?? {}),
    });
  }

  receiver(options: StartOptions = {}): Slot {
    const number = this.slots.filter(({ name }) => name.startsWith('receiver')).length + 1;
    return this.#slot(`receiver-${number}`, (full) => this.world.receiver(full), options);
  }

  /** Both, started and ready. */
  async pair(
    options: { sender?: StartOptions; receiver?: StartOptions } = {},
  ): Promise<{ readonly sender: Slot; readonly receiver: Slot }> {
    const [sender, receiver] = [this.sender(options.sender), this.receiver(options.receiver)];
    await Promise.all([sender.start(), receiver.start()]);
    await Promise.all([sender.ready(), receiver.ready()]);
    return { sender, receiver };
  }

  #slot(name: string, launch: (options: StartOptions) => ReturnType<World['sender']>, options: StartOptions): Slot {
    const full = (given: StartOptions): StartOptions => ({
      instance: name,
      transcript: path.join(this.world.directory, 'logs', `${name}.log`),
      ...given,
      config: merge(merge(QUICK, this.options.config ?? {}), given.config ?? {}),
    });
    const slot = new Slot(name, (given) => launch(full(given)), options);
    this.slots.push(slot);
    return slot;
  }

  /** Hands files of random bytes to the senders: `count` of them, each of up to `largest` bytes (or of exactly `size`). */
  add(count: number, size: { readonly largest: number } | { readonly size: number } = { largest: 20_000 }): void {
    const { layout = 'dirq' } = this.options;
    const addOne = layout === 'dirq' ? addElement : addPlainFile;
    for (let index = 0; index < count; index += 1) {
      const bytes = 'size' in size ? size.size : someSize(this.random, size.largest);
      const body = this.random.bytes(bytes);
      this.sent.push({ id: addOne(this.world.outgoing, body), hash: sha256(body), bytes });
    }
  }

  /** Elements there are now in all incoming volumes, and those that loaders took. */
  async arrivals(): Promise<number> {
    const counts = this.incoming.map((queue) => elementPaths(queue).length);
    return counts.reduce((sum, count) => sum + count, this.loaded.length);
  }

  /** Waits until so many are there; 60 s unless said otherwise. */
  async arrived(count: number = this.sent.length, timeout = 60_000): Promise<void> {
    const enough = async (): Promise<void> => {
      const arrivals = await this.arrivals();
      assert.ok(arrivals >= count, `${arrivals} of ${count} have arrived`);
    };
    await eventually(enough, { timeout, interval: 10, what: `${count} messages in incoming` });
  }

  async outgoingEmpty(timeout = 60_000): Promise<void> {
    const left = (): string[] => leftOutgoing(this.world.outgoing).filter((name) => !name.startsWith('.claimed/owner~'));
    await eventually(() => assert.deepEqual(left().slice(0, 5), []), { timeout, interval: 100, what: 'an empty outgoing volume' });
  }

  /** Waits until loaders have taken everything; `look` finds out what they have. */
  async loadedAll(look: () => void): Promise<void> {
    const all = (): void => {
      look();
      assert.ok(this.loaded.length >= this.sent.length, `${this.loaded.length} of ${this.sent.length} were loaded`);
    };
    await eventually(all, { timeout: 60_000, interval: 100, what: 'all messages loaded' });
  }

  /** Files that no sender can send. */
  quarantined(): number {
    return quarantined(this.world.outgoing).length;
  }

  /** At all brokers together: what is not acknowledged. */
  async depth(): Promise<number> {
    const depths = await Promise.all(this.brokers.map((broker) => broker.depth(this.options.queue)));
    return depths.reduce((sum, depth) => sum + depth, 0);
  }

  async depthReaches(count: number, timeout = 60_000): Promise<void> {
    const enough = async (): Promise<void> => {
      const depth = await this.depth();
      assert.ok(depth >= count, `${depth} of ${count} are at the broker`);
    };
    await eventually(enough, { timeout, interval: 200, what: `${count} messages at the broker` });
  }

  /** Waits until everything has arrived, and nothing is left to send or at the broker. */
  async settled(): Promise<void> {
    const isComplete = async (): Promise<boolean> => (await this.arrivals()) >= this.sent.length;
    await Promise.all(this.brokers.map((broker) => freeStuck(broker, this.options.queue, isComplete)));
    await this.arrived();
    await this.outgoingEmpty();
    const atBroker = async (): Promise<void> => assert.equal(await this.depth(), 0, 'messages are left at the broker');
    await eventually(atBroker, { timeout: 60_000, interval: 200, what: 'an empty queue at the broker' });
  }

  /** What still runs dies: the end of a stage whose count failed. */
  async clear(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.kill()));
  }

  /**
   * The end: everything has arrived, the services stop in good order, nothing is left locked, at the broker or to be sent, and every file is
   * compared. `look` finds out at the very end what loaders have taken. {@link explain} tells of what went wrong.
   */
  async count(promised: Promised = 'once', look: () => void = () => undefined): Promise<Tally> {
    await this.settled();
    await Promise.all(this.slots.map((slot) => slot.stop()));
    look();
    assert.deepEqual(leftOutgoing(this.world.outgoing), [], 'something is left in the outgoing volume');
    const result = await this.tally();
    const { lost, altered, duplicated, extra } = result;
    const wrong = [...lost, ...altered, ...(promised === 'once' ? duplicated : []), ...extra];
    assert.deepEqual(wrong, [], 'messages are lost, altered, duplicated or not ours');
    return result;
  }

  /** Every file of the incoming volumes, and what loaders took, against every file that was sent. */
  async tally(): Promise<Tally> {
    const found = await Promise.all(this.incoming.map((queue) => readQueue(queue)));
    return tally(this.sent, [...this.loaded, ...found.flat()]);
  }

  /** For whoever looks into a failure: the counts, the stories of the messages that went wrong, the ends of all logs, and what the brokers say of the queue. */
  async explain(): Promise<string> {
    const result = await this.tally();
    const { lost, altered, duplicated, extra } = result;
    return [this.#report(result, [...lost, ...altered, ...duplicated, ...extra]), ...(await this.#queues())].join('\n');
  }

  /** A broker may be away: then that is told. */
  async #queues(): Promise<string[]> {
    return await Promise.all(
      this.brokers.map(async (broker) => `${broker.title} of the queue: ${await broker.about(this.options.queue).catch(String)}`),
    );
  }

  #report({ sent, arrived, lost, altered, duplicated, extra }: Tally, wrong: readonly string[]): string {
    const counts = `${sent} sent, ${arrived} arrived, ${lost.length} lost, ${altered.length} altered, ${duplicated.length} duplicated, ${extra.length} extra`;
    return [
      `${counts} (seed: ${this.random.seed})`,
      `left in the outgoing volume: ${leftOutgoing(this.world.outgoing).join(' ') || 'nothing'}`,
      storiesOf(wrong, path.join(this.world.directory, 'logs')),
      ...this.slots
        .filter(({ starts }) => starts > 0)
        .map((slot) => `end of the log of ${slot.name}:\n${tailOf(slot.service.child.output(), 15)}`),
      ...this.brokers.map((broker) => `end of the log of ${broker.title}:\n${tailOf(broker.log())}`),
    ].join('\n');
  }
}
