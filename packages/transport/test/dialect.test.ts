import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brokerWarnings, publisherWarnings, sendHeaders, subscribeHeaders, toldLimit } from '../src/stomp/dialect.js';

const ARTEMIS = 'ActiveMQ-Artemis/2.44.0 ActiveMQ Artemis Messaging Engine';
const OTHERS = ['ActiveMQ/5.17.2', 'RabbitMQ/3.10.8', 'RabbitMQ/4.0.5', 'Some/1', ''];

const target = (destination: string, extraHeaders: Readonly<Record<string, string>> = {}): Parameters<typeof subscribeHeaders>[1] => ({
  destination,
  extraHeaders,
  byteBudget: 1000,
});

const ahead = (prefetch: number): string | undefined =>
  subscribeHeaders(ARTEMIS, { ...target('/queue/a'), byteBudget: 64 * 1024 * 1024 }, prefetch)['consumer-window-size'];

describe('headers', () => {
  it('make Artemis keep what is sent to a queue, whether or not somebody listens', () => {
    assert.deepEqual(sendHeaders(ARTEMIS, target('/queue/a')), { 'destination-type': 'ANYCAST' });
    assert.equal(subscribeHeaders(ARTEMIS, target('/queue/a'), 5)['subscription-type'], 'ANYCAST');
    assert.deepEqual(sendHeaders(ARTEMIS, target('/topic/a')), {});
    assert.equal(subscribeHeaders(ARTEMIS, target('/topic/a'), 5)['subscription-type'], undefined);
  });

  it('are not given to brokers that do not know them', () => {
    for (const server of OTHERS) {
      assert.deepEqual(sendHeaders(server, target('/queue/a')), {});
      assert.equal(subscribeHeaders(server, target('/queue/a'), 5)['subscription-type'], undefined);
    }
  });

  it('say how much to fetch in the words of every broker', () => {
    assert.deepEqual(subscribeHeaders('', target('/queue/a'), 5), {
      'activemq.prefetchSize': '5',
      'prefetch-count': '5',
      'consumer-window-size': '1000',
    });
  });

  it('ask Artemis, which counts bytes, for 64 KiB a message, and for no more than may be in memory', () => {
    assert.deepEqual([1, 100, 100_000].map(ahead), ['65536', '6553600', '67108864']);
  });

  it('give way to the headers of the user', () => {
    const own = { 'destination-type': 'MULTICAST', 'subscription-type': 'MULTICAST', 'prefetch-count': '1' };
    assert.deepEqual(sendHeaders(ARTEMIS, target('/queue/a', own)), own);
    assert.deepEqual(
      { ...subscribeHeaders(ARTEMIS, target('/queue/a', own), 5), ...own },
      subscribeHeaders(ARTEMIS, target('/queue/a', own), 5),
    );
  });
});

const codes = (server: string, headers = {}): string[] => brokerWarnings(server, target('/queue/a', headers)).map(({ code }) => code);
const may = (server: string, destination: string): boolean => publisherWarnings(server, target(destination)).length > 0;

describe('warnings', () => {
  it('tell of brokers that drop what came back too often', () => {
    assert.deepEqual(codes('RabbitMQ/4.0.5'), ['redelivery-limit']);
    assert.deepEqual(codes('RabbitMQ/10.1'), ['redelivery-limit']);
    assert.deepEqual(codes(ARTEMIS), ['redelivery-limit']);
    assert.match(brokerWarnings('RabbitMQ/4.0.5', target('/queue/a'))[0]?.message ?? '', /20 times.*docs\/brokers\.md/);
  });

  it('do not tell it of those that do not', () => {
    assert.deepEqual(codes('RabbitMQ/4.0.5', { 'x-queue-type': 'classic' }), []);
    for (const server of ['RabbitMQ/3.10.8', 'ActiveMQ/6.3.1', 'Some/4', '']) assert.deepEqual(codes(server), []);
  });

  it('tell publishers where messages may be dropped with a receipt', () => {
    assert.ok(may('RabbitMQ/4.0.5', '/amq/queue/a'));
    assert.ok(may('ActiveMQ/5.17.2', '/topic/a'));
    assert.ok(!may('RabbitMQ/4.0.5', '/queue/a'));
    assert.ok(!may('', 'accounting'));
  });
});

it('the limit is read from the words of RabbitMQ', () => {
  assert.equal(toldLimit('PRECONDITION_FAILED - message size 17 is larger than configured max size 16'), 16);
  assert.equal(toldLimit('The maximum frame size was exceeded'), undefined);
});
