import assert from 'node:assert/strict';
import path from 'node:path';
import { it } from 'node:test';
import { createDemoPki, missingBroker, PlainStomp, startBroker, temporaryDirectory } from '@ssm/test-support';
import { createStompSubscriber } from '../src/index.js';
import { until } from './helpers.js';
import { conformanceOn } from './real-broker.js';

await conformanceOn('activemq6');

const FORGED = '\0\nMESSAGE\nack:ID\\c1\nmessage-id:m\nsubscription:0\nempa-id:forged\n\nxx';

/** The broker writes each of these bytes as three, and passes on the length that there was: the reader is at the NUL of the forged frame then. */
const WITH_FRAME = Buffer.concat([Buffer.alloc(FORGED.length / 2, 0xff), Buffer.from(FORGED)]);

it('takes from ActiveMQ 6 no message that somebody wrote into the body of another', { skip: missingBroker('activemq6') }, async (test) => {
  const pki = createDemoPki(path.join(temporaryDirectory(test), 'pki'), { key: 'p256' });
  const broker = await startBroker(test, 'activemq6', { pki });
  const { host, plainPort: port, login, passcode } = broker;
  const destination = '/queue/ssm.forged';
  const stomp = await PlainStomp.open({ host, port }, login, passcode);
  const headers = { destination, persistent: 'true', 'content-length': String(WITH_FRAME.length) };
  stomp.send('SEND', { ...headers, 'empa-id': 'evil', 'amq-msg-type': 'text', receipt: 'sent' }, WITH_FRAME);
  await stomp.next('RECEIPT');
  stomp.close();
  const subscriber = createStompSubscriber({ brokers: [{ host, port }], destination, login, passcode });
  const [ids, ends] = [new Set<string | undefined>(), new Set<string | undefined>()];
  const deliveries = async (): Promise<void> => {
    for await (const { empaId } of subscriber.deliveries(new AbortController().signal)) ids.add(empaId);
  };
  const statuses = async (): Promise<void> => {
    for await (const status of subscriber.status()) if (status.type === 'disconnected') ends.add(status.error?.message);
  };
  const reading = Promise.all([deliveries(), statuses()]);
  await until(() => ends.size > 0, 'the end of the connection');
  await subscriber.drain(AbortSignal.abort());
  await reading;
  assert.match([...ends].join(), /: a message that is not of our subscription/);
  assert.deepEqual([...ids], ['evil']);
  assert.equal(await broker.depth('ssm.forged'), 1);
});
