import assert from 'node:assert/strict';
import path from 'node:path';
import { it } from 'node:test';
import { createDemoPki, missingBroker, startBroker, temporaryDirectory } from '@ssm/test-support';
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
