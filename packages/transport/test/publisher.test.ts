import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Deferred } from '../src/deferred.js';
import { createStompPublisher, type OutgoingMessage, type Publisher, type Status, type StompOptions } from '../src/index.js';
import { isPending, refusalOf, rejection, until, within } from './helpers.js';
import { type Peer, type ReceivedFrame, type Script, ScriptedBroker } from './scripted-broker.js';

const never = new AbortController().signal;

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

async function broker(script: Script): Promise<ScriptedBroker> {
  const started = await ScriptedBroker.start(script);
  cleanUp.push(() => started.stop());
  return started;
}

function publisher(brokers: readonly ScriptedBroker[], options: Partial<StompOptions> = {}): Publisher {
  const created = createStompPublisher({
    brokers: brokers.map(({ address }) => address),
    destination: '/queue/test',
    heartbeatMs: 0,
    backoff: { initialMs: 20, maximumMs: 100 },
    ...options,
  });
  cleanUp.push(() => created.drain(AbortSignal.abort()));
  return created;
}

/** Everything that the publisher says of itself from now on. */
function listen(endpoint: Publisher): Status[] {
  const statuses: Status[] = [];
  const read = async (): Promise<void> => {
    for await (const status of endpoint.status()) statuses.push(status);
  };
  const reading = read();
  cleanUp.unshift(() => reading);
  return statuses;
}

const message = (id: string, text = id): OutgoingMessage => ({ id, body: Buffer.from(text) });

/** Confirms everything, and keeps what it confirmed. */
const confirmAll =
  (received: ReceivedFrame[]) =>
  async (peer: Peer): Promise<void> => {
    await peer.accept();
    for (;;) received.push(await peer.confirm());
  };

/** As a broker that refuses one message: it ends the connection when that comes. */
const refuse =
  (badId: string, received: string[], end: (peer: Peer, frame: ReceivedFrame) => void) =>
  async (peer: Peer): Promise<void> => {
    await peer.accept();
    for (;;) {
      const frame = await peer.frame();
      const { 'empa-id': id = '' } = frame.headers;
      received.push(id);
      if (id === badId) return end(peer, frame);
      peer.receipt(frame);
    }
  };

describe('publish', () => {
  it('sends a durable message, and resolves on its receipt', async () => {
    const received: ReceivedFrame[] = [];
    const confirm = new Deferred<() => void>();
    const to = await broker(async (peer) => {
      await peer.accept();
      const frame = await peer.frame();
      received.push(frame);
      confirm.resolve(() => peer.receipt(frame));
    });
    const published = publisher([to], { extraHeaders: { 'destination-type': 'ANYCAST' } }).publish(message('4f/5', 'a\0b'), never);
    await until(() => received.length === 1, 'the message');
    assert.ok(await isPending(published));
    (await confirm.promise)();
    assert.deepEqual(await within(published, 'the receipt'), { broker: to.name });
    assert.equal(received[0]?.command, 'SEND');
    assert.equal(String(received[0]?.body), 'a\0b');
    const { receipt, ...headers } = received[0]?.headers ?? {};
    // Whoever reads one cannot guess those of another connection.
    assert.match(String(receipt), /^[\da-f]{12}-1$/);
    assert.deepEqual(headers, {
      destination: '/queue/test',
      'destination-type': 'ANYCAST',
      persistent: 'true',
      'content-length': '3',
      'empa-id': '4f/5',
    });
  });

  it('lets wait what has no place in the window', async () => {
    const received: ReceivedFrame[] = [];
    const looked = new Deferred<void>();
    const to = await broker(async (peer) => {
      await peer.accept();
      received.push(await peer.frame(), await peer.frame());
      await looked.promise;
      for (const frame of received) peer.receipt(frame);
      received.push(await peer.confirm());
    });
    const endpoint = publisher([to], { window: 2 });
    const published = ['1', '2', '3'].map((id) => endpoint.publish(message(id), never));
    await until(() => received.length === 2, 'two messages');
    assert.ok(await isPending(published[2]!));
    assert.equal(received.length, 2);
    assert.equal(endpoint.inFlight, 3);
    looked.resolve();
    await within(Promise.all(published), 'all receipts');
    assert.equal(endpoint.inFlight, 0);
  });

  it('keeps many in flight', async () => {
    const received: ReceivedFrame[] = [];
    const endpoint = publisher([await broker(confirmAll(received))]);
    await within(Promise.all(Array.from({ length: 1000 }, (_, index) => endpoint.publish(message(String(index)), never))), 'all');
    assert.equal(new Set(received.map(({ headers }) => headers['empa-id'])).size, 1000);
  });

  it('waits for a broker that is away, until its signal aborts', async () => {
    const endpoint = createStompPublisher({ brokers: [{ host: '127.0.0.1', port: 1 }], destination: '/queue/test' });
    const controller = new AbortController();
    const published = endpoint.publish(message('1'), controller.signal);
    assert.ok(await isPending(published));
    controller.abort();
    await rejection(published, 'aborted');
    await rejection(endpoint.publish(message('2'), controller.signal), 'aborted');
    assert.equal(endpoint.inFlight, 0);
    await endpoint.drain(never);
  });

  it('does not send again what was aborted in flight', async () => {
    const received: string[] = [];
    const to = await broker(async (peer, number) => {
      await peer.accept();
      if (number === 1) {
        received.push((await peer.frame()).headers['empa-id'] ?? '', (await peer.frame()).headers['empa-id'] ?? '');
        return;
      }
      for (;;) received.push((await peer.confirm()).headers['empa-id'] ?? '');
    });
    const endpoint = publisher([to]);
    const controller = new AbortController();
    const aborted = endpoint.publish(message('1'), controller.signal);
    const kept = endpoint.publish(message('2'), never);
    await until(() => received.length === 2, 'both messages');
    controller.abort();
    await rejection(aborted, 'aborted');
    to.cut();
    await within(kept, 'the other one');
    assert.deepEqual(received, ['1', '2', '2']);
  });

  it('refuses what no broker could take', async () => {
    const endpoint = publisher([await broker((peer) => peer.accept())], { maximumMessageBytes: 3 });
    await rejection(endpoint.publish(message('a\0b', ''), never), 'message-refused');
    await rejection(endpoint.publish(message('1', 'four'), never), 'message-too-large');
  });

  it('escapes what can be escaped in an id, and refuses what this broker cannot be told', async () => {
    const received: ReceivedFrame[] = [];
    const old = await broker(async (peer) => {
      await peer.accept({ version: '1.1' });
      for (;;) received.push(await peer.confirm());
    });
    const endpoint = publisher([old]);
    await rejection(endpoint.publish(message('a\rb'), never), 'message-refused');
    await within(endpoint.publish(message('a:b\nreceipt:x'), never), 'the receipt');
    assert.equal(received[0]?.headers['empa-id'], 'a\\cb\\nreceipt\\cx');
  });
});

describe('a lost connection', () => {
  it('is made again, and what was in flight goes first, one at a time, with the same id', async () => {
    const received: string[][] = [[], []];
    let together = 0;
    const to = await broker(async (peer, number) => {
      await peer.accept();
      const ids = received[number - 1]!;
      for (;;) {
        const frame = await peer.frame();
        ids.push(frame.headers['empa-id'] ?? '');
        if (number === 2) {
          // Nothing else may come before this one is confirmed.
          const before = peer.chunks.length;
          await new Promise((resolve) => setTimeout(resolve, 10));
          if (ids.length <= 3) together += peer.chunks.length - before;
          peer.receipt(frame);
        } else if (ids.length === 3) peer.socket.resetAndDestroy();
      }
    });
    const endpoint = publisher([to], { window: 3 });
    const statuses = listen(endpoint);
    await within(Promise.all(['1', '2', '3', '4', '5'].map((id) => endpoint.publish(message(id), never))), 'all');
    assert.deepEqual(received, [
      ['1', '2', '3'],
      ['1', '2', '3', '4', '5'],
    ]);
    assert.equal(together, 0);
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'resent' ? [status.id] : [])),
      ['1', '2', '3'],
    );
  });

  it('is answered by the next broker of the list, and the list begins anew behind its end', async () => {
    const received: ReceivedFrame[] = [];
    let servedBy = 0;
    const first = await broker(async (peer, number) => {
      servedBy = 1;
      if (number === 2) return confirmAll(received)(peer);
      await peer.accept();
      await peer.frame();
      peer.socket.destroy();
    });
    const second = await broker((peer) => {
      servedBy = 2;
      peer.socket.destroy();
    });
    const endpoint = publisher([first, second]);
    const statuses = listen(endpoint);
    assert.deepEqual(await within(endpoint.publish(message('1'), never), 'the receipt'), { broker: first.name });
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'connecting' ? [status.broker] : [])),
      [first.name, second.name, first.name],
    );
    assert.equal(servedBy, 1);
    assert.deepEqual(endpoint.connections(), [
      { broker: first.name, connected: true },
      { broker: second.name, connected: false },
    ]);
  });

  it('is what a missing receipt ends in', async () => {
    const received: string[] = [];
    const to = await broker(async (peer, number) => {
      await peer.accept();
      for (;;) {
        const frame = await peer.frame();
        received.push(frame.headers['empa-id'] ?? '');
        if (number > 1 || received.length !== 1) peer.receipt(frame);
      }
    });
    const endpoint = publisher([to], { receiptTimeoutMs: 60 });
    const statuses = listen(endpoint);
    await within(Promise.all([endpoint.publish(message('1'), never), endpoint.publish(message('2'), never)]), 'both');
    // Alone on the connection that ended: a probe goes before it.
    assert.deepEqual(received, ['1', '2', 'ping', '1']);
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'receipt-timeout' ? [status.id] : [])),
      ['1'],
    );
    assert.deepEqual(
      statuses.flatMap(({ type }) => (type === 'receipt-timeout' || type === 'probe-confirmed' ? [type] : [])),
      ['receipt-timeout', 'probe-confirmed'],
    );
  });

  it('is followed by a probe after a missing receipt, though nobody waits for that message any more', async () => {
    const received: string[] = [];
    const to = await broker(async (peer, number) => {
      await peer.accept();
      for (;;) {
        const frame = await peer.frame();
        received.push(frame.headers['empa-id'] ?? '');
        if (number > 2) peer.receipt(frame);
      }
    });
    const endpoint = publisher([to], { receiptTimeoutMs: 60 });
    const statuses = listen(endpoint);
    const controller = new AbortController();
    const published = rejection(endpoint.publish(message('1'), controller.signal), 'aborted');
    await until(() => statuses.some(({ type }) => type === 'receipt-timeout'), 'the time-out');
    controller.abort();
    await published;
    await until(() => statuses.some(({ type }) => type === 'probe-confirmed'), 'a probe');
    await within(endpoint.publish(message('2'), never), 'another');
    assert.deepEqual(received, ['1', 'ping', 'ping', '2']);
  });

  it('is tried again with growing, random pauses, which begin anew after a success', async () => {
    const to = await broker(async (peer, number) => {
      if (number <= 3 || number === 5) return peer.socket.destroy();
      await peer.accept();
      await peer.confirm();
      return undefined;
    });
    const endpoint = publisher([to], { backoff: { initialMs: 16, maximumMs: 40 }, random: () => 0.5 });
    const statuses = listen(endpoint);
    await within(endpoint.publish(message('1'), never), 'the first');
    to.cut();
    await until(() => endpoint.connections()[0]?.connected === false, 'the end');
    await within(endpoint.publish(message('2'), never), 'the second');
    assert.deepEqual(
      statuses.flatMap((status) => (status.type === 'disconnected' ? [status.retryInMs] : [])).slice(0, 5),
      [8, 16, 20, 8, 16],
    );
  });

  it('is tried again with pauses that grow with each round of the list, so that the last of many brokers is soon reached', async () => {
    const away = await Promise.all([1, 2, 3].map(() => broker((peer) => peer.socket.destroy())));
    const statuses = listen(publisher(away, { backoff: { initialMs: 10, maximumMs: 40 }, random: () => 1 }));
    const pauses = (): number[] => statuses.flatMap((status) => (status.type === 'disconnected' ? (status.retryInMs ?? []) : []));
    await until(() => pauses().length >= 10, 'ten lost connections');
    assert.deepEqual(pauses().slice(0, 10), [10, 10, 10, 20, 20, 20, 40, 40, 40, 40]);
  });

  it('is tried again at once after a connection that lasted, though nothing was sent over it', async () => {
    const to = await broker(async (peer, number) => {
      if (number % 2 === 1) return peer.socket.destroy();
      await peer.accept();
      await new Promise((resolve) => setTimeout(resolve, 60));
      return peer.socket.destroy();
    });
    const statuses = listen(publisher([to], { backoff: { initialMs: 10, maximumMs: 40 }, random: () => 1 }));
    const pauses = (): number[] => statuses.flatMap((status) => (status.type === 'disconnected' ? (status.retryInMs ?? []) : []));
    await until(() => pauses().length >= 6, 'six lost connections');
    assert.deepEqual(pauses().slice(0, 6), [10, 10, 20, 10, 20, 10]);
  });
});

describe('a message that the broker refuses', () => {
  type End = (peer: Peer, frame: ReceivedFrame) => void;
  for (const [how, [code, end]] of Object.entries<[string, End]>({
    'closes the connection': ['connection-lost', (peer) => peer.socket.destroy()],
    'says ERROR and names its receipt': [
      'broker-error',
      (peer, { headers: { receipt = '' } }) => {
        peer.write('ERROR', { message: 'too big', 'receipt-id': receipt });
        peer.socket.end();
      },
    ],
    'never answers': ['receipt-timeout', () => undefined],
  }))
    it(`is found out where the broker ${how}; its neighbours are not charged`, async () => {
      const received: string[] = [];
      const to = await broker(refuse('bad', received, end));
      const endpoint = publisher([to], { receiptTimeoutMs: 100, window: 4 });
      const published = ['1', '2'].map((id) => endpoint.publish(message(id), never));
      const refused = refusalOf(endpoint, message('bad'), () => message('between'));
      published.push(...['3', '4', '5'].map((id) => endpoint.publish(message(id), never)));
      const [, [first, last]] = await within(Promise.all([Promise.all(published), refused]), 'all');
      assert.equal(first?.code, code);
      assert.match(last?.message ?? '', new RegExp(`${to.name}.* 3 bytes`));
      assert.ok(last?.cause instanceof Error);
      // With others, twice alone, and three or four times more, with others in between.
      const times = received.filter((id) => id === 'bad').length;
      assert.ok(times === 5 || times === 6, `${times} times`);
      assert.deepEqual(received.slice(received.lastIndexOf('bad'), received.lastIndexOf('bad') + 2), ['bad', 'ping']);
    });

  it('is judged with a probe that receivers ignore and that is stored like any message', async () => {
    const probes: ReceivedFrame[] = [];
    const to = await broker(async (peer) => {
      await peer.accept();
      const frame = await peer.frame();
      if (frame.headers['empa-id'] !== 'ping') return peer.socket.destroy();
      probes.push(frame);
      peer.receipt(frame);
      await peer.frame();
      return peer.socket.destroy();
    });
    await rejection(publisher([to]).publish(message('bad'), never), 'connection-lost');
    assert.equal(probes.length, 2);
    const { receipt, ...headers } = probes[0]!.headers;
    assert.ok(receipt);
    assert.deepEqual(headers, { destination: '/queue/test', persistent: 'true', 'content-length': '0', 'empa-id': 'ping' });
  });

  it('is not found where the broker fails with a probe as well', async () => {
    let broken = true;
    const to = await broker(async (peer) => {
      await peer.accept();
      for (;;) {
        const frame = await peer.frame();
        if (broken) return peer.socket.destroy();
        peer.receipt(frame);
      }
    });
    const published = publisher([to], { backoff: { initialMs: 1, maximumMs: 1 } }).publish(message('1'), never);
    await until(() => to.connections > 8, 'many attempts');
    broken = false;
    await within(published, 'the message');
  });

  it('is not one that was alone whenever the broker went away', async () => {
    let ends = 0;
    const to = await broker(async (peer) => {
      // Away for a moment after each end.
      if (to.connections % 2 === 0) return peer.socket.destroy();
      await peer.accept();
      for (;;) {
        const frame = await peer.frame();
        if (frame.headers['empa-id'] !== 'ping' && ends < 4) {
          ends += 1;
          return peer.socket.destroy();
        }
        peer.receipt(frame);
      }
    });
    await within(publisher([to], { backoff: { initialMs: 1, maximumMs: 1 } }).publish(message('1'), never), 'the message');
    assert.equal(ends, 4);
  });

  it('is none to which a broker talks nonsense', async () => {
    const received: string[] = [];
    const to = await broker(async (peer, number) => {
      await peer.accept();
      const frame = await peer.frame();
      received.push(frame.headers['empa-id'] ?? '');
      if (number > 4) peer.receipt(frame);
      else peer.socket.write('NONSENSE\n\n\0');
    });
    await within(publisher([to]).publish(message('1'), never), 'the message');
    assert.deepEqual(received, ['1', '1', '1', '1', '1']);
  });

  it('passes on a broker that takes it', async () => {
    const received: string[] = [];
    const strict = await broker(refuse('big', [], (peer) => peer.socket.destroy()));
    const generous = await broker(refuse('', received, () => undefined));
    const { broker: name } = await within(publisher([strict, generous]).publish(message('big'), never), 'the message');
    assert.equal(name, generous.name);
    assert.deepEqual(received, ['big']);
  });

  it('is put off and not refused while others are not taken either, though a probe is: a queue may be full', async () => {
    const received: string[] = [];
    let isFull = true;
    const to = await broker(async (peer) => {
      await peer.accept();
      for (;;) {
        const frame = await peer.frame();
        if (isFull && frame.body.length > 0) return peer.socket.destroy();
        if (frame.body.length > 0) received.push(frame.headers['empa-id'] ?? '');
        peer.receipt(frame);
      }
    });
    const endpoint = publisher([to]);
    const ids = ['1', '2', '3'];
    for (let round = 0; round < 4; round += 1)
      await Promise.all(ids.map((id) => rejection(endpoint.publish(message(id), never), 'connection-lost')));
    isFull = false;
    await within(Promise.all(ids.map((id) => endpoint.publish(message(id), never))), 'all');
    assert.deepEqual(received, ids);
  });

  it('is none that was on its way whenever one of several brokers went down', async () => {
    const received: string[] = [];
    let downs = 0;
    const dying = await Promise.all(
      [1, 2, 3].map(() =>
        broker(async (peer, number) => {
          // Down with the message in flight, away at the next attempt, and then back.
          if (number === 2) return peer.socket.destroy();
          await peer.accept();
          for (;;) {
            const frame = await peer.frame();
            if (number === 1) {
              downs += 1;
              return peer.socket.destroy();
            }
            received.push(frame.headers['empa-id'] ?? '');
            peer.receipt(frame);
          }
        }),
      ),
    );
    await within(publisher(dying).publish(message('1'), never), 'the message');
    assert.equal(downs, 3);
    assert.deepEqual(received, ['1']);
  });
});

describe('drain', () => {
  it('waits for what is in flight, then disconnects', async () => {
    const commands: string[] = [];
    const to = await broker(async (peer) => {
      await peer.accept();
      const frame = await peer.frame();
      await new Promise((resolve) => setTimeout(resolve, 30));
      peer.receipt(frame);
      commands.push(frame.command, (await peer.confirm()).command);
    });
    const endpoint = publisher([to]);
    const statuses = endpoint.status();
    const published = endpoint.publish(message('1'), never);
    await until(() => endpoint.connections()[0]?.connected === true, 'connected');
    const draining = endpoint.drain(never);
    await rejection(endpoint.publish(message('2'), never), 'closed');
    await within(Promise.all([draining, endpoint.drain(never), published]), 'drained');
    assert.deepEqual(commands, ['SEND', 'DISCONNECT']);
    let last: Status | undefined;
    for await (const status of statuses) last = status;
    assert.deepEqual(last, { type: 'disconnected', broker: to.name, error: undefined, retryInMs: undefined });
    assert.equal(endpoint.connections()[0]?.connected, false);
  });

  it('also sends what had no place yet, and what has to be sent again', async () => {
    const received: string[] = [];
    const to = await broker(async (peer, number) => {
      await peer.accept();
      if (number === 1) {
        await peer.frame();
        return peer.socket.destroy();
      }
      for (;;) received.push((await peer.confirm()).headers['empa-id'] ?? 'DISCONNECT');
    });
    const endpoint = publisher([to], { window: 1 });
    const published = ['1', '2'].map((id) => endpoint.publish(message(id), never));
    await within(endpoint.drain(never), 'drained');
    await Promise.all(published);
    assert.deepEqual(
      received.filter((id) => id !== 'ping'),
      ['1', '2', 'DISCONNECT'],
    );
  });

  it('gives up at its signal: in flight, waiting, and without a broker', async () => {
    const to = await broker((peer) => peer.accept());
    const endpoint = publisher([to], { window: 1 });
    const published = ['1', '2'].map((id) => endpoint.publish(message(id), never));
    const rejections = Promise.all(published.map((each) => rejection(each, 'closed')));
    await until(() => endpoint.connections()[0]?.connected === true, 'connected');
    await within(endpoint.drain(AbortSignal.timeout(30)), 'drained');
    await rejections;

    const away = createStompPublisher({ brokers: [{ host: '127.0.0.1', port: 1 }], destination: '/queue/test' });
    const waiting = rejection(away.publish(message('1'), never), 'closed');
    await within(away.drain(AbortSignal.timeout(30)), 'drained');
    await waiting;
  });

  it('does not wait for a DISCONNECT that is never receipted', async () => {
    const endpoint = publisher([await broker((peer) => peer.accept())]);
    await until(() => endpoint.connections()[0]?.connected === true, 'connected');
    await within(endpoint.drain(AbortSignal.timeout(30)), 'drained');
  });

  it('ends connecting', async () => {
    const endpoint = publisher([await broker(() => undefined)]);
    await within(endpoint.drain(never), 'drained');
  });
});

describe('a broker that says how much it takes', () => {
  it('loses one connection to messages that are larger, and none to the others', async () => {
    const received: string[] = [];
    const to = await broker(async (peer) => {
      await peer.accept();
      for (;;) {
        const frame = await peer.frame();
        received.push(String(frame.headers['empa-id']));
        if (frame.body.length <= 16) peer.receipt(frame);
        else {
          peer.write(
            'ERROR',
            { message: 'precondition_failed' },
            `message size ${frame.body.length} is larger than configured max size 16`,
          );
          peer.socket.end();
        }
      }
    });
    const endpoint = publisher([to], { window: 1 });
    const large = ['1', '2'].map((id) => endpoint.publish(message(id, 'x'.repeat(17)), never));
    const small = endpoint.publish(message('3'), never);
    const errors = await Promise.all(large.map((each) => rejection(each, 'message-refused')));
    for (const error of errors) assert.match(error.message, new RegExp(`^${to.name}: .* 16 bytes at most.* 17 bytes$`));
    await within(small, 'the small one');
    assert.equal(to.connections, 2);
    assert.deepEqual(received, ['1', 'ping', '3']);
  });
});

describe('status', () => {
  it('tells what the broker said, and warns of what is missing', async () => {
    const to = await broker((peer) => peer.accept({ server: 'Some/1' }));
    const endpoint = publisher([to], { heartbeatMs: 1000, login: 'a', passcode: 'b' });
    const statuses = listen(endpoint);
    await until(() => statuses.length === 4, 'four statuses');
    assert.deepEqual(
      statuses.map((status) => (status.type === 'warning' ? status.code : status.type)),
      ['connecting', 'connected', 'heartbeat-off', 'passcode-in-clear'],
    );
    assert.deepEqual(statuses[1], {
      type: 'connected',
      broker: to.name,
      server: 'Some/1',
      version: '1.2',
      heartbeatMs: { outgoing: 0, incoming: 0 },
    });
  });

  it('says once of a broker what is so at every connection', async () => {
    const to = await broker((peer) => peer.accept({ server: 'RabbitMQ/4.0.5' }));
    const endpoint = publisher([to], { heartbeatMs: 1000 });
    const statuses = listen(endpoint);
    const count = (type: string): number =>
      statuses.filter((status) => (status.type === 'warning' ? status.code : status.type) === type).length;
    for (let connections = 1; connections <= 3; connections += 1) {
      await until(() => count('connected') === connections, 'connected');
      to.cut();
    }
    assert.deepEqual([count('heartbeat-off'), count('redelivery-limit')], [1, 1]);
  });

  for (const [server, destination, warns] of [
    ['RabbitMQ/4.1', '/queue/a', false],
    ['RabbitMQ/4.1', '/amq/queue/a', true],
    ['ActiveMQ/5.17', '/queue/a', false],
    ['ActiveMQ/5.17', '/topic/a', true],
    ['', 'accounting', false],
  ] as const)
    it(`${warns ? 'warns' : 'does not warn'} of messages that are dropped: ${destination} on ${server || 'another broker'}`, async () => {
      const endpoint = publisher([await broker((peer) => peer.accept({ server }))], { destination });
      const statuses = listen(endpoint);
      await until(() => statuses.some(({ type }) => type === 'connected'), 'connected');
      assert.equal(
        statuses.some((status) => status.type === 'warning' && status.code === 'destination-may-drop'),
        warns,
      );
    });
});
