import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reachableBytes } from '@ssm/test-support';
import type { Status } from '../../src/index.js';
import { isPending, rejection, until, within } from '../helpers.js';
import { AmsBench, ids, listen, messages, NAME, never, Reader, troubles, warnings } from './bench.js';

const ackedIds = (bench: AmsBench): string[] =>
  bench
    .calls('acknowledge')
    .flatMap(({ body }) => (JSON.parse(body.toString()) as { ackIds: string[] }).ackIds.map((id) => id.split(':')[1]!));

const sizesOf = (bench: AmsBench): number[] =>
  bench.calls('pull').map(({ body }) => Number((JSON.parse(body.toString()) as { maxMessages: string }).maxMessages));

const lagsOf = (statuses: readonly Status[]): number[] => statuses.flatMap((status) => (status.type === 'lag' ? [status.messages] : []));

const received = (offset: number, content: object): object => ({
  ackId: `projects/accounting/subscriptions/${NAME}:${offset}`,
  message: content,
});

describe('consuming from AMS', () => {
  it('acknowledges a pull once, with its last message, when all of it is durable', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(5));
    const reader = new Reader(bench.subscriber());
    const deliveries = await reader.take(5);
    const acknowledged = deliveries.slice(0, 4).map((delivery) => delivery.acknowledge());
    assert.ok(await isPending(Promise.race(acknowledged)));
    assert.deepEqual(ackedIds(bench), []);
    await within(Promise.all([...acknowledged, deliveries[4]!.acknowledge()]), 'acknowledged');
    assert.deepEqual(ackedIds(bench), ['4']);
    assert.deepEqual(bench.server.offsets(NAME).current, 5);
  });

  it('lets go of what is durable, while the rest of the pull is not', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(5).map(({ id }) => ({ id, body: Buffer.alloc(100_000, id) })));
    const deliveries = await new Reader(bench.subscriber()).take(5);
    const buffers = deliveries.map(({ body }) => new WeakRef(body.buffer));
    const acknowledged = deliveries.slice(1).map((delivery) => delivery.acknowledge());
    await reachableBytes();
    assert.deepEqual(
      buffers.map((buffer) => buffer.deref()?.byteLength),
      [100_000, undefined, undefined, undefined, undefined],
    );
    assert.deepEqual(ackedIds(bench), []);
    await within(Promise.all([...acknowledged, deliveries[0]!.acknowledge()]), 'acknowledged');
  });

  it('acknowledges nothing behind a gap, and delivers that again', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(5));
    const reader = new Reader(bench.subscriber());
    const deliveries = await reader.take(5);
    const [zero, one, two, three, four] = deliveries.map((delivery, index) => (index === 2 ? undefined : delivery.acknowledge()));
    assert.equal(two, undefined);
    const lost = [rejection(three!, 'not-acknowledged'), rejection(four!, 'not-acknowledged')];
    deliveries[2]!.abandon();
    await within(Promise.all([zero, one]), 'those before the gap');
    await Promise.all(lost);
    assert.deepEqual(ackedIds(bench), ['1']);
    const again = await reader.take(3);
    assert.deepEqual(ids(again), ['m-2', 'm-3', 'm-4']);
    assert.ok(again.every(({ redelivered }) => redelivered));
    await within(Promise.all(again.map((delivery) => delivery.acknowledge())), 'acknowledged');
    assert.deepEqual(ackedIds(bench), ['1', '4']);
    await rejection(deliveries[2]!.acknowledge(), 'not-acknowledged');
  });

  it('acknowledges nothing when the first is given up, and waits before it comes again', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(2));
    const reader = new Reader(bench.subscriber());
    const [first, second] = await reader.take(2);
    const lost = rejection(second!.acknowledge(), 'not-acknowledged');
    first!.abandon();
    await lost;
    assert.deepEqual(ids(await reader.take(2)), ['m-0', 'm-1']);
    assert.deepEqual(ackedIds(bench), []);
  });

  it('does not wait for a reader that waits for it', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(30));
    const reader = new Reader(bench.subscriber({ batch: 20 }));
    const seen = new Set<string | undefined>();
    // As a receiver with three workers: each takes the next when its acknowledgement is answered.
    const worker = async (): Promise<void> => {
      while (seen.size < 30) {
        const [delivery] = await reader.take(1);
        seen.add(delivery!.empaId);
        await delivery!.acknowledge().catch(() => undefined);
        if (seen.size === 30) reader.stop();
      }
    };
    await within(Promise.race([Promise.all([worker(), worker(), worker()]), until(() => seen.size === 30, 'all')]), 'all messages');
    await until(() => bench.server.offsets(NAME).current === 30, 'all acknowledged');
    // It has learned how many are taken at once: at most twice as many are fetched.
    const sizes = sizesOf(bench);
    assert.equal(sizes[0], 20);
    assert.ok(
      sizes.slice(1).every((size) => size <= 6),
      String(sizes),
    );
  });

  it('pulls again after an acknowledgement that was late', async (t) => {
    let now = Date.now();
    const bench = await AmsBench.start(t, { now: () => new Date(now) });
    await bench.fill(messages(2));
    const subscriber = bench.subscriber();
    const statuses = listen(subscriber);
    const reader = new Reader(subscriber);
    const late = await reader.take(2);
    now += 301_000;
    await Promise.all(late.map((delivery) => rejection(delivery.acknowledge(), 'not-acknowledged')));
    assert.deepEqual(warnings(statuses), ['acknowledgement-failed']);
    const again = await reader.take(2);
    assert.deepEqual(ids(again), ['m-0', 'm-1']);
    await within(Promise.all(again.map((delivery) => delivery.acknowledge())), 'acknowledged');
  });

  it('acknowledges in time what is durable, whatever else takes longer', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(3));
    const subscriber = bench.subscriber({ ackDeadlineSeconds: 1 });
    const [zero, one, two] = await new Reader(subscriber).take(3);
    const acknowledged = zero!.acknowledge();
    const lost = rejection(two!.acknowledge(), 'not-acknowledged');
    await within(acknowledged, 'acknowledged at the deadline');
    await lost;
    await rejection(one!.acknowledge(), 'not-acknowledged');
    assert.equal(bench.server.offsets(NAME).current, 1);
    assert.match(String(bench.calls('modifyAckDeadline')[0]?.body), /:1}/);
  });

  it('says that what was acknowledged comes again, and does not take it over and over without a pause', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(2));
    bench.server.inject({ call: 'acknowledge', times: 3, fault: { type: 'answer', status: 200, body: '{}' } });
    let pauses = 0;
    const random = (): number => {
      pauses += 1;
      return 0;
    };
    const subscriber = bench.subscriber({ random });
    const statuses = listen(subscriber);
    const reader = new Reader(subscriber);
    for (let round = 0; round < 4; round += 1) {
      const pair = await reader.take(2);
      if (round > 1) assert.ok(pauses >= round - 1, 'a pause after each that had come before');
      await Promise.all(pair.map((delivery) => within(delivery.acknowledge(), 'acknowledged')));
    }
    await until(() => warnings(statuses).length >= 3, 'the warnings');
    assert.deepEqual(warnings(statuses), ['acknowledgement-failed', 'acknowledgement-failed', 'acknowledgement-failed']);
    assert.equal(bench.server.offsets(NAME).current, 2);
  });

  it('finds out that an acknowledgement was counted whose answer was lost', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(2));
    const reader = new Reader(bench.subscriber());
    const deliveries = await reader.take(2);
    bench.server.inject({ call: 'acknowledge', times: 2, fault: { type: 'cut', when: 'after' } });
    await within(Promise.all(deliveries.map((delivery) => delivery.acknowledge())), 'acknowledged');
    assert.equal(bench.server.offsets(NAME).current, 2);
  });

  it('acknowledges again where the first attempt was not counted', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(2));
    const deliveries = await new Reader(bench.subscriber()).take(2);
    bench.server.inject({ call: 'acknowledge', times: 2, fault: { type: 'answer', status: 503 } });
    await within(Promise.all(deliveries.map((delivery) => delivery.acknowledge())), 'acknowledged');
    assert.deepEqual(ackedIds(bench), ['1', '1', '1']);
  });

  it('takes messages again soon where nothing is pending that could be acknowledged', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(2));
    const subscriber = bench.subscriber();
    const statuses = listen(subscriber);
    const reader = new Reader(subscriber);
    const deliveries = await reader.take(2);
    bench.server.inject({ call: 'acknowledge', times: 2, fault: { type: 'answer', status: 500 } });
    await Promise.all(deliveries.map((delivery) => rejection(delivery.acknowledge(), 'not-acknowledged')));
    assert.deepEqual(ackedIds(bench), ['1', '1']);
    const again = await reader.take(2);
    await within(Promise.all(again.map((delivery) => delivery.acknowledge())), 'acknowledged');
    assert.deepEqual(warnings(statuses), ['acknowledgement-failed']);
    assert.deepEqual(troubles(statuses), []);
  });

  for (const gone of ['gone', 'silent'] as const)
    it(`is away soon when the server is ${gone} before the acknowledgement`, async (t) => {
      const bench = await AmsBench.start(t);
      await bench.fill(messages(2));
      const subscriber = bench.subscriber({ requestTimeoutMs: 200 });
      const statuses = listen(subscriber);
      const deliveries = await new Reader(subscriber).take(2);
      if (gone === 'gone') await bench.server.close();
      else bench.server.inject({ times: Infinity, fault: { type: 'hang' } });
      const before = performance.now();
      await Promise.all(deliveries.map((delivery) => rejection(delivery.acknowledge(), 'not-acknowledged')));
      await until(() => !subscriber.connections()[0]!.connected, 'away');
      assert.ok(performance.now() - before < 10_000);
      await until(() => troubles(statuses).length > 0, 'said');
    });

  it('keeps to the default deadline where it may not set one', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(1));
    bench.server.inject({ call: 'modifyAckDeadline', fault: { type: 'answer', status: 403 } });
    const subscriber = bench.subscriber();
    const statuses = listen(subscriber);
    const [delivery] = await new Reader(subscriber).take(1);
    await within(delivery!.acknowledge(), 'acknowledged');
    assert.deepEqual(warnings(statuses), ['ack-deadline-unchanged']);
  });

  it('tells how many messages wait, and asks no more where that is not for it to know', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(7));
    const subscriber = bench.subscriber({ lagIntervalMs: 1 });
    const statuses = listen(subscriber);
    const reader = new Reader(subscriber);
    const deliveries = await reader.take(7);
    const lags = (): number[] => lagsOf(statuses);
    await until(() => lags().includes(7), 'the lag before');
    await within(Promise.all(deliveries.map((delivery) => delivery.acknowledge())), 'acknowledged');
    await until(() => lags().includes(0), 'the lag afterwards');
    bench.server.inject({ call: 'offsets', times: Infinity, fault: { type: 'answer', status: 403 } });
    await until(() => warnings(statuses).includes('lag-unknown'), 'refused');
    const asked = bench.calls('offsets').length;
    const pulls = bench.calls('pull').length;
    await until(() => bench.calls('pull').length > pulls + 3, 'further pulls');
    assert.equal(bench.calls('offsets').length, asked);
  });

  it('still acknowledges what is durable when it is suspended and then drained', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(5));
    const subscriber = bench.subscriber();
    const deliveries = await new Reader(subscriber).take(5);
    const acknowledged = deliveries.slice(0, 4).map((delivery) => delivery.acknowledge());
    subscriber.suspend('one takes too long');
    await within(subscriber.drain(never), 'drained');
    await within(Promise.all(acknowledged), 'acknowledged');
    await rejection(deliveries[4]!.acknowledge(), 'not-acknowledged');
    assert.equal(bench.server.offsets(NAME).current, 4);
  });

  it('tells how many wait while it is suspended, and until it is drained', async (t) => {
    const bench = await AmsBench.start(t);
    const subscriber = bench.subscriber({ lagIntervalMs: 20 });
    const statuses = listen(subscriber);
    const next = new Reader(subscriber).next();
    await until(() => lagsOf(statuses).length > 0, 'the lag');
    subscriber.suspend('full');
    await bench.fill(messages(9));
    await until(() => lagsOf(statuses).includes(9), 'the lag of now');
    await within(subscriber.drain(never), 'drained');
    const asked = bench.calls('offsets').length;
    assert.ok(await isPending(new Promise((resolve) => setTimeout(resolve, 100))));
    assert.equal(bench.calls('offsets').length, asked);
    assert.equal((await next).done, true);
  });

  it('asks an empty subscription ever less often', async (t) => {
    const bench = await AmsBench.start(t);
    const reader = new Reader(bench.subscriber({ pollIntervalMs: 60_000, random: () => 1 }));
    const next = reader.next();
    await until(() => bench.calls('pull').length === 1, 'a first pull');
    // The first pause is a sixteenth of the longest.
    assert.ok(await isPending(next));
    assert.equal(bench.calls('pull').length, 1);
    for (const { body } of bench.calls('pull'))
      assert.deepEqual(JSON.parse(body.toString()), { maxMessages: '20', returnImmediately: 'true' });
  });

  it('bounds a pull by its byte budget', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(1));
    await new Reader(bench.subscriber({ byteBudget: 3_500_000 })).take(1);
    assert.match(String(bench.calls('pull')[0]?.body), /"maxMessages":"3"/);
  });

  it('hands out what it cannot read for others to refuse, and goes on', async (t) => {
    const bench = await AmsBench.start(t);
    const body = JSON.stringify({
      receivedMessages: [
        received(0, { data: 'no base64!', attributes: { empaid: 'a' } }),
        received(1, { attributes: {} }),
        received(2, { data: 17, attributes: [] }),
        received(3, { data: 'Zm9v', attributes: { empaid: 'ssm.b64url.WsO8' } }),
      ],
    });
    bench.server.inject({ call: 'pull', fault: { type: 'answer', status: 200, body } });
    const deliveries = await new Reader(bench.subscriber({ missingId: 'none' })).take(4);
    assert.deepEqual(
      deliveries.map(({ empaId, body: bytes }) => [empaId, Buffer.from(bytes).toString()]),
      [
        ['a', 'no base64!'],
        ['none', ''],
        ['none', ''],
        ['Zü', 'foo'],
      ],
    );
  });

  for (const status of [408, 429, 500, 503])
    it(`pulls again after ${status}`, async (t) => {
      const bench = await AmsBench.start(t);
      await bench.fill(messages(1));
      bench.server.inject({ call: 'pull', times: 2, fault: { type: 'answer', status } });
      const subscriber = bench.subscriber();
      const statuses = listen(subscriber);
      const [delivery] = await new Reader(subscriber).take(1);
      await within(delivery!.acknowledge(), 'acknowledged');
      assert.deepEqual(troubles(statuses), ['broker-error', 'broker-error']);
    });

  for (const fault of [{ type: 'hang' }, { type: 'cut', when: 'within' }] as const)
    it(`asks for fewer after ${fault.type}, and is connected only when a pull was answered`, async (t) => {
      const bench = await AmsBench.start(t);
      await bench.fill(messages(3));
      bench.server.inject({ call: 'pull', times: 3, fault });
      const subscriber = bench.subscriber({ requestTimeoutMs: 300 });
      const statuses = listen(subscriber);
      const taken = new Reader(subscriber).take(2);
      await until(() => sizesOf(bench).length === 3, 'three pulls');
      assert.ok(!statuses.some(({ type }) => type === 'connected'));
      assert.deepEqual(subscriber.connections(), [{ broker: bench.broker, connected: false }]);
      await taken;
      assert.deepEqual(sizesOf(bench), [20, 10, 5, 2]);
      assert.equal(troubles(statuses).length, 3);
      assert.equal(statuses.filter(({ type }) => type === 'connected').length, 1);
    });

  it('takes all that is before a message that the server cannot deliver', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(8));
    // It fails every pull that it would be part of.
    const when = (): boolean => bench.server.offsets(NAME).current + (sizesOf(bench).at(-1) ?? 0) > 5;
    bench.server.inject({ call: 'pull', times: Infinity, when, fault: { type: 'answer', status: 500 } });
    const reader = new Reader(bench.subscriber());
    for (let taken = 0; taken < 5; taken += 1) {
      const [delivery] = await reader.take(1);
      await within(delivery!.acknowledge(), 'acknowledged');
    }
    assert.equal(bench.server.offsets(NAME).current, 5);
  });

  it('comes through where only so many requests are taken', async (t) => {
    const bench = await AmsBench.start(t);
    await bench.fill(messages(3));
    // After each request that is taken one that is not.
    const when = (): boolean => bench.requests.length % 2 === 0;
    bench.server.inject({ times: Infinity, when, fault: { type: 'answer', status: 429 } });
    const subscriber = bench.subscriber();
    const deliveries = await new Reader(subscriber).take(3);
    await within(Promise.all(deliveries.map((delivery) => delivery.acknowledge())), 'acknowledged');
    assert.equal(bench.server.offsets(NAME).current, 3);
    // Not before each attempt.
    assert.equal(bench.calls('modifyAckDeadline').length, 1);
  });

  it('tries ever less often while every pull fails', async (t) => {
    const bench = await AmsBench.start(t);
    bench.server.inject({ call: 'pull', times: 5, fault: { type: 'answer', status: 500 } });
    bench.server.inject({ call: 'pull', fault: { type: 'answer', status: 200, body: '{"receivedMessages":null}' } });
    const subscriber = bench.subscriber({ random: () => 1 });
    const statuses = listen(subscriber);
    const next = new Reader(subscriber).next();
    await until(() => bench.calls('pull').length >= 7, 'two good pulls');
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'disconnected' ? [status.retryInMs] : [])),
      [20, 40, 80, 160, 200],
    );
    assert.ok(await isPending(next));
  });

  it('says that a subscription does not exist', async (t) => {
    const bench = await AmsBench.start(t);
    const subscriber = bench.subscriber({ subscription: 'none' });
    const statuses = listen(subscriber);
    const next = new Reader(subscriber).next();
    await until(() => troubles(statuses).includes('resource-missing'), 'said');
    assert.deepEqual(subscriber.connections(), [{ broker: bench.broker, connected: false }]);
    await subscriber.drain(never);
    assert.equal((await next).done, true);
  });
});
