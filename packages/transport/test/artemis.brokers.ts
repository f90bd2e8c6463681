import assert from 'node:assert/strict';
import path from 'node:path';
import { it } from 'node:test';
import { createDemoPki, missingBroker, PlainStomp, startBroker, temporaryDirectory } from '@ssm/test-support';
import { createStompPublisher, createStompSubscriber } from '../src/index.js';
import { within } from './helpers.js';
import { conformanceOn } from './real-broker.js';

await conformanceOn('artemis');

/** As Artemis comes: no prefix is taken off, and an address that makes itself is a topic. */
function asItComes(name: string, text: string): string {
  if (name !== 'broker.xml') return text;
  return text
    .replaceAll(/;(any|multi)castPrefix=[^;<]*/g, '')
    .replaceAll(/ *<default-(address|queue)-routing-type>.*\n/g, '')
    .replaceAll('match="ssm.#"', 'match="/queue/ssm.#"');
}

it('Artemis as it comes keeps what is sent before anybody subscribed', { skip: missingBroker('artemis') }, async (test) => {
  const pki = createDemoPki(path.join(temporaryDirectory(test), 'pki'), { key: 'p256' });
  const { host, plainPort: port, login, passcode } = await startBroker(test, 'artemis', { pki, amend: asItComes });
  const options = { brokers: [{ host, port }], destination: '/queue/ssm.early', login, passcode };
  const never = new AbortController().signal;
  const publisher = createStompPublisher(options);
  test.after(() => publisher.drain(AbortSignal.abort()));
  await within(publisher.publish({ id: 'early', body: Buffer.from('x') }, never), 'published');
  const subscriber = createStompSubscriber(options);
  test.after(() => subscriber.drain(AbortSignal.abort()));
  const { value } = await within(subscriber.deliveries(never)[Symbol.asyncIterator]().next(), 'delivered');
  assert.equal(value?.empaId, 'early');
  await value?.acknowledge();
});

/** Of two lengths Artemis reads the body by the last, and passes on the first; where there is no body it adds none of its own. */
it('Artemis passes on the length that a sender wrote of a message without a body', { skip: missingBroker('artemis') }, async (test) => {
  const pki = createDemoPki(path.join(temporaryDirectory(test), 'pki'), { key: 'p256' });
  const { host, plainPort: port, login, passcode } = await startBroker(test, 'artemis', { pki });
  const destination = '/queue/ssm.lengths';
  const stomp = await PlainStomp.open({ host, port }, login, passcode);
  const usual = { destination, 'destination-type': 'ANYCAST', persistent: 'true' };
  for (const length of ['9999', '-1']) stomp.send('SEND', { ...usual, 'empa-id': length, 'content-length': `${length}\ncontent-length:0` });
  for (const id of ['text', 'last']) stomp.send('SEND', { ...usual, 'empa-id': id, receipt: id }, id);
  await stomp.next('RECEIPT');
  await stomp.next('RECEIPT');
  stomp.close();
  const subscriber = createStompSubscriber({ brokers: [{ host, port }], destination, login, passcode });
  test.after(() => subscriber.drain(AbortSignal.abort()));
  const deliveries = subscriber.deliveries(new AbortController().signal)[Symbol.asyncIterator]();
  for (const [id, body] of [
    ['9999', ''],
    ['-1', ''],
    ['text', 'text'],
    ['last', 'last'],
  ]) {
    const { value } = await within(deliveries.next(), 'delivered');
    assert.equal(value?.empaId, id);
    assert.equal(String(Buffer.from(value!.body)), body);
    await value?.acknowledge();
  }
});
