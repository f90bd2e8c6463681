import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { reachableBytes } from '@ssm/test-support';
import { createStompSubscriber, type Delivery, type Endpoint, type Status, type StompOptions, type Subscriber } from '../src/index.js';
import { isPending, rejection, until, within } from './helpers.js';
import { type Peer, type ReceivedFrame, type Script, ScriptedBroker } from './scripted-broker.js';

const never = new AbortController().signal;
const KiB = 1024;

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

async function broker(script: Script): Promise<ScriptedBroker> {
  const started = await ScriptedBroker.start(script);
  cleanUp.push(() => started.stop());
  return started;
}

function subscriber(brokers: readonly ScriptedBroker[], options: Partial<StompOptions> = {}): Subscriber {
  const created = createStompSubscriber({
    brokers: brokers.map(({ address }) => address),
    destination: '/queue/test',
    heartbeatMs: 0,
    backoff: { initialMs: 20, maximumMs: 100 },
    ...options,
  });
  cleanUp.push(() => created.drain(AbortSignal.abort()));
  return created;
}

function listen(endpoint: Endpoint): Status[] {
  const statuses: Status[] = [];
  const read = async (): Promise<void> => {
    for await (const status of endpoint.status()) statuses.push(status);
  };
  const reading = read();
  cleanUp.unshift(() => reading);
  return statuses;
}

/** Reads deliveries one by one. */
class Reading {
  readonly controller = new AbortController();
  readonly #iterator: AsyncIterator<Delivery>;
  constructor(from: Subscriber) {
    this.#iterator = from.deliveries(this.controller.signal)[Symbol.asyncIterator]();
  }
  next(): Promise<IteratorResult<Delivery>> {
    return this.#iterator.next();
  }
  async delivery(): Promise<Delivery> {
    const { done, value } = await within(this.next(), 'a delivery');
    assert.ok(!done);
    return value;
  }
}

/** The broker's side of a subscription: accepts, confirms SUBSCRIBE. */
async function subscribed(peer: Peer, version = '1.2'): Promise<ReceivedFrame> {
  await peer.accept({ version });
  return peer.confirm();
}

const ackId = ({ headers: { id = '' } }: ReceivedFrame): string => id;

const text = ({ body }: Delivery): string => Buffer.from(body).toString();

describe('deliveries', () => {
  it('subscribes with acknowledgement of single messages, and a prefetch that each kind of broker knows', async () => {
    let headers: ReceivedFrame['headers'] = {};
    const to = await broker(async (peer) => {
      ({ headers } = await subscribed(peer));
    });
    const endpoint = subscriber([to], { window: 7, byteBudget: 1234, extraHeaders: { 'x-queue-type': 'quorum' } });
    const reading = new Reading(endpoint);
    const pending = reading.next();
    await until(() => endpoint.connections()[0]?.connected === true, 'subscribed');
    const { receipt, ...others } = headers;
    assert.ok(receipt);
    assert.deepEqual(others, {
      id: '0',
      destination: '/queue/test',
      ack: 'client-individual',
      'activemq.prefetchSize': '7',
      'prefetch-count': '7',
      'consumer-window-size': '1234',
      'x-queue-type': 'quorum',
    });
    reading.controller.abort();
    assert.equal((await within(pending, 'the end')).done, true);
  });

  it('takes from ActiveMQ no message that somebody wrote into the body of another', async () => {
    const ids = new Set<string>();
    const acknowledged: (string | undefined)[] = [];
    const to = await broker(async (peer, number) => {
      await peer.accept({ server: 'ActiveMQ/6.3.1' });
      const { headers } = await peer.confirm();
      const { id = '' } = headers;
      ids.add(id);
      if (number === 1) {
        peer.message({ subscription: '0', ack: 'of another', 'empa-id': 'forged' }, 'x');
        return;
      }
      peer.message({ subscription: id, 'empa-id': 'good' }, 'x');
      acknowledged.push((await peer.confirm()).headers['id']);
    });
    const endpoint = subscriber([to]);
    const statuses = listen(endpoint);
    const delivery = await new Reading(endpoint).delivery();
    assert.equal(delivery.empaId, 'good');
    await within(delivery.acknowledge(), 'the receipt');
    assert.deepEqual(acknowledged, ['a']);
    const ends = statuses.flatMap((status) => (status.type === 'disconnected' ? [status.error?.message] : []));
    assert.match(String(ends), /: a message that is not of our subscription$/);
    // Another for each connection, and none that can be guessed.
    assert.equal(ids.size, 2);
    for (const id of ids) assert.match(id, /^[\da-f-]{36}$/);
  });

  it('gives the messages of every broker of the list', async () => {
    const brokers = await Promise.all(
      ['1', '2', '3'].map((id) =>
        broker(async (peer) => {
          await subscribed(peer);
          peer.message({ 'empa-id': id, redelivered: id === '2' ? 'true' : 'false' }, `body ${id}`);
        }),
      ),
    );
    const endpoint = subscriber(brokers);
    const reading = new Reading(endpoint);
    const deliveries = [await reading.delivery(), await reading.delivery(), await reading.delivery()].toSorted((a, b) =>
      text(a).localeCompare(text(b)),
    );
    assert.deepEqual(
      deliveries.map(({ broker: name, empaId, redelivered, oversized }) => ({ name, empaId, redelivered, oversized })),
      brokers.map(({ name }, index) => ({ name, empaId: String(index + 1), redelivered: index === 1, oversized: undefined })),
    );
    assert.deepEqual(deliveries.map(text), ['body 1', 'body 2', 'body 3']);
    assert.ok(endpoint.connections().every(({ connected }) => connected));
  });

  it('goes on with the other brokers while one is away, and comes back to that one', async () => {
    const flaky = await broker(async (peer, number) => {
      if (number < 3) return peer.socket.destroy();
      await subscribed(peer);
      return peer.message({ 'empa-id': 'late' });
    });
    const steady = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({ 'empa-id': 'early' });
    });
    const reading = new Reading(subscriber([flaky, steady]));
    assert.deepEqual([(await reading.delivery()).empaId, (await reading.delivery()).empaId], ['early', 'late']);
  });

  it('has one reader at a time, and another one later', async () => {
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      peer.message({ 'empa-id': String(number) });
      await peer.confirm();
    });
    const endpoint = subscriber([to]);
    const first = new Reading(endpoint);
    assert.throws(() => endpoint.deliveries(never), { code: 'options-invalid' });
    await until(() => endpoint.connections()[0]?.connected === true, 'subscribed');
    first.controller.abort();
    assert.equal((await first.next()).done, true);
    // What the first one did not take comes again, on a new connection.
    assert.equal((await new Reading(endpoint).delivery()).empaId, '2');
  });

  it('has another reader at once, on new connections: the old ones do not bring again what was passed over', async () => {
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      for (const id of ['1', '2', '3']) peer.message({ 'empa-id': `${number}-${id}` });
      await peer.confirm();
    });
    const endpoint = subscriber([to]);
    const first = new Reading(endpoint);
    const held = await first.delivery();
    first.controller.abort();
    assert.equal((await new Reading(endpoint).delivery()).empaId, '2-1');
    await rejection(held.acknowledge(), 'not-acknowledged');
  });

  it('ends when the reader stops', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({});
      peer.message({});
      commands.push((await peer.confirm()).command);
    });
    for await (const delivery of subscriber([to]).deliveries(never)) {
      delivery.abandon();
      break;
    }
    await until(() => commands.length === 1, 'DISCONNECT');
    assert.deepEqual(commands, ['DISCONNECT']);
  });

  it('gives what is too large to keep as its size, and goes on', async () => {
    const acknowledged: string[] = [];
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({ 'empa-id': 'large', ack: 'l' }, Buffer.alloc(100 * KiB));
      peer.message({ 'empa-id': 'small', ack: 's' }, 'x');
      for (;;) acknowledged.push(ackId(await peer.confirm()));
    });
    const reading = new Reading(subscriber([to], { maximumMessageBytes: 10 * KiB }));
    const large = await reading.delivery();
    assert.deepEqual([large.empaId, large.oversized, large.body.length], ['large', 100 * KiB, 0]);
    await within(large.acknowledge(), 'the receipt');
    assert.equal((await reading.delivery()).oversized, undefined);
    assert.deepEqual(acknowledged, ['l']);
  });
});

describe('acknowledge', () => {
  for (const [version, expected] of [
    ['1.2', { id: 'a:1' }],
    ['1.1', { 'message-id': 'm-1', subscription: '0' }],
  ] as const)
    it(`names the message as STOMP ${version} does, and resolves on the receipt`, async () => {
      let ack: ReceivedFrame | undefined;
      let peerOfAck: Peer | undefined;
      const to = await broker(async (peer) => {
        await subscribed(peer, version);
        peer.message({ ack: 'a\\c1', 'message-id': 'm-1' }, 'x');
        peerOfAck = peer;
        ack = await peer.frame();
      });
      const delivery = await new Reading(subscriber([to])).delivery();
      const acknowledged = delivery.acknowledge();
      assert.equal(delivery.acknowledge(), acknowledged);
      await until(() => ack !== undefined, 'ACK');
      assert.ok(await isPending(acknowledged));
      const { receipt, ...headers } = ack!.headers;
      assert.ok(receipt);
      assert.equal(ack!.command, 'ACK');
      assert.deepEqual(headers, version === '1.2' ? { id: 'a\\c1' } : expected);
      peerOfAck!.receipt(ack!);
      await within(acknowledged, 'the receipt');
    });

  it('names the message to Artemis by what no sender can write', async () => {
    let ack: ReceivedFrame | undefined;
    const to = await broker(async (peer) => {
      await peer.accept({ server: 'ActiveMQ-Artemis/2.44.0 ActiveMQ Artemis Messaging Engine' });
      await peer.confirm();
      const own = 'subscription:0\ncontent-length:0\nmessage-id:31,24';
      const ofTheSender = `ack:${'l'.repeat(5000)}\nmessage-id:31,26`;
      peer.socket.write(`MESSAGE\n${own}\n${ofTheSender}\nack:31,24\n\n\0`);
      ack = await peer.confirm();
    });
    const delivery = await new Reading(subscriber([to])).delivery();
    await within(delivery.acknowledge(), 'the receipt');
    const { receipt: _receipt, ...headers } = ack!.headers;
    assert.deepEqual(headers, { id: '31,24' });
  });

  it('rejects when the connection is gone, and never uses another one', async () => {
    const acknowledged: string[] = [];
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      peer.message({ ack: `${number}-1` });
      peer.message({ ack: `${number}-2` });
      for (;;) {
        const frame = await peer.frame();
        acknowledged.push(ackId(frame));
        if (number > 1) peer.receipt(frame);
      }
    });
    const endpoint = subscriber([to]);
    const reading = new Reading(endpoint);
    const [first, second] = [await reading.delivery(), await reading.delivery()];
    const pending = rejection(first.acknowledge(), 'not-acknowledged');
    await until(() => acknowledged.length === 1, 'ACK');
    to.cut();
    await pending;
    await rejection(second.acknowledge(), 'not-acknowledged');
    const again = await reading.delivery();
    await within(again.acknowledge(), 'the receipt');
    await rejection(second.acknowledge(), 'not-acknowledged');
    assert.deepEqual(acknowledged, ['1-1', '2-1']);
  });

  it('keeps no more than the beginning of a long id', async () => {
    const id = 'x'.repeat(100 * KiB);
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({ 'empa-id': id });
      await peer.confirm();
    });
    const delivery = await new Reading(subscriber([to])).delivery();
    assert.equal(delivery.empaId, id);
    await within(delivery.acknowledge(), 'the receipt');
    assert.equal(delivery.empaId, id.slice(0, KiB));
  });

  it('is told from an abandoned delivery', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({});
      for (;;) commands.push((await peer.confirm()).command);
    });
    const endpoint = subscriber([to]);
    const delivery = await new Reading(endpoint).delivery();
    delivery.abandon();
    delivery.abandon();
    await rejection(delivery.acknowledge(), 'not-acknowledged');
    await within(endpoint.drain(never), 'drained');
    assert.deepEqual(commands, ['DISCONNECT']);
  });

  it('forgets what was not handed out when its connection ends', async () => {
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      for (let count = 0; count < 5; count += 1) peer.message({ 'empa-id': `${number}-${count}` });
      await peer.confirm();
    });
    const endpoint = subscriber([to]);
    const reading = new Reading(endpoint);
    const statuses = listen(endpoint);
    assert.equal((await reading.delivery()).empaId, '1-0');
    to.cut();
    // It may be connected again in no time.
    await until(() => statuses.some(({ type }) => type === 'disconnected'), 'the end');
    assert.equal((await reading.delivery()).empaId, '2-0');
  });
});

describe('the byte budget', () => {
  it('stops reading what does not fit, from all brokers together, and reads on when there is room', async () => {
    const body = Buffer.alloc(40 * KiB, 'x');
    const peers: Peer[] = [];
    const script = async (peer: Peer): Promise<void> => {
      await subscribed(peer);
      peers.push(peer);
      for (let count = 0; count < 20; count += 1) peer.message({ ack: String(count) }, body);
      for (;;) await peer.confirm();
    };
    const reading = new Reading(subscriber([await broker(script), await broker(script)], { byteBudget: 100 * KiB }));
    const [first, second] = [await reading.delivery(), await reading.delivery()];
    const third = reading.next();
    await until(() => peers.length === 2, 'both brokers');
    assert.ok(await isPending(third));
    // The place is free when the acknowledgement is sent: its receipt is behind other messages.
    const acknowledged = first.acknowledge();
    assert.equal((await within(third, 'the third')).done, false);
    second.abandon();
    for (let count = 3; count < 40; count += 1) (await reading.delivery()).abandon();
    await within(acknowledged, 'the receipt');
  });

  it('is all the memory that messages take, also while their acknowledgements have no receipt', async () => {
    const before = await reachableBytes();
    let acknowledged = 0;
    const to = await broker(async (peer) => {
      await subscribed(peer);
      for (let count = 0; count < 30; count += 1) peer.message({ ack: String(count) }, Buffer.alloc(1024 * KiB, 'x'));
      for (;;) if ((await peer.frame()).command === 'ACK') acknowledged += 1;
    });
    const reading = new Reading(subscriber([to], { byteBudget: 2048 * KiB }));
    const deliveries: Delivery[] = [];
    for (let count = 0; count < 30; count += 1) {
      const delivery = await reading.delivery();
      assert.equal(delivery.body.length, 1024 * KiB);
      delivery.acknowledge().catch(() => undefined);
      deliveries.push(delivery);
    }
    await until(() => acknowledged === 30, 'all acknowledgements');
    const bytes = (await reachableBytes()) - before;
    assert.ok(bytes < 4096 * KiB, `${bytes} bytes of buffers are in use`);
    assert.ok(deliveries.every(({ body }) => body.length === 0));
  });

  it('lets a message through that is larger than all of it', async () => {
    const to = await broker(async (peer) => {
      await subscribed(peer);
      for (const size of [1, 500, 1]) {
        peer.message({ ack: String(size) }, Buffer.alloc(size * KiB, 'x'));
        await peer.confirm();
      }
    });
    const reading = new Reading(subscriber([to], { byteBudget: 100 * KiB }));
    for (const size of [1, 500, 1]) {
      const delivery = await reading.delivery();
      assert.equal(delivery.body.length, size * KiB);
      await within(delivery.acknowledge(), 'the receipt');
    }
  });

  it('does not lock up when receipts are queued behind messages that find no place', async () => {
    const prefetches: number[] = [];
    let next = 1;
    const to = await broker(async (peer) => {
      const { headers } = await subscribed(peer);
      const { 'prefetch-count': prefetch = '' } = headers;
      prefetches.push(Number(prefetch));
      const first = next;
      // Everything at once, as a broker with a full prefetch window does.
      for (let id = first; id < Math.min(first + Number(prefetch), 11); id += 1)
        peer.message({ ack: String(id) }, Buffer.alloc(60 * KiB, 'x'));
      for (;;) {
        const frame = await peer.confirm();
        if (frame.command === 'ACK') next += 1;
        if (frame.command === 'DISCONNECT') return;
      }
    });
    const endpoint = subscriber([to], { byteBudget: 100 * KiB, window: 8, receiptTimeoutMs: 400 });
    const statuses = listen(endpoint);
    const reading = new Reading(endpoint);
    // One at a time, and no other before the broker has confirmed.
    for (let done = 0; done < 4; done += 1) await within((await reading.delivery()).acknowledge(), 'the receipt');
    assert.deepEqual(prefetches.slice(0, 3), [8, 4, 2]);
    assert.ok(statuses.some((status) => status.type === 'warning' && status.code === 'prefetch-reduced'));
  });

  it('is drained in time while it gives up a connection whose receipts do not come', async () => {
    let disconnects = 0;
    const to = await broker(async (peer) => {
      await subscribed(peer);
      for (const ack of ['1', '2', '3']) peer.message({ ack }, Buffer.alloc(60 * KiB, 'x'));
      for (;;) if ((await peer.frame()).command === 'DISCONNECT') disconnects += 1;
    });
    const endpoint = subscriber([to], { byteBudget: 100 * KiB, receiptTimeoutMs: 4000, connectTimeoutMs: 60_000 });
    const delivery = await new Reading(endpoint).delivery();
    const lost = rejection(delivery.acknowledge(), 'not-acknowledged');
    await until(() => disconnects === 1, 'DISCONNECT after the stall');
    const begun = performance.now();
    await within(endpoint.drain(AbortSignal.timeout(100)), 'drained');
    assert.ok(performance.now() - begun < 2000);
    await lost;
  });

  for (const [what, size, id, fitting] of [
    ['messages without a body', 0, '1', 9],
    ['bodies whose size is not announced', 7 * KiB, '1', 2],
    ['long headers', 0, 'x'.repeat(3 * KiB), 1],
  ] as const)
    it(`also bounds ${what}`, async () => {
      const to = await broker(async (peer) => {
        await subscribed(peer);
        for (let count = 0; count < 20; count += 1)
          peer.write('MESSAGE', { subscription: '0', ack: 'a', 'empa-id': id }, Buffer.alloc(size, 'x'));
      });
      const reading = new Reading(subscriber([to], { byteBudget: 10 * KiB }));
      const deliveries: Delivery[] = [];
      for (let count = 0; count < fitting; count += 1) deliveries.push(await reading.delivery());
      const next = reading.next();
      assert.ok(await isPending(next));
      for (const delivery of deliveries) delivery.abandon();
      assert.equal((await within(next, 'the next')).done, false);
    });

  it('does not let a receipt time out that could not be read', async () => {
    let receipt: (() => void) | undefined;
    const to = await broker(async (peer) => {
      await subscribed(peer);
      for (const size of [1, 60, 60]) peer.message({ ack: String(size) }, Buffer.alloc(size * KiB));
      const ack = await peer.frame();
      receipt = () => peer.receipt(ack);
      await peer.confirm();
    });
    const reading = new Reading(subscriber([to], { byteBudget: 100 * KiB, receiptTimeoutMs: 200 }));
    const [small, large] = [await reading.delivery(), await reading.delivery()];
    const acknowledged = small.acknowledge();
    await until(() => receipt !== undefined, 'ACK');
    await new Promise((resolve) => setTimeout(resolve, 400));
    large.abandon();
    await reading.delivery();
    // Longer than it takes to look whether something is overdue.
    await new Promise((resolve) => setTimeout(resolve, 80));
    receipt?.();
    await within(acknowledged, 'the receipt');
  });

  it('is not used up by a broker that does not bring to its end what it announced', async () => {
    const bad = await broker(async (peer) => {
      await subscribed(peer);
      peer.socket.write(`MESSAGE\nack:x\ncontent-length:${90 * KiB}\n\nhalf`);
      const timer = setInterval(() => peer.socket.write('x'), 20);
      peer.socket.once('close', () => clearInterval(timer));
    });
    const good = await broker(async (peer) => {
      await until(() => bad.connections > 0, 'the other broker');
      await subscribed(peer);
      for (let count = 0; count < 5; count += 1) peer.message({ ack: String(count) }, Buffer.alloc(60 * KiB));
      for (;;) await peer.confirm();
    });
    const endpoint = subscriber([bad, good], { byteBudget: 100 * KiB, receiptTimeoutMs: 200 });
    const statuses = listen(endpoint);
    const reading = new Reading(endpoint);
    for (let count = 0; count < 5; count += 1) await within((await reading.delivery()).acknowledge(), 'the receipt');
    assert.ok(
      statuses.some(
        (status) =>
          status.type === 'disconnected' && status.broker === bad.name && /broker-silent|in its middle/.test(String(status.error)),
      ),
    );
  });

  it('is not used up by connections that end', async () => {
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      if (number > 3) return peer.message({}, Buffer.alloc(60 * KiB));
      peer.message({}, Buffer.alloc(45 * KiB));
      peer.socket.write(`MESSAGE\nack:x\ncontent-length:${45 * KiB}\n\nhalf`);
      return peer.socket.end();
    });
    const endpoint = subscriber([to], { byteBudget: 100 * KiB });
    const reading = new Reading(endpoint);
    await until(() => to.connections === 4, 'three lost connections');
    await until(() => endpoint.connections()[0]?.connected === true, 'subscribed');
    const delivery = await reading.delivery();
    assert.equal(delivery.body.length, 60 * KiB);
  });

  it('does not let a broker that waits be taken for dead', async () => {
    const to = await broker(async (peer) => {
      await peer.accept({ 'heart-beat': '20,20' });
      await peer.confirm();
      const timer = setInterval(() => peer.socket.write('\n'), 10);
      peer.socket.once('close', () => clearInterval(timer));
      peer.message({ ack: '1' }, Buffer.alloc(60 * KiB));
      peer.message({ ack: '2' }, Buffer.alloc(60 * KiB));
      for (;;) await peer.confirm();
    });
    const reading = new Reading(subscriber([to], { byteBudget: 100 * KiB, heartbeatMs: 20 }));
    const first = await reading.delivery();
    const second = reading.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const acknowledged = first.acknowledge();
    assert.equal((await within(second, 'the second')).done, false);
    await within(acknowledged, 'the receipt');
    assert.equal(to.connections, 1);
  });
});

describe('suspend', () => {
  it('disconnects, so that everything goes back, and resume subscribes again', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      peer.message({ 'empa-id': `${number}-1` });
      peer.message({ 'empa-id': `${number}-2` });
      commands.push((await peer.confirm()).command);
    });
    const endpoint = subscriber([to]);
    const statuses = listen(endpoint);
    const reading = new Reading(endpoint);
    const first = await reading.delivery();
    endpoint.suspend('disk full');
    endpoint.suspend('disk full');
    const next = reading.next();
    await until(() => commands.length === 1, 'DISCONNECT');
    assert.deepEqual(commands, ['DISCONNECT']);
    await rejection(first.acknowledge(), 'not-acknowledged');
    assert.ok(await isPending(next));
    assert.equal(to.connections, 1);
    assert.equal(statuses.filter(({ type }) => type === 'warning').length, 1);
    endpoint.resume();
    endpoint.resume();
    const { done, value } = await within(next, 'a delivery');
    assert.ok(!done);
    assert.equal(value.empaId, '2-1');
  });

  it('lets acknowledgements that are under way finish', async () => {
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({});
      const frames = [await peer.frame(), await peer.frame()];
      for (const frame of frames) peer.receipt(frame);
    });
    const endpoint = subscriber([to]);
    const acknowledged = (await new Reading(endpoint).delivery()).acknowledge();
    endpoint.suspend('disk full');
    await within(acknowledged, 'the receipt');
  });

  it('works before there is anything to suspend, and while connecting', async () => {
    const to = await broker(async (peer) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await subscribed(peer);
      peer.message({});
      await peer.confirm();
    });
    const endpoint = subscriber([to]);
    endpoint.suspend('not yet');
    const reading = new Reading(endpoint);
    const next = reading.next();
    assert.ok(await isPending(next));
    assert.equal(to.connections, 0);
    endpoint.resume();
    await until(() => to.connections === 1, 'a connection');
    endpoint.suspend('again');
    endpoint.resume();
    assert.equal((await within(next, 'a delivery')).done, false);
  });

  it('does not keep messages of a budget that is used up', async () => {
    const to = await broker(async (peer, number) => {
      await subscribed(peer);
      for (let count = 0; count < 5; count += 1) peer.message({ 'empa-id': `${number}-${count}` }, Buffer.alloc(60 * KiB));
      await peer.confirm();
    });
    const endpoint = subscriber([to], { byteBudget: 100 * KiB });
    const reading = new Reading(endpoint);
    const held = await reading.delivery();
    endpoint.suspend('disk full');
    await until(() => endpoint.connections()[0]?.connected === false, 'the end');
    held.abandon();
    endpoint.resume();
    assert.equal((await reading.delivery()).empaId, '2-0');
  });
});

describe('drain', () => {
  it('waits for the acknowledgements of what was handed out, then disconnects', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer) => {
      await subscribed(peer);
      for (const ack of ['1', '2', '3']) peer.message({ ack });
      for (;;) commands.push((await peer.confirm()).command);
    });
    const endpoint = subscriber([to]);
    const reading = new Reading(endpoint);
    const [first, second] = [await reading.delivery(), await reading.delivery()];
    reading.controller.abort();
    const draining = endpoint.drain(never);
    assert.ok(await isPending(draining));
    await within(first.acknowledge(), 'the receipt');
    assert.ok(await isPending(draining));
    second.abandon();
    await within(Promise.all([draining, endpoint.drain(never)]), 'drained');
    assert.deepEqual(commands, ['ACK', 'DISCONNECT']);
    assert.equal((await endpoint.deliveries(never)[Symbol.asyncIterator]().next()).done, true);
  });

  it('brings the receipts that are behind messages for which there is no place', async () => {
    const to = await broker(async (peer) => {
      await subscribed(peer);
      for (const size of [1, 60, 60]) peer.message({ ack: String(size) }, Buffer.alloc(size * KiB));
      for (;;) await peer.confirm();
    });
    const endpoint = subscriber([to], { byteBudget: 100 * KiB });
    const reading = new Reading(endpoint);
    const [small, large] = [await reading.delivery(), await reading.delivery()];
    const acknowledged = small.acknowledge();
    assert.ok(await isPending(acknowledged));
    const draining = endpoint.drain(never);
    await within(acknowledged, 'the receipt');
    await within(large.acknowledge(), 'the receipt');
    await within(draining, 'drained');
  });

  it('has as many brokers as are given, without a warning of Node.js', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    cleanUp.push(async () => void process.off('warning', warned));
    const brokers = await Promise.all(Array.from({ length: 12 }, () => broker(async (peer) => await subscribed(peer))));
    const endpoint = subscriber(brokers);
    void new Reading(endpoint);
    await until(() => endpoint.connections().every(({ connected }) => connected), 'subscribed to all');
    await within(endpoint.drain(never), 'drained');
    assert.deepEqual(warnings, []);
  });

  it('does not subscribe again where the connection is lost meanwhile, and acknowledges where it is not', async () => {
    const steady = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({});
      for (;;) await peer.confirm();
    });
    const flaky = await broker(async (peer) => {
      await subscribed(peer);
      await peer.confirm();
    });
    const endpoint = subscriber([steady, flaky], { backoff: { initialMs: 1, maximumMs: 1 } });
    const delivery = await new Reading(endpoint).delivery();
    await until(() => endpoint.connections().every(({ connected }) => connected), 'subscribed to both');
    const draining = endpoint.drain(never);
    flaky.cut();
    assert.ok(await isPending(draining));
    assert.deepEqual(
      endpoint.connections().map(({ connected }) => connected),
      [true, false],
    );
    await within(delivery.acknowledge(), 'the receipt');
    await within(draining, 'drained');
    assert.equal(flaky.connections, 1);
  });

  it('gives up at its signal', async () => {
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({});
    });
    const endpoint = subscriber([to]);
    const statuses = endpoint.status();
    const reading = new Reading(endpoint);
    const delivery = await reading.delivery();
    await within(endpoint.drain(AbortSignal.timeout(30)), 'drained');
    await rejection(delivery.acknowledge(), 'not-acknowledged');
    assert.equal((await reading.next()).done, true);
    let last: Status | undefined;
    for await (const status of statuses) last = status;
    assert.deepEqual(last, { type: 'disconnected', broker: to.name, error: undefined, retryInMs: undefined });
  });

  it('does not wait for what can no longer be acknowledged', async () => {
    const to = await broker(async (peer, number) => {
      if (number > 1) return peer.socket.destroy();
      await subscribed(peer);
      peer.message({});
      return undefined;
    });
    const endpoint = subscriber([to]);
    await new Reading(endpoint).delivery();
    const draining = endpoint.drain(never);
    to.cut();
    await within(draining, 'drained');
  });

  it('ends an endpoint that was never used, and one that cannot connect', async () => {
    await within(subscriber([await broker(() => undefined)]).drain(never), 'drained');
    const connecting = subscriber([await broker(() => undefined)]);
    const reading = new Reading(connecting);
    await within(connecting.drain(never), 'drained');
    assert.equal((await reading.next()).done, true);
  });

  it('keeps acknowledging after the reader has stopped', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer) => {
      await subscribed(peer);
      peer.message({});
      for (;;) commands.push((await peer.confirm()).command);
    });
    const endpoint = subscriber([to]);
    const reading = new Reading(endpoint);
    const delivery = await reading.delivery();
    reading.controller.abort();
    assert.ok(await isPending(until(() => commands.length > 0, 'a frame')));
    await within(delivery.acknowledge(), 'the receipt');
    await until(() => commands.includes('DISCONNECT'), 'DISCONNECT');
    assert.deepEqual(commands, ['ACK', 'DISCONNECT']);
  });
});

describe('a subscription that is refused', () => {
  it('is no connection, and is tried again', async () => {
    const to = await broker(async (peer) => {
      await peer.accept();
      await peer.frame();
      peer.write('ERROR', { message: 'not authorised' });
      peer.socket.end();
    });
    const endpoint = subscriber([to]);
    const statuses = listen(endpoint);
    void new Reading(endpoint).next();
    await until(() => to.connections >= 3, 'attempts');
    assert.ok(!statuses.some(({ type }) => type === 'connected'));
    const disconnected = statuses.find((status) => status.type === 'disconnected');
    assert.match(String(disconnected?.error), /not authorised/);
  });
});
