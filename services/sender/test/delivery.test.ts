import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { addElement, eventually } from '@ssm/test-support';
import { runSender } from './support/run.js';
import { arrived, createSite, DESTINATION, sharedPki } from './support/site.js';
import { filesBelow, putFile } from './support/writer.js';

const keys = sharedPki({ after });
const [siteA] = keys.sites;

/** What tends to be damaged on the way. */
const BODIES: readonly (readonly [what: string, body: Buffer])[] = [
  ['text', Buffer.from('Site: A\nCPU: 12\n')],
  ['empty', Buffer.alloc(0)],
  ['no final newline', Buffer.from('Site: A')],
  ['CRLF and a lone CR', Buffer.from('a\r\nb\rc\n')],
  ['NUL and all other bytes', Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
  ['UTF-8 and trailing blanks', Buffer.from('Zürich \t \n  \n')],
  ['a long line', Buffer.from(`${'x'.repeat(5000)}\n`)],
  ['words that old receivers stumble over', Buffer.from('application/pkcs7-mime\n.\n')],
  ['300 KB', Buffer.alloc(300_000, 'record\n')],
];

describe('a sender and a broker', () => {
  for (const encrypted of [false, true]) {
    it(`sends every kind of file, ${encrypted ? 'signed and encrypted' : 'signed'}, from a directory queue`, async (t) => {
      const site = await createSite(t, keys);
      const names = BODIES.map(([, body]) => addElement(site.outgoing, body));
      const sender = runSender(t, site.config(encrypted ? { encryption: { recipients: [keys.server.certificatePath] } } : {}));
      await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), BODIES.length));
      const messages = await arrived(site);
      for (const [index, [what, body]] of BODIES.entries()) {
        const message = messages.find(({ empaId }) => empaId === names[index]);
        assert.ok(message, what);
        assert.deepEqual([message.body.equals(body), message.signer, message.encrypted], [true, siteA.dn, encrypted], what);
        assert.match(message.deliveryId ?? '', /^[0-9a-f]{1,64}$/);
      }
      await eventually(() => assert.deepEqual(filesBelow(site.outgoing), []));
      assert.equal(
        site.broker.messages(DESTINATION).every(({ headers }) => headers.get('persistent') === 'true'),
        true,
      );
      assert.equal(await sender.stop(), 0);
    });
  }

  it('takes plain files by their names, and leaves alone what is none', async (t) => {
    const site = await createSite(t, keys);
    for (const name of ['.hidden', 'half.tmp', 'half.part', 'old~', 'summary 1.txt', 'Zürich']) putFile(site.outgoing, name, name);
    const sender = runSender(t, site.config({ outgoing: { layout: 'directory' } }));
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 2));
    const messages = await arrived(site);
    assert.deepEqual(
      new Map(messages.map(({ empaId, body }) => [empaId, body.toString()])),
      new Map([
        ['Zürich', 'Zürich'],
        ['summary 1.txt', 'summary 1.txt'],
      ]),
    );
    await eventually(() => assert.deepEqual(filesBelow(site.outgoing).toSorted(), ['half.part', 'half.tmp', 'old~']));
    assert.equal(await sender.stop(), 0);
  });

  it('sends the oldest first', async (t) => {
    const site = await createSite(t, keys);
    const now = Date.now();
    const names = [3, 1, 2].map((minutes) => addElement(site.outgoing, `${minutes}`, new Date(now - minutes * 60_000)));
    runSender(t, site.config({ broker: { window: 1 } }));
    await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), 3));
    assert.deepEqual(
      site.broker.messages(DESTINATION).map(({ headers }) => headers.get('empa-id')),
      [names[0], names[2], names[1]],
    );
  });

  it('says of each message what it was, and nothing secret', async (t) => {
    const site = await createSite(t, keys);
    const name = addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config());
    const line = await sender.line('message sent');
    assert.deepEqual([line.empaId, line.bytes, line.broker], [name, 7, `localhost:${site.broker.port}`]);
    assert.match(String(line.deliveryId), /^[0-9a-f]{1,64}$/);
    assert.ok(typeof line.seconds === 'number' && typeof line.wireBytes === 'number');
    assert.equal(JSON.stringify(sender.lines).includes('PRIVATE KEY'), false);
  });

  it('is ready when all is well, and shows what it did', async (t) => {
    const site = await createSite(t, keys);
    addElement(site.outgoing, 'records');
    const sender = runSender(t, site.config({ encryption: { recipients: [keys.server.certificatePath] } }));
    await sender.line('message sent');
    await eventually(async () => {
      const { ok, body } = await sender.ready();
      assert.ok(ok, body);
    });
    await eventually(async () => {
      const text = await sender.metrics();
      for (const pattern of [
        /^ssm_messages_total\{result="sent"\} 1$/m,
        /^ssm_bytes_total\{result="sent"\} 7$/m,
        /^ssm_queue_elements\{queue="outgoing"\} 0$/m,
        /^ssm_queue_oldest_age_seconds\{queue="outgoing"\} 0$/m,
        /^ssm_in_flight_messages 0$/m,
        /^ssm_broker_connected\{broker="localhost:\d+"\} 1$/m,
        /^ssm_stage_duration_seconds_count\{stage="publish"\} 1$/m,
        /^ssm_certificate_remaining_seconds\{certificate="identity"\} 31[0-9]{6}/m,
        /^ssm_certificate_remaining_seconds\{certificate="recipient"\} 31[0-9]{6}/m,
        /^ssm_certificate_remaining_seconds\{certificate="broker"\} 31[0-9]{6}/m,
        /^ssm_crl_next_update_timestamp_seconds\{issuer="\/C=UK\/O=eScience\/CN=Demo CA"\} \d+$/m,
        /^ssm_last_success_timestamp_seconds \d+/m,
      ])
        assert.match(text, pattern);
    });
  });

  it('notices a new file at once where there are file events', async (t) => {
    const site = await createSite(t, keys);
    // A pass without events would come after an hour.
    const sender = runSender(t, site.config({ outgoing: { scanInterval: '1h' } }));
    await sender.line('connected to the broker');
    for (const count of [1, 2, 3]) {
      addElement(site.outgoing, 'records');
      await eventually(() => assert.equal(site.broker.queueDepth(DESTINATION), count));
    }
  });
});
