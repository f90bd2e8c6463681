import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPending, refusalOf, rejection, until, within } from '../helpers.js';
import { AmsBench, listen, message, messages, NAME, never, Reader, troubles } from './bench.js';

const publishesOf = (bench: AmsBench, text: string): number => bench.calls('publish').filter(({ body }) => body.includes(text)).length;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What is in the subscription, each once. */
async function stored(bench: AmsBench): Promise<Set<string | undefined>> {
  const { max } = bench.server.offsets(NAME);
  const reader = new Reader(bench.subscriber({ batch: 100 }));
  return new Set((await reader.take(max)).map(({ empaId }) => empaId));
}

describe('publishing to AMS', () => {
  it('goes in batches, and each message is confirmed', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher({ batch: 20 });
    const list = messages(45);
    const confirmations = await within(Promise.all(list.map((each) => publisher.publish(each, never))), 'published');
    assert.deepEqual(new Set(confirmations.map(({ broker }) => broker)), new Set([bench.broker]));
    // The first asks whether anything would be taken.
    assert.deepEqual(
      bench.calls('publish').map(({ body }) => (JSON.parse(body.toString()) as { messages: unknown[] }).messages.length),
      [0, 20, 20, 5],
    );
    assert.equal(bench.server.offsets(NAME).max, 45);
    assert.equal(publisher.inFlight, 0);
  });

  it('shows its token in a header and nowhere else', async (t) => {
    const bench = await AmsBench.start(t);
    await within(bench.publisher().publish(message('a'), never), 'published');
    for (const { url, headers, body } of bench.requests) {
      assert.equal(headers['x-api-key'], bench.server.token('site'));
      assert.doesNotMatch(`${url} ${body.toString()}`, new RegExp(`token|key|${bench.server.token('site')}`));
    }
  });

  for (const when of ['after', 'within', 'before'] as const)
    it(`sends again what was in a request whose connection ended ${when} the work`, async (t) => {
      const bench = await AmsBench.start(t);
      const publisher = bench.publisher();
      const statuses = listen(publisher);
      await until(() => publisher.connections().every(({ connected }) => connected), 'connected');
      // An old connection that ends without a word is tried once more. Whether the one of the look before is used again is up to Node.
      bench.server.inject({ call: 'publish', times: when === 'within' ? 1 : 2, fault: { type: 'cut', when } });
      const list = messages(5);
      await within(Promise.all(list.map((each) => publisher.publish(each, never))), 'published');
      assert.equal(statuses.filter(({ type }) => type === 'resent').length, 5);
      // Else the second cut meets the look that comes before anything is sent again.
      const lost = troubles(statuses);
      assert.ok(lost.length === 1 || (when !== 'within' && lost.length === 2), `${lost.length} lost`);
      assert.deepEqual([...new Set(lost)], ['connection-lost']);
      assert.equal((await stored(bench)).size, 5);
      if (when !== 'before') assert.ok(bench.server.offsets(NAME).max > 5, 'some are there twice, which receivers find');
    });

  it('loses nothing of a list that was taken in part', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher();
    await until(() => publisher.connections().every(({ connected }) => connected), 'connected');
    bench.server.inject({ call: 'publish', fault: { type: 'publish-some', count: 2 } });
    await within(Promise.all(messages(6).map((each) => publisher.publish(each, never))), 'published');
    assert.equal((await stored(bench)).size, 6);
    assert.equal(bench.server.offsets(NAME).max, 8);
  });

  for (const status of [400, 413])
    it(`refuses the one message that is answered ${status}, and charges no neighbour`, async (t) => {
      const bench = await AmsBench.start(t);
      const bad = base64('bad');
      bench.server.inject({
        call: 'publish',
        times: Infinity,
        when: (body) => body.includes(bad),
        fault: { type: 'answer', status, body: '{}' },
      });
      const publisher = bench.publisher();
      const statuses = listen(publisher);
      const good = messages(12).map((each) => publisher.publish(each, never));
      const refused = rejection(publisher.publish(message('bad'), never), 'message-refused');
      const after = publisher.publish(message('after'), never);
      assert.match(
        (await refused).message,
        new RegExp(`^${bench.broker}: this message of 3 bytes alone is refused, and a small one passes.* ${status}`),
      );
      await within(Promise.all([...good, after]), 'the neighbours');
      // In the batch, and three times alone.
      assert.equal(publishesOf(bench, bad), 4);
      assert.deepEqual(troubles(statuses), []);
      const names = await stored(bench);
      assert.ok(names.delete('ping'));
      assert.deepEqual(names, new Set([...messages(12).map(({ id }) => id), 'after']));
    });

  it('refuses nothing while the server refuses everything', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher();
    const statuses = listen(publisher);
    bench.server.inject({ call: 'publish', times: 8, when: (body) => body.includes('data'), fault: { type: 'answer', status: 400 } });
    await within(publisher.publish(message('a'), never), 'published');
    assert.ok(troubles(statuses).length >= 2);
    assert.ok((await stored(bench)).has('a'));
  });

  for (const status of [429, 500, 503])
    it(`charges nobody with ${status}, however often one message meets it`, async (t) => {
      const bench = await AmsBench.start(t);
      const when = (body: Buffer): boolean => body.includes(base64('unlucky'));
      bench.server.inject({ call: 'publish', times: 6, when, fault: { type: 'answer', status } });
      const publisher = bench.publisher();
      // It is put off in between, where that may be its fault.
      const published = async (): Promise<unknown> => await publisher.publish(message('unlucky'), never).catch(published);
      await within(published(), 'published');
      assert.equal(publishesOf(bench, base64('unlucky')), 7);
    });

  it('does not even send what is too large', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher({ serverLimitBytes: 2000, maximumMessageBytes: 5000 });
    await rejection(publisher.publish(message('a', 'x'.repeat(1500)), never), 'message-too-large');
    await rejection(publisher.publish(message('b', 'x'.repeat(5001)), never), 'message-too-large');
    await within(publisher.publish(message('c', 'x'.repeat(1000)), never), 'published');
    assert.equal(publishesOf(bench, 'data'), 1);
  });

  it('does not try for ever what the server crashes on', async (t) => {
    const bench = await AmsBench.start(t, { maximumMessageBytes: 800_000 });
    const publisher = bench.publisher({ serverLimitBytes: 10_000_000 });
    const good = publisher.publish(message('good'), never);
    let between = 0;
    await refusalOf(publisher, message('huge', 'x'.repeat(1_000_000)), () => message(`between ${++between}`), 11);
    await within(good, 'its neighbour');
  });

  for (const fault of [
    { type: 'answer', status: 502 },
    { type: 'answer', status: 403 },
    { type: 'cut', when: 'before' },
    { type: 'answer', status: 200, body: 'nonsense' },
  ] as const)
    it(`lets others pass a message that always meets ${JSON.stringify(fault)}, and refuses it in the end`, async (t) => {
      const bench = await AmsBench.start(t);
      bench.server.inject({ call: 'publish', times: Infinity, when: (body) => body.includes(base64('bad')), fault });
      const publisher = bench.publisher({ batch: 4, backoff: { initialMs: 1, maximumMs: 10 } });
      let between = 0;
      const refused = refusalOf(publisher, message('bad'), () => message(`between ${++between}`), 11);
      await within(Promise.all(messages(40).map((each) => publisher.publish(each, never))), 'the others');
      assert.match((await refused).at(-1)?.message ?? '', /this message of 3 bytes fails alone, and others pass/);
      const names = new Set([...(await stored(bench))].filter((name) => !/^ping$|^between/.test(name ?? '')));
      assert.deepEqual(names, new Set(messages(40).map(({ id }) => id)));
    });

  it('lets others pass a bad message also where too many requests are answered with 429', async (t) => {
    const bench = await AmsBench.start(t);
    bench.server.inject({
      call: 'publish',
      times: Infinity,
      when: (body) => body.includes(base64('bad')),
      fault: { type: 'answer', status: 500 },
    });
    const isLook = (body: Buffer): boolean => body.toString() === '{"messages":[]}' && bench.requests.length > 2;
    bench.server.inject({ call: 'publish', times: Infinity, when: isLook, fault: { type: 'answer', status: 429 } });
    const publisher = bench.publisher({ batch: 4, backoff: { initialMs: 1, maximumMs: 5 } });
    const bad = publisher.publish(message('bad'), never);
    const good = messages(6).map((each) => publisher.publish(each, never));
    await rejection(bad, 'broker-error');
    await within(Promise.all(good), 'the others');
  });

  it('charges nobody while the server takes nothing', async (t) => {
    const bench = await AmsBench.start(t);
    bench.server.inject({ call: 'publish', times: 60, when: (body) => body.includes('data'), fault: { type: 'answer', status: 503 } });
    const publisher = bench.publisher({ batch: 3, backoff: { initialMs: 1, maximumMs: 2 } });
    await within(Promise.all(messages(9).map((each) => publisher.publish(each, never))), 'published');
    const names = await stored(bench);
    names.delete('ping');
    assert.equal(names.size, 9);
  });

  it('comes through where only so many requests are taken, and keeps its batches', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher();
    const statuses = listen(publisher);
    await until(() => publisher.connections().every(({ connected }) => connected), 'connected');
    // After each request that is taken one that is not.
    bench.requests.length = 0;
    const when = (): boolean => bench.calls('publish').length % 2 === 1;
    bench.server.inject({ call: 'publish', times: Infinity, when, fault: { type: 'answer', status: 429 } });
    await within(Promise.all(messages(60).map((each) => publisher.publish(each, never))), 'published');
    assert.deepEqual(
      bench.calls('publish').map(({ body }) => (JSON.parse(body.toString()) as { messages: unknown[] }).messages.length),
      [20, 20, 20, 20, 20, 20],
    );
    assert.deepEqual(troubles(statuses), ['broker-error', 'broker-error', 'broker-error']);
  });

  it('waits as long as the server asks for, within reason', async (t) => {
    const bench = await AmsBench.start(t);
    const refuse = (seconds: string): void =>
      bench.server.inject({ call: 'publish', fault: { type: 'answer', status: 429, headers: { 'retry-after': seconds } } });
    for (const seconds of ['0', '999999', 'Fri, 31 Dec 2027 23:59:59 GMT', '-1']) refuse(seconds);
    const publisher = bench.publisher({ random: () => 0 });
    const statuses = listen(publisher);
    await within(publisher.publish(message('a'), never), 'published');
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'disconnected' ? [status.retryInMs] : [])),
      [0, 200, 0, 0],
    );
  });

  for (const status of [408, 429, 500, 502, 503, 504])
    it(`tries again after ${status}`, async (t) => {
      const bench = await AmsBench.start(t);
      const publisher = bench.publisher();
      const statuses = listen(publisher);
      bench.server.inject({ call: 'publish', times: 3, when: (body) => body.includes('data'), fault: { type: 'answer', status } });
      await within(Promise.all(messages(2).map((each) => publisher.publish(each, never))), 'published');
      assert.deepEqual(troubles(statuses), ['broker-error', 'broker-error', 'broker-error']);
      const names = await stored(bench);
      names.delete('ping');
      assert.equal(names.size, 2);
    });

  for (const [status, code] of [
    [401, 'unauthorised'],
    [403, 'unauthorised'],
    [404, 'resource-missing'],
    [409, 'resource-missing'],
    [302, 'protocol-error'],
  ] as const)
    it(`is away while the server answers ${status}, and keeps every message`, async (t) => {
      const bench = await AmsBench.start(t);
      const headers = { location: `https://${bench.broker}/v1/status` };
      bench.server.inject({ call: 'publish', times: 3, fault: { type: 'answer', status, headers } });
      const publisher = bench.publisher();
      const statuses = listen(publisher);
      await within(publisher.publish(message('a'), never), 'published');
      assert.deepEqual(troubles(statuses), [code, code, code]);
      assert.equal(bench.calls('status').length, 0);
    });

  it('takes an answer that does not name every message for none', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher();
    const statuses = listen(publisher);
    const short = { type: 'answer', status: 200, body: '{"messageIds":["0"]}' } as const;
    bench.server.inject({ call: 'publish', when: (body) => body.includes('m-1'), fault: short });
    await within(Promise.all(messages(2).map((each) => publisher.publish(each, never))), 'published');
    assert.deepEqual(troubles(statuses), ['protocol-error']);
    assert.equal(bench.server.offsets(NAME).max, 2);
  });

  it('tells of a request without an answer', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher({ requestTimeoutMs: 200 });
    const statuses = listen(publisher);
    await until(() => publisher.connections().every(({ connected }) => connected), 'connected');
    bench.server.inject({ call: 'publish', fault: { type: 'hang' } });
    await within(publisher.publish(message('a'), never), 'published');
    assert.deepEqual(troubles(statuses), ['receipt-timeout']);
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'receipt-timeout' ? [status.id] : [])),
      ['a'],
    );
  });

  it('is asked by a probe after a request without an answer, though nobody waits for that message any more', async (t) => {
    const bench = await AmsBench.start(t);
    const publisher = bench.publisher({ requestTimeoutMs: 200 });
    const statuses = listen(publisher);
    await until(() => publisher.connections().every(({ connected }) => connected), 'connected');
    bench.server.inject({ call: 'publish', fault: { type: 'hang' } });
    const controller = new AbortController();
    const published = rejection(publisher.publish(message('a'), controller.signal), 'aborted');
    await until(() => statuses.some(({ type }) => type === 'receipt-timeout'), 'the time-out');
    controller.abort();
    await published;
    await until(() => statuses.some(({ type }) => type === 'probe-confirmed'), 'a probe');
  });

  it('can be aborted, and drained', async (t) => {
    const bench = await AmsBench.start(t);
    bench.server.inject({ call: 'publish', times: Infinity, fault: { type: 'answer', status: 503 } });
    const publisher = bench.publisher();
    const controller = new AbortController();
    const published = publisher.publish(message('a'), controller.signal);
    const other = publisher.publish(message('b'), never);
    assert.ok(await isPending(published));
    controller.abort();
    await rejection(published, 'aborted');
    await rejection(publisher.publish(message('c'), controller.signal), 'aborted');
    assert.equal(publisher.inFlight, 1);
    const closed = rejection(other, 'closed');
    await within(publisher.drain(AbortSignal.timeout(50)), 'drained');
    await closed;
    await rejection(publisher.publish(message('d'), never), 'closed');
  });
});
