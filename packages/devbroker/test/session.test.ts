import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '@ssm/test-support';
import { dial, login, start, subscribe } from './raw-client.js';

const QUEUE = '/queue/q';

describe('CONNECT', () => {
  it('answers with the highest version that both know', async (t) => {
    const broker = await start(t, { server: 'Some/1.0' });
    for (const [offered, version] of [
      ['1.2', '1.2'],
      ['1.0,1.1', '1.1'],
      ['1.1, 1.2 ,2.0', '1.2'],
      ['1.0', '1.0'],
    ]) {
      const client = await dial(t, broker);
      client.write(`STOMP\naccept-version:${offered}\nhost:/\n\n\0`);
      const { command, headers } = await client.next();
      assert.equal(command, 'CONNECTED');
      assert.deepEqual([headers.get('version'), headers.get('server'), headers.get('heart-beat')], [version, 'Some/1.0', '10000,10000']);
    }
    const old = await dial(t, broker);
    old.write('CONNECT\n\n\0');
    assert.equal((await old.next()).headers.get('version'), '1.0');
    assert.equal(broker.counters.connects, 5);
    assert.deepEqual(
      broker.connections().map(({ version }) => version),
      ['1.2', '1.1', '1.2', '1.0', '1.0'],
    );
  });

  it('refuses other versions, wrong logins, other first frames, and closes', async (t) => {
    const broker = await start(t, { login: 'me', passcode: 'a:b\\c' });
    const wrong = [
      'CONNECT\naccept-version:9.9\n\n\0',
      'CONNECT\naccept-version:1.2\n\n\0',
      'CONNECT\naccept-version:1.2\nlogin:me\npasscode:x\n\n\0',
      'CONNECT\naccept-version:1.2\nheart-beat:x\nlogin:me\npasscode:a:b\\c\n\n\0',
      'SEND\ndestination:/queue/q\n\n\0',
    ];
    for (const text of wrong) {
      const client = await dial(t, broker);
      client.write(text);
      assert.equal((await client.next()).command, 'ERROR');
      await eventually(() => assert.equal(client.closed, true));
      assert.equal(client.error, undefined);
    }
    const right = await dial(t, broker);
    right.write('CONNECT\naccept-version:1.2\nlogin:me\npasscode:a:b\\c\n\n\0');
    assert.equal((await right.next()).command, 'CONNECTED');
    assert.equal(broker.queueDepth(QUEUE), 0);
    assert.equal(broker.counters.errors, wrong.length);
  });
});

describe('SEND and MESSAGE', () => {
  it('carry headers and any bytes, whatever the versions', async (t) => {
    const broker = await start(t);
    const body = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
    const sender = await login(t, broker, '1.2');
    sender.write(`SEND\r\ndestination:${QUEUE}\r\nempa-id:a\\cb\\n\\\\\\r\r\nreceipt:r1\r\ncontent-length:1024\r\n\r\n`, body, '\0\r\n');
    assert.deepEqual([...(await sender.next()).headers], [['receipt-id', 'r1']]);
    const [stored] = broker.messages(QUEUE);
    assert.equal(stored?.headers.get('empa-id'), 'a:b\n\\\r');
    assert.deepEqual([...(stored?.headers.keys() ?? [])], ['empa-id']);
    const expected = { '1.2': 'empa-id:a\\cb\\n\\\\\\r', '1.1': 'empa-id:a\\cb\\n\\\\\r', '1.0': 'empa-id:a:b \\ ' };
    for (const [version, line] of Object.entries(expected)) {
      const receiver = await login(t, broker, version);
      receiver.write(subscribe('client-individual'));
      const message = await receiver.next();
      assert.equal(message.command, 'MESSAGE');
      assert.equal(message.lines.includes(line), true, version);
      assert.equal(message.body.equals(body), true);
      assert.deepEqual([message.headers.get('subscription'), message.headers.get('destination')], ['s', QUEUE]);
      assert.equal(message.headers.get('ack') !== undefined, version === '1.2');
      receiver.socket.destroy();
      await eventually(() => assert.equal(broker.messages(QUEUE)[0]?.state, 'waiting'));
    }
  });

  it('keep the order, and give each message to one consumer only', async (t) => {
    const broker = await start(t);
    const [one, two] = [await login(t, broker), await login(t, broker)];
    for (const client of [one, two]) client.write(subscribe('auto', 'receipt:r\n'));
    await Promise.all([one.next(), two.next()]);
    const sender = await login(t, broker);
    sender.write(Array.from({ length: 100 }, (_, index) => `SEND\ndestination:${QUEUE}\n\n${index}\0`).join(''));
    await eventually(() => assert.equal(one.frames.length + two.frames.length, 104));
    const numbers = [one, two].map((client) => client.frames.slice(2).map((frame) => Number(frame.body.toString())));
    for (const list of numbers)
      assert.deepEqual(
        list,
        list.toSorted((a, b) => a - b),
      );
    assert.deepEqual(
      numbers.flat().toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, index) => index),
    );
    assert.equal(numbers[0]?.length, 50);
    assert.equal(broker.queueDepth(QUEUE), 0);
  });

  it('end with ERROR when the broker is full or the body too large', async (t) => {
    const broker = await start(t, { maxQueuedBytes: 10_000, maxFrameSize: 8000 });
    const client = await login(t, broker);
    client.write(
      `SEND\ndestination:${QUEUE}\nreceipt:1\n\n${'x'.repeat(8000)}\0`,
      `SEND\ndestination:${QUEUE}\nreceipt:2\n\n${'x'.repeat(3000)}\0`,
    );
    assert.equal((await client.next()).headers.get('receipt-id'), '1');
    const full = await client.next();
    assert.deepEqual([full.command, full.headers.get('receipt-id')], ['ERROR', '2']);
    assert.equal(broker.consume(QUEUE)?.body.length, 8000);
    const next = await login(t, broker);
    next.write(`SEND\ndestination:${QUEUE}\nreceipt:3\n\n${'x'.repeat(3000)}\0`);
    assert.equal((await next.next()).command, 'RECEIPT');
    next.write(`SEND\ndestination:${QUEUE}\ncontent-length:8001\n\n`);
    assert.equal((await next.next()).command, 'ERROR');
    assert.equal(broker.queueDepth(QUEUE), 1);
  });

  it('carry a body of 20 MB', async (t) => {
    const broker = await start(t);
    const body = Buffer.alloc(20 * 1024 * 1024, 'abc\0');
    const client = await login(t, broker);
    client.write(`SEND\ndestination:${QUEUE}\nreceipt:r\ncontent-length:${body.length}\n\n`, body, '\0');
    assert.equal((await client.next()).command, 'RECEIPT');
    const stored = broker.consume(QUEUE);
    assert.equal(stored?.body.equals(body), true);
  });
});

describe('ACK and NACK', () => {
  it('client-individual: settle exactly the one that is named', async (t) => {
    const broker = await start(t);
    for (const body of ['a', 'b', 'c']) broker.publish(QUEUE, {}, body);
    const client = await login(t, broker);
    client.write(subscribe('client-individual'));
    const messages = await client.take(3);
    client.write(`ACK\nid:${messages[1]?.headers.get('ack')}\nreceipt:r\n\n\0`);
    assert.equal((await client.next()).command, 'RECEIPT');
    assert.deepEqual(
      broker.messages(QUEUE).map(({ body, state }) => [body.toString(), state]),
      [
        ['a', 'delivered'],
        ['c', 'delivered'],
      ],
    );
    client.write(`ACK\nid:${messages[1]?.headers.get('ack')}\n\n\0`);
    assert.equal((await client.next()).command, 'ERROR');
    await eventually(() => assert.equal(broker.messages(QUEUE)[0]?.state, 'waiting'));
  });

  it('client: settle everything up to the one that is named', async (t) => {
    const broker = await start(t);
    for (const body of ['a', 'b', 'c']) broker.publish(QUEUE, {}, body);
    const client = await login(t, broker, '1.1');
    client.write(subscribe('client'));
    const messages = await client.take(3);
    client.write(`ACK\nsubscription:s\nmessage-id:${messages[1]?.headers.get('message-id')}\nreceipt:r\n\n\0`);
    await client.next();
    assert.deepEqual(
      broker.messages(QUEUE).map(({ body }) => body.toString()),
      ['c'],
    );
    assert.equal(broker.counters.acks, 1);
  });

  it('1.0: name the message id, without subscription ids', async (t) => {
    const broker = await start(t);
    broker.publish(QUEUE, {}, 'a');
    const client = await login(t, broker, '1.0');
    client.write(`SUBSCRIBE\ndestination:${QUEUE}\nack:client\n\n\0`);
    const message = await client.next();
    assert.equal(message.headers.get('subscription'), undefined);
    client.write(`ACK\nmessage-id:${message.headers.get('message-id')}\nreceipt:r\n\n\0UNSUBSCRIBE\ndestination:${QUEUE}\nreceipt:u\n\n\0`);
    assert.deepEqual(
      (await client.take(2)).map(({ headers }) => headers.get('receipt-id')),
      ['r', 'u'],
    );
    assert.equal(broker.queueDepth(QUEUE), 0);
  });

  it('NACK: puts the message back to its old place, marked as redelivered', async (t) => {
    const broker = await start(t);
    for (const body of ['a', 'b']) broker.publish(QUEUE, {}, body);
    const client = await login(t, broker);
    client.write(subscribe('client-individual', 'prefetch-count:1\n'));
    const first = await client.next();
    assert.equal(first.headers.get('redelivered'), undefined);
    client.write(`NACK\nid:${first.headers.get('ack')}\n\n\0`);
    const again = await client.next();
    assert.deepEqual([again.body.toString(), again.headers.get('redelivered')], ['a', 'true']);
    assert.equal(again.headers.get('message-id'), first.headers.get('message-id'));
    assert.notEqual(again.headers.get('ack'), first.headers.get('ack'));
    assert.deepEqual([broker.counters.nacks, broker.counters.redeliveries], [1, 1]);
  });
});

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  it('honour each prefetch header and the default', async (t) => {
    const broker = await start(t, { prefetch: 4 });
    for (let index = 0; index < 25; index += 1) broker.publish(QUEUE, {}, String(index));
    for (const [header, count] of [
      ['prefetch-count:2\n', 2],
      ['activemq.prefetchSize:3\n', 3],
      ['prefetch-count:0\n', 4],
      ['', 4],
    ] as const) {
      const client = await login(t, broker);
      client.write(subscribe('client-individual', `${header}receipt:r\n`));
      const frames = await client.take(count + 1);
      assert.equal(frames.at(-1)?.command, 'RECEIPT');
      client.write(`ACK\nid:${frames[0]?.headers.get('ack')}\nreceipt:a\n\n\0`);
      const after = await client.take(2);
      assert.deepEqual(after.map(({ command }) => command).toSorted(), ['MESSAGE', 'RECEIPT']);
      assert.equal(client.frames.length, count + 4);
      client.write(`ACK\nid:${frames[1]?.headers.get('ack')}\n\n\0`);
      assert.equal((await client.next()).command, 'MESSAGE');
      client.socket.destroy();
      await eventually(() => assert.equal(broker.connections().length, 0));
    }
  });

  it('redeliver in the old order after UNSUBSCRIBE, DISCONNECT and a lost connection', async (t) => {
    const broker = await start(t);
    for (const body of ['a', 'b', 'c']) broker.publish(QUEUE, {}, body);
    const endings = ['UNSUBSCRIBE\nid:s\nreceipt:r\n\n\0', 'DISCONNECT\nreceipt:r\n\n\0', undefined];
    for (const [round, ending] of endings.entries()) {
      const client = await login(t, broker);
      client.write(subscribe('client-individual'));
      const messages = await client.take(3);
      assert.deepEqual(
        messages.map(({ body }) => body.toString()),
        ['a', 'b', 'c'],
      );
      assert.equal(messages[0]?.headers.get('redelivered'), round === 0 ? undefined : 'true');
      if (ending === undefined) client.socket.resetAndDestroy();
      else {
        client.write(ending);
        assert.equal((await client.next()).headers.get('receipt-id'), 'r');
      }
      await eventually(() => assert.equal(broker.messages(QUEUE)[0]?.state, 'waiting'));
      if (round === 1) await eventually(() => assert.equal(client.closed, true));
    }
    broker.publish(QUEUE, {}, 'd');
    assert.deepEqual(
      broker.messages(QUEUE).map(({ body, redelivered }) => [body.toString(), redelivered]),
      [
        ['a', true],
        ['b', true],
        ['c', true],
        ['d', false],
      ],
    );
  });

  it('do not give what comes back to another subscription of the connection that ends', async (t) => {
    const broker = await start(t);
    const client = await login(t, broker);
    client.write(subscribe('client-individual'), subscribe('client-individual').replace('id:s', 'id:other'));
    await eventually(() => assert.equal(broker.connections()[0]?.subscriptions.length, 2));
    for (const body of ['a', 'b']) broker.publish(QUEUE, {}, body);
    await client.take(2);
    broker.cutAll();
    assert.deepEqual(
      broker.messages(QUEUE).map(({ deliveries, redelivered }) => [deliveries, redelivered]),
      [
        [1, true],
        [1, true],
      ],
    );
  });

  it('give what came back to other consumers', async (t) => {
    const broker = await start(t);
    const [one, two] = [await login(t, broker), await login(t, broker)];
    one.write(subscribe('client-individual', 'receipt:r\n'));
    await one.next();
    broker.publish(QUEUE, {}, 'a');
    await one.next();
    two.write(subscribe('client-individual'));
    one.socket.end();
    const message = await two.next();
    assert.deepEqual([message.body.toString(), message.headers.get('redelivered')], ['a', 'true']);
  });

  it('refuse what makes no sense', async (t) => {
    const broker = await start(t);
    const wrong = [
      'SUBSCRIBE\ndestination:/queue/q\n\n\0',
      'SUBSCRIBE\nid:s\n\n\0',
      'SUBSCRIBE\nid:s\ndestination:/queue/q\nack:never\n\n\0',
      `${subscribe('auto')}${subscribe('auto')}`,
      'UNSUBSCRIBE\nid:s\n\n\0',
      'ACK\nid:x\n\n\0',
      'NACK\n\n\0',
      'SEND\n\n\0',
      'SEND\ndestination:/queue/q\ntransaction:t\n\n\0',
      'BEGIN\ntransaction:t\n\n\0',
      'CONNECT\naccept-version:1.2\n\n\0',
      'NONSENSE\n\n\0',
      'SEND\nbroken header\n\n\0',
    ];
    for (const text of wrong) {
      const client = await login(t, broker);
      client.write(text, `SEND\ndestination:${QUEUE}\n\nafter the error\0`);
      const frame = await client.next();
      assert.equal(frame.command, 'ERROR', text);
      assert.notEqual(frame.headers.get('message'), undefined);
      await eventually(() => assert.equal(client.closed, true));
    }
    assert.equal(broker.queueDepth(QUEUE), 0);
  });
});

describe('inspection', () => {
  it('tells by events and counters what happened', async (t) => {
    const broker = await start(t);
    const seen: string[] = [];
    for (const name of ['connect', 'subscribe', 'send', 'deliver', 'ack', 'disconnect'] as const)
      broker.events.on(name, () => seen.push(name));
    const client = await login(t, broker);
    client.write(subscribe('client-individual'), `SEND\ndestination:${QUEUE}\nreceipt:r\n\nx\0`);
    const frames = await client.take(2);
    const message = frames.find(({ command }) => command === 'MESSAGE');
    client.write(`ACK\nid:${message?.headers.get('ack')}\nreceipt:a\n\n\0DISCONNECT\nreceipt:d\n\n\0`);
    await client.take(2);
    await eventually(() => assert.equal(broker.counters.disconnects, 1));
    assert.deepEqual(seen, ['connect', 'subscribe', 'send', 'deliver', 'ack', 'disconnect']);
    assert.deepEqual(broker.counters, {
      connections: 1,
      connects: 1,
      disconnects: 1,
      frames: 5,
      sends: 1,
      receipts: 3,
      deliveries: 1,
      redeliveries: 0,
      acks: 1,
      nacks: 0,
      errors: 0,
      tlsErrors: 0,
      missedHeartbeats: 0,
    });
  });

  it('publishes and consumes inside the process', async (t) => {
    const broker = await start(t);
    broker.publish(QUEUE, { 'empa-id': 'one' }, Buffer.from([0, 1]));
    broker.publish(QUEUE, {}, 'two');
    assert.equal(broker.queueDepth(QUEUE), 2);
    const message = broker.consume(QUEUE);
    assert.deepEqual([message?.headers.get('empa-id'), message?.body], ['one', Buffer.from([0, 1])]);
    assert.equal(broker.consume(QUEUE)?.body.toString(), 'two');
    assert.equal(broker.consume(QUEUE), undefined);
    await broker.close();
    await broker.close();
  });
});
