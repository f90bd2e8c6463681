import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { dial, login, start, subscribe } from './raw-client.js';

const QUEUE = '/queue/q';
const send = (receipt: string, body = 'x'): string => `SEND\ndestination:${QUEUE}\nreceipt:${receipt}\n\n${body}\0`;
const only = ({ body }: { readonly body: Buffer }): boolean => String(body) === 'bad';

describe('faults', () => {
  it('drop receipts and keep, or lose, the messages', async (t) => {
    const broker = await start(t, { faults: { dropReceipts: { count: 2, message: 'kept' } } });
    const client = await login(t, broker);
    client.write(send('1'), send('2'), send('3'));
    assert.equal((await client.next()).headers.get('receipt-id'), '3');
    assert.equal(broker.queueDepth(QUEUE), 3);
    broker.inject({ dropReceipts: { count: 1, message: 'lost' } });
    client.write(send('4'), send('5'));
    assert.equal((await client.next()).headers.get('receipt-id'), '5');
    assert.equal(broker.queueDepth(QUEUE), 4);
    assert.equal(broker.counters.sends, 5);
  });

  it('drop receipts of chosen messages, and of acknowledgements', async (t) => {
    const broker = await start(t, { faults: { dropReceipts: { count: 9, message: 'lost', only }, silentAcks: true } });
    const client = await login(t, broker);
    client.write(send('1', 'bad'), send('2', 'good'));
    assert.equal((await client.next()).headers.get('receipt-id'), '2');
    client.write(subscribe('client-individual'));
    const ack = (await client.next()).headers.get('ack');
    client.write(`ACK\nid:${ack}\nreceipt:3\n\n\0`, send('4'));
    const frames = await client.take(2);
    assert.deepEqual(frames.map(({ command }) => command).toSorted(), ['MESSAGE', 'RECEIPT']);
    assert.equal(frames.find(({ command }) => command === 'RECEIPT')?.headers.get('receipt-id'), '4');
    assert.equal(broker.counters.acks, 1);
  });

  it('never answer CONNECT', async (t) => {
    const broker = await start(t, { faults: { silentConnect: true } });
    const client = await dial(t, broker);
    client.write('CONNECT\naccept-version:1.2\n\n\0');
    await eventually(() => assert.equal(broker.counters.frames, 1));
    await sleep(30);
    assert.equal(client.frames.length, 0);
    assert.equal(client.closed, false);
    broker.clearFaults();
    await login(t, broker);
  });

  it('refuse connections and take them again', async (t) => {
    const broker = await start(t);
    const open = await login(t, broker);
    await broker.refuseConnections(true);
    const refused = await dial(t, broker);
    assert.equal(refused.error?.code, 'ECONNREFUSED');
    open.write(send('1'));
    await open.next();
    await broker.refuseConnections(false);
    await broker.refuseConnections(false);
    await login(t, broker);
  });

  for (const [when, stored, receipts] of [
    ['before-frame', 1, ['1']],
    ['before-receipt', 2, ['1']],
    ['after-receipt', 2, ['1', '2']],
  ] as const)
    it(`cut the connection at a frame, ${when}`, async (t) => {
      const broker = await start(t);
      const client = await login(t, broker);
      broker.inject({ cutAfter: { frames: 2, command: 'SEND', when } });
      client.write(send('1'));
      await client.next();
      client.write(`${send('2')}${send('3')}`);
      await eventually(() => assert.equal(client.closed, true));
      assert.deepEqual(
        client.frames.slice(1).map(({ headers }) => headers.get('receipt-id')),
        receipts,
      );
      assert.equal(broker.queueDepth(QUEUE), stored);
      assert.equal(client.error?.code, when === 'after-receipt' ? undefined : 'ECONNRESET');
      await login(t, broker);
    });

  it('cut everything now', async (t) => {
    const broker = await start(t);
    const [one, two] = [await login(t, broker), await login(t, broker)];
    broker.publish(QUEUE, {}, 'x');
    one.write(subscribe('client-individual'));
    await one.next();
    broker.cutAll();
    assert.equal(broker.messages(QUEUE)[0]?.state, 'waiting');
    for (const client of [one, two]) await eventually(() => assert.equal(client.error?.code, 'ECONNRESET'));
    const three = await login(t, broker);
    broker.cutAll('end');
    await eventually(() => assert.equal(three.closed, true));
    assert.equal(three.error, undefined);
  });

  it('delay what is sent, in order', async (t) => {
    const broker = await start(t);
    const client = await login(t, broker);
    broker.inject({ delayMs: 80 });
    const begun = performance.now();
    client.write(send('1'));
    await eventually(() => assert.equal(broker.counters.sends, 1));
    broker.inject({ delayMs: undefined });
    client.write(send('2'));
    const frames = await client.take(2);
    assert.ok(performance.now() - begun >= 79);
    assert.deepEqual(
      frames.map(({ headers }) => headers.get('receipt-id')),
      ['1', '2'],
    );
  });

  for (const version of ['1.1', '1.2'])
    it(`repeat a delivery (${version})`, async (t) => {
      const broker = await start(t, { faults: { repeatDeliveries: 1 } });
      const client = await login(t, broker, version);
      for (const body of ['a', 'b']) broker.publish(QUEUE, {}, body);
      client.write(subscribe('client-individual'));
      const messages = await client.take(3);
      assert.deepEqual(
        messages.map(({ body }) => body.toString()),
        ['a', 'a', 'b'],
      );
      for (const { headers } of messages)
        client.write(
          version === '1.2' ? `ACK\nid:${headers.get('ack')}\n\n\0` : `ACK\nsubscription:s\nmessage-id:${headers.get('message-id')}\n\n\0`,
        );
      await eventually(() => assert.equal(broker.counters.acks, 3));
      assert.equal(broker.queueDepth(QUEUE), 0);
      assert.equal(broker.counters.errors, 0);
    });

  it('repeat a delivery, of which one copy is acknowledged when the connection is lost', async (t) => {
    const broker = await start(t, { faults: { repeatDeliveries: 1 } });
    const client = await login(t, broker);
    broker.publish(QUEUE, {}, 'a');
    client.write(subscribe('client-individual'));
    const [, copy] = await client.take(2);
    client.write(`ACK\nid:${copy?.headers.get('ack')}\nreceipt:r\n\n\0`);
    await client.next();
    broker.cutAll();
    assert.equal(broker.queueDepth(QUEUE), 0);
  });

  it('refuse messages by a rule or by size', async (t) => {
    const broker = await start(t, { faults: { refuse: ({ headers }) => headers.get('empa-id') === 'bad', refuseOver: 100 } });
    const bad = await login(t, broker);
    bad.write(send('1'), `SEND\ndestination:${QUEUE}\nempa-id:bad\nreceipt:2\n\n\0`);
    const [receipt, error] = await bad.take(2);
    assert.deepEqual([receipt?.command, error?.command, error?.headers.get('receipt-id')], ['RECEIPT', 'ERROR', '2']);
    const large = await login(t, broker);
    large.write(send('3', 'x'.repeat(101)));
    assert.equal((await large.next()).command, 'ERROR');
    assert.equal(broker.queueDepth(QUEUE), 1);
  });

  it('close without a word over a size', async (t) => {
    const broker = await start(t, { faults: { closeOver: 100 } });
    const refused = once(broker.events, 'refused');
    const client = await login(t, broker);
    client.write(send('1'), `SEND\ndestination:${QUEUE}\ncontent-length:101\nreceipt:2\n\n${'x'.repeat(101)}\0`, send('3'));
    await eventually(() => assert.equal(client.closed, true));
    assert.deepEqual(
      client.frames.slice(1).map(({ headers }) => headers.get('receipt-id')),
      ['1'],
    );
    assert.equal(broker.queueDepth(QUEUE), 1);
    await refused;
    assert.equal(broker.counters.errors, 0);
  });

  it('go silent and come back', async (t) => {
    const broker = await start(t, { heartbeat: [20, 20] });
    const client = await dial(t, broker);
    client.write('CONNECT\naccept-version:1.2\nheart-beat:0,20\n\n\0');
    client.write(subscribe('auto', 'receipt:s\n'));
    await client.take(2);
    await eventually(() => assert.ok(client.heartbeats > 0));
    broker.goSilent(true);
    const late = await dial(t, broker);
    late.write('CONNECT\naccept-version:1.2\n\n\0');
    await sleep(20);
    const { heartbeats } = client;
    broker.publish(QUEUE, {}, 'x');
    client.write(send('1'));
    await sleep(100);
    assert.deepEqual([client.heartbeats, client.frames.length, late.frames.length], [heartbeats, 2, 0]);
    assert.deepEqual([client.closed, late.closed], [false, false]);
    broker.goSilent(false);
    const frames = await client.take(3);
    assert.deepEqual(
      frames.map(({ command }) => command),
      ['MESSAGE', 'MESSAGE', 'RECEIPT'],
    );
    assert.equal((await late.next()).command, 'CONNECTED');
  });
});
