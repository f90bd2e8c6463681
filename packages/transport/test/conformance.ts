/**
 * The suite that every transport passes. It knows publishers, subscribers and a network that can fail; a harness supplies them, for the
 * development broker in the fast suite, for real brokers elsewhere.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { describe, type TestContext, it as test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type ProxyMode, type Scope } from '@ssm/test-support';
import { type Delivery, type OutgoingMessage, type Publisher, type StompOptions, type Subscriber, TransportError } from '../src/index.js';
import { isPending, refusalOf, rejection, until, within } from './helpers.js';

/** A broker as its clients see it. */
export interface Site {
  /** As confirmations and deliveries name it. */
  readonly broker: string;
  /** Ends every connection. */
  cut(): void;
  setNetwork(mode: ProxyMode): Promise<void>;
}

export type Tuning = Partial<Pick<StompOptions, 'window' | 'byteBudget' | 'maximumMessageBytes' | 'receiptTimeoutMs' | 'heartbeatMs'>>;

export interface Harness {
  readonly name: string;
  /** Empty brokers, or several ways to one. */
  sites(scope: Scope, count: number): Promise<Site[]>;
  publisher(sites: readonly Site[], queue: string, tuning?: Tuning): Publisher;
  subscriber(sites: readonly Site[], queue: string, tuning?: Tuning): Subscriber;
  /** The broker ends the connection on a larger message, where it has such a limit. */
  readonly largestMessage?: number;
  /** The broker does not always say of a message that it was delivered before. */
  readonly forgetsRedelivery?: boolean;
  /** The last acknowledgements of a connection can be lost with its end, although they were receipted: the messages come again. */
  readonly losesLateAcknowledgements?: boolean;
  /** Messages of a queue as the broker itself says, where it can be asked. */
  readonly depth?: (queue: string) => Promise<number>;
  /** Messages of a queue that the broker gives to nobody until it is restarted, as it says itself, where that can happen. */
  readonly stuck?: (queue: string) => Promise<number>;
  /** Cases that cannot hold for this transport, each with its reason. */
  readonly without?: Readonly<Record<string, string>>;
}

/** Where a case takes place: a queue of its own. */
interface Place extends Scope {
  readonly queue: string;
}
type Run = (place: Place) => Promise<void>;

/** Times that a case is tried on a broker that says that a message of it got stuck there; that it does so twice in a row would be news. */
const TRIES = 3;
/** Of a connection that just ended a broker takes back a moment later what it held. */
const LOOKS = 5;

/** For a queue of which nobody reads. 0 also where the broker cannot be asked: it is the failure of the case that counts. */
async function stuckAt(queue: string, ask: Required<Harness>['stuck']): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS && least > 0; look += 1) {
    await sleep(100);
    least = Math.min(least, await ask(queue).catch(() => 0));
  }
  return least;
}

async function runAt(context: TestContext, run: Run, stuck: Harness['stuck']): Promise<void> {
  const cleanUps: (() => unknown)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const one of cleanUps.splice(0)) await one();
  };
  context.after(cleanUp);
  for (let tries = 1; ; tries += 1) {
    const queue = `ssm.conformance.${randomUUID()}`;
    try {
      return await run({ after: (one) => void cleanUps.push(one), queue });
    } catch (error) {
      if (stuck === undefined || tries === TRIES) throw error;
      // What a reader acknowledges just now looks stuck as well.
      await cleanUp();
      const count = await stuckAt(queue, stuck);
      if (count <= 0) throw error;
      context.diagnostic(`tried again: the broker says of ${count} messages that it gives them to nobody`);
    }
  }
}

/** Declares the cases of the suite but for those that a harness leaves out; one that is left out must be there. */
function casesOf({ without = {}, stuck }: Harness): { readonly it: (name: string, run: Run) => void; readonly end: () => void } {
  const left = new Set(Object.keys(without));
  return {
    it: (name, run) => {
      if (!left.delete(name)) test(name, (context) => runAt(context, run, stuck));
    },
    end: () => assert.deepEqual([...left], [], 'cases that are left out and do not exist'),
  };
}

const never = new AbortController().signal;
const KiB = 1024;
const PING = 'ping';

const hash = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');
const sortedIds = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ empaId = '' }) => empaId).toSorted();
const text = ({ body }: Delivery): string => Buffer.from(body).toString();

/** Message number `index`, which can be recognised: its body is its id over and over. */
function numbered(index: number, bytes = KiB): OutgoingMessage {
  const id = `m-${index}`;
  return { id, body: Buffer.alloc(bytes, `${id};`) };
}

/** What one test uses; everything is drained at its end. */
class Bench {
  readonly queue: string;
  readonly #harness: Harness;
  readonly #scope: Scope;
  readonly sites: readonly Site[];

  private constructor(harness: Harness, place: Place, sites: readonly Site[]) {
    this.queue = place.queue;
    this.#harness = harness;
    this.#scope = place;
    this.sites = sites;
  }

  static async start(harness: Harness, place: Place, count = 1): Promise<Bench> {
    return new Bench(harness, place, await harness.sites(place, count));
  }

  get site(): Site {
    return this.sites[0]!;
  }

  publisher(tuning: Tuning = {}, sites = this.sites): Publisher {
    const publisher = this.#harness.publisher(sites, this.queue, tuning);
    this.#scope.after(() => publisher.drain(AbortSignal.abort()));
    return publisher;
  }

  subscriber(tuning: Tuning = {}, sites = this.sites): Subscriber {
    const subscriber = this.#harness.subscriber(sites, this.queue, tuning);
    this.#scope.after(() => subscriber.drain(AbortSignal.abort()));
    return subscriber;
  }

  /** Publishes by a publisher of its own. */
  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const publisher = this.publisher();
    await within(Promise.all(messages.map((message) => publisher.publish(message, never))), 'published');
    await publisher.drain(never);
  }

  /** Only what was delivered before may be there; here it is acknowledged by a connection that stays. */
  async #takeAgain(depth: (queue: string) => Promise<number>): Promise<void> {
    const reader = new Reader(this.subscriber());
    let next = reader.next();
    const empty = async (): Promise<void> => {
      for (; !(await isPending(next)); next = reader.next()) {
        const delivery = await next;
        assert.ok(delivery?.redelivered, 'something is left in the queue that was never delivered');
        await delivery.acknowledge();
      }
      assert.equal(await depth(this.queue), 0);
    };
    await eventually(empty, { timeout: 30_000, interval: 50, what: 'an empty queue' });
    await reader.stop();
  }

  /** Nothing is left in the queue. */
  async isEmpty(): Promise<void> {
    const { depth, losesLateAcknowledgements = false } = this.#harness;
    if (depth !== undefined && losesLateAcknowledgements) await this.#takeAgain(depth);
    if (depth !== undefined)
      await eventually(async () => assert.equal(await depth(this.queue), 0), { timeout: 30_000, interval: 200, what: 'an empty queue' });
    const reader = new Reader(this.subscriber());
    const next = reader.next();
    await until(() => reader.connected, 'subscribed');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(await isPending(next), 'something is left in the queue');
    await reader.stop();
  }
}

/** Reads the deliveries of a subscriber; pings are acknowledged and passed over. */
class Reader {
  readonly #subscriber: Subscriber;
  readonly #controller = new AbortController();
  readonly #iterator: AsyncIterator<Delivery>;

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
    this.#iterator = subscriber.deliveries(this.#controller.signal)[Symbol.asyncIterator]();
  }

  get connected(): boolean {
    return this.#subscriber.connections().every(({ connected }) => connected);
  }

  async next(): Promise<Delivery | undefined> {
    for (;;) {
      const { done, value } = await this.#iterator.next();
      if (done) return undefined;
      if (value.empaId !== PING) return value;
      value.acknowledge().catch(() => undefined);
    }
  }

  async take(count: number): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    for (let taken = 0; taken < count; taken += 1) {
      const delivery = await within(this.next(), `delivery ${taken + 1} of ${count}`);
      assert.ok(delivery);
      deliveries.push(delivery);
    }
    return deliveries;
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await within(this.#subscriber.drain(never), 'drained');
  }
}

/**
 * Reads until every id came, however often, and checks each body. One at a time: the next one is taken when the acknowledgement of the last is
 * confirmed, or cannot be, because its connection is gone and nobody knows whether the broker read it.
 */
async function receiveAll(
  reader: Reader,
  expected: readonly OutgoingMessage[],
  each: (count: number) => void = () => undefined,
): Promise<void> {
  const bodies = new Map(expected.map(({ id, body }) => [id, hash(body)]));
  const received = new Set<string>();
  for (let count = 1; received.size < bodies.size; count += 1) {
    const delivery = await within(reader.next(), `the rest of ${bodies.size}, of which ${received.size} came`);
    assert.ok(delivery);
    const { empaId = '' } = delivery;
    assert.equal(hash(delivery.body), bodies.get(empaId), `${empaId} is altered`);
    received.add(empaId);
    each(count);
    await within(delivery.acknowledge(), `the acknowledgement of ${empaId}`).catch((error: unknown) => {
      assert.ok(error instanceof TransportError && error.code === 'not-acknowledged', String(error));
    });
  }
}

export function conformance(harness: Harness): void {
  describe(`transport over ${harness.name}`, () => {
    const { it, end } = casesOf(harness);
    it('carries every byte', async (place) => {
      const bench = await Bench.start(harness, place);
      const bodies = [
        Buffer.from(''),
        Buffer.from('\0'),
        Buffer.from('a\0b\r\n\r\n\0\0'),
        Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
        Buffer.from('MESSAGE\nnot:a frame\n\n\0'),
        randomBytes(1_000_000),
      ];
      const messages = bodies.map((body, index) => ({ id: `b-${index}`, body }));
      await bench.publish(messages);
      const reader = new Reader(bench.subscriber());
      const deliveries = await reader.take(messages.length);
      assert.deepEqual(
        deliveries.map(({ empaId, body, broker, oversized }) => ({ empaId, hash: hash(body), broker, oversized })),
        messages.map(({ id, body }) => ({ empaId: id, hash: hash(body), broker: bench.site.broker, oversized: undefined })),
      );
      await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
      await reader.stop();
    });

    it('carries every id', async (place) => {
      const bench = await Bench.start(harness, place);
      const ids = ['5f0e4a1c/5f0e4a1c3d0907', 'a:b', 'back\\slash', 'with space', 'Zürich → 𝄞', 'x'.repeat(2000)];
      await bench.publish(ids.map((id) => ({ id, body: Buffer.from(id) })));
      const reader = new Reader(bench.subscriber());
      const deliveries = await reader.take(ids.length);
      assert.deepEqual(
        deliveries.map(({ empaId }) => empaId),
        ids,
      );
      assert.deepEqual(deliveries.map(text), ids);
      await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
      await reader.stop();
    });

    it('carries many at once, and leaves nothing behind', async (place) => {
      const bench = await Bench.start(harness, place);
      const messages = Array.from({ length: 500 }, (_, index) => numbered(index));
      // The queue is there before both begin: of two connections that declare one quorum queue at once, RabbitMQ can end one.
      await bench.publish([{ id: PING, body: Buffer.from(PING) }]);
      const reader = new Reader(bench.subscriber());
      const published = bench.publish(messages);
      const acknowledged: Promise<void>[] = [];
      const ids = new Set<string | undefined>();
      for (let count = 0; count < messages.length; count += 1) {
        const [delivery] = await reader.take(1);
        ids.add(delivery!.empaId);
        acknowledged.push(delivery!.acknowledge());
      }
      await within(Promise.all(acknowledged), 'the receipts');
      await published;
      assert.equal(ids.size, messages.length);
      await reader.stop();
      await bench.isEmpty();
    });

    it('delivers again what was not acknowledged, and nothing else', async (place) => {
      const bench = await Bench.start(harness, place);
      await bench.publish([0, 1, 2, 3].map((index) => numbered(index)));
      const first = new Reader(bench.subscriber());
      const [zero, one] = await first.take(4);
      await zero!.acknowledge();
      one!.abandon();
      const drained = first.stop();
      // Two are still held: draining waits for them, as long as they can be acknowledged.
      assert.ok(await isPending(drained));
      bench.site.cut();
      await within(drained, 'drained');
      const second = new Reader(bench.subscriber());
      const again = await second.take(3);
      assert.deepEqual(sortedIds(again), ['m-1', 'm-2', 'm-3']);
      assert.ok(harness.forgetsRedelivery === true || again.every(({ redelivered }) => redelivered));
      await Promise.all(again.map((delivery) => delivery.acknowledge()));
      await second.stop();
      await bench.isEmpty();
    });

    it('suspends: everything goes back, and comes again after resume', async (place) => {
      const bench = await Bench.start(harness, place);
      await bench.publish([0, 1].map((index) => numbered(index)));
      const subscriber = bench.subscriber();
      const reader = new Reader(subscriber);
      const [held] = await reader.take(1);
      subscriber.suspend('disk full');
      const next = reader.next();
      await until(() => subscriber.connections().every(({ connected }) => !connected), 'disconnected');
      await rejection(held!.acknowledge(), 'not-acknowledged');
      assert.ok(await isPending(next));
      subscriber.resume();
      const deliveries = [(await within(next, 'a delivery'))!, ...(await reader.take(1))];
      assert.deepEqual(sortedIds(deliveries), ['m-0', 'm-1']);
      await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
      await reader.stop();
      await bench.isEmpty();
    });

    it('is drained in time after it was suspended, though somebody still works on what was handed out', async (place) => {
      const bench = await Bench.start(harness, place);
      await bench.publish([numbered(0)]);
      const subscriber = bench.subscriber();
      const [held] = await new Reader(subscriber).take(1);
      subscriber.suspend('the stop');
      await within(subscriber.drain(never), 'drained');
      await rejection(held!.acknowledge(), 'not-acknowledged');
      const rest = new Reader(bench.subscriber());
      await receiveAll(rest, [numbered(0)]);
      await rest.stop();
      await bench.isEmpty();
    });

    it('loses and alters nothing while connections are cut', async (place) => {
      const bench = await Bench.start(harness, place);
      const messages = Array.from({ length: 200 }, (_, index) => numbered(index));
      const publisher = bench.publisher({ window: 20 });
      const reader = new Reader(bench.subscriber({ window: 10 }));
      let confirmed = 0;
      const published = Promise.all(
        messages.map(async (message) => {
          await publisher.publish(message, never);
          confirmed += 1;
          if (confirmed % 60 === 0) bench.site.cut();
        }),
      );
      await receiveAll(reader, messages, (count) => {
        if (count % 70 === 0) bench.site.cut();
      });
      await within(published, 'published');
      await reader.stop();
    });

    it('finds out that a connection is dead, on both sides', async (place) => {
      const bench = await Bench.start(harness, place);
      const publisher = bench.publisher({ receiptTimeoutMs: 500, heartbeatMs: 300 });
      const reader = new Reader(bench.subscriber({ heartbeatMs: 300 }));
      await within(publisher.publish(numbered(0), never), 'the first');
      const [first] = await reader.take(1);
      await first!.acknowledge();
      await bench.site.setNetwork({ type: 'black-hole' });
      const published = publisher.publish(numbered(1), never);
      await until(() => publisher.connections().every(({ connected }) => !connected), 'the publisher sees it');
      await until(() => !reader.connected, 'the subscriber sees it');
      await bench.site.setNetwork({ type: 'pass' });
      await within(published, 'the second');
      await receiveAll(reader, [numbered(1)]);
      await reader.stop();
    });

    it('waits for a broker that is away', async (place) => {
      const bench = await Bench.start(harness, place);
      await bench.site.setNetwork({ type: 'refuse' });
      const published = bench.publisher().publish(numbered(0), never);
      const reader = new Reader(bench.subscriber());
      const next = reader.next();
      assert.ok(await isPending(Promise.race([published, next])));
      await bench.site.setNetwork({ type: 'pass' });
      assert.deepEqual(await within(published, 'published'), { broker: bench.site.broker });
      await (await within(next, 'delivered'))!.acknowledge();
      await reader.stop();
    });

    it('takes a slow network for what it is', async (place) => {
      const bench = await Bench.start(harness, place);
      const publisher = bench.publisher({ receiptTimeoutMs: 2500 });
      await until(() => publisher.connections().every(({ connected }) => connected), 'connected');
      // On its way for longer than the receipt may take; the broker itself has time enough on a busy machine.
      await bench.site.setNetwork({ type: 'throttle', bytesPerSecond: 1_500_000 });
      const large = numbered(0, Math.min(6_000_000, (harness.largestMessage ?? 6_000_000) - KiB));
      await Promise.all([publisher.publish(large, never), publisher.publish(numbered(1), never)]);
      await bench.site.setNetwork({ type: 'pass' });
      const reader = new Reader(bench.subscriber());
      const deliveries = await reader.take(2);
      // Sent once.
      assert.deepEqual(
        deliveries.map(({ empaId }) => empaId),
        ['m-0', 'm-1'],
      );
      await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
      await reader.stop();
      await bench.isEmpty();
    });

    it('keeps to its byte budget, and does not lock up when nobody else makes room', async (place) => {
      const bench = await Bench.start(harness, place);
      const messages = Array.from({ length: 12 }, (_, index) => numbered(index, 300 * KiB));
      await bench.publish(messages);
      const reader = new Reader(bench.subscriber({ byteBudget: 700 * KiB, window: 8, receiptTimeoutMs: 2000 }));
      await receiveAll(reader, messages);
      await reader.stop();
      await bench.isEmpty();
    });

    it('passes a message that is larger than the whole budget', async (place) => {
      const bench = await Bench.start(harness, place);
      const messages = [numbered(0), numbered(1, 900 * KiB), numbered(2)];
      await bench.publish(messages);
      const reader = new Reader(bench.subscriber({ byteBudget: 100 * KiB, receiptTimeoutMs: 2000 }));
      await receiveAll(reader, messages);
      await reader.stop();
    });

    it('names what is too large to take, which can be acknowledged', async (place) => {
      const bench = await Bench.start(harness, place);
      await bench.publish([numbered(0), numbered(1, 300 * KiB), numbered(2)]);
      const reader = new Reader(bench.subscriber({ maximumMessageBytes: 100 * KiB }));
      const deliveries = await reader.take(3);
      assert.deepEqual(
        deliveries.map(({ empaId, oversized, body }) => [empaId, oversized, body.length]),
        [
          ['m-0', undefined, KiB],
          ['m-1', 300 * KiB, 0],
          ['m-2', undefined, KiB],
        ],
      );
      await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
      await reader.stop();
      await bench.isEmpty();
    });

    it('consumes from every broker of its list, and publishes on one that is there', async (place) => {
      const bench = await Bench.start(harness, place, 2);
      const [first, second] = bench.sites;
      const reader = new Reader(bench.subscriber());
      await first!.setNetwork({ type: 'refuse' });
      const publisher = bench.publisher();
      assert.deepEqual(await within(publisher.publish(numbered(0), never), 'published'), { broker: second!.broker });
      await receiveAll(reader, [numbered(0)]);
      await first!.setNetwork({ type: 'pass' });
      await until(() => reader.connected, 'both connected');
      await second!.setNetwork({ type: 'refuse' });
      second!.cut();
      assert.deepEqual(await within(publisher.publish(numbered(1), never), 'published'), { broker: first!.broker });
      await receiveAll(reader, [numbered(1)]);
      await reader.stop();
    });

    it('drains: what is in flight is confirmed, what was handed out can be acknowledged', async (place) => {
      const bench = await Bench.start(harness, place);
      const messages = Array.from({ length: 50 }, (_, index) => numbered(index));
      const publisher = bench.publisher({ window: 5 });
      const published = Promise.all(messages.map((message) => publisher.publish(message, never)));
      await within(publisher.drain(never), 'drained');
      await within(published, 'published');
      await rejection(publisher.publish(numbered(99), never), 'closed');
      const reader = new Reader(bench.subscriber({ window: 10 }));
      const deliveries = await reader.take(10);
      const stopped = reader.stop();
      await Promise.all(deliveries.map((delivery) => within(delivery.acknowledge(), 'the acknowledgement')));
      await stopped;
      const rest = new Reader(bench.subscriber());
      await receiveAll(rest, messages.slice(10));
      await rest.stop();
      await bench.isEmpty();
    });

    end();
    refusalConformance(harness);
  });
}

/** The part of the suite that is about the broker's limit. */
export function refusalConformance(harness: Harness): void {
  const { largestMessage: largest } = harness;
  if (largest === undefined) return;
  const { it } = casesOf({ ...harness, without: {} });
  it('refuses the one message that the broker does not take, and delivers its neighbours', async (place) => {
    const bench = await Bench.start(harness, place);
    const publisher = bench.publisher({ receiptTimeoutMs: 2000, maximumMessageBytes: largest + KiB });
    const neighbours = Array.from({ length: 20 }, (_, index) => numbered(index));
    const published = neighbours.map((message) => publisher.publish(message, never));
    const between = (): OutgoingMessage => {
      const neighbour = numbered(neighbours.length);
      neighbours.push(neighbour);
      return neighbour;
    };
    const refused = refusalOf(publisher, numbered(99, largest + 1), between);
    const after = publisher.publish(between(), never);
    const errors = await refused;
    assert.match(errors.at(-1)?.message ?? '', new RegExp(`${bench.site.broker}.* ${largest + 1} bytes`));
    await within(Promise.all([...published, after]), 'the neighbours');
    const reader = new Reader(bench.subscriber());
    await receiveAll(reader, neighbours);
    await reader.stop();
    await eventually(() => assert.equal(publisher.inFlight, 0));
  });
}
