import assert from 'node:assert/strict';
import { linkSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addElement, eventually } from '@ssm/test-support';
import { runSender } from './support/run.js';
import { createSite, DESTINATION, sharedPki } from './support/site.js';
import { filesBelow, putFile } from './support/writer.js';

const keys = sharedPki({ after });

describe('two senders on one volume', () => {
  for (const layout of ['dirq', 'directory'] as const) {
    it(`share the work of a ${layout} queue, and never send a file twice`, async (t) => {
      const site = await createSite(t, keys);
      const names =
        layout === 'dirq'
          ? Array.from({ length: 200 }, () => addElement(site.outgoing, 'record'))
          : Array.from({ length: 200 }, (_, index) => `file ${index}`);
      if (layout === 'directory') for (const name of names) putFile(site.outgoing, name, name);
      const outgoing = { layout };
      const senders = ['one', 'two'].map((instance) => runSender(t, site.config({ instance, outgoing, broker: { window: 5 } })));
      await eventually(() => assert.ok(site.broker.queueDepth(DESTINATION) >= names.length), { timeout: 20_000 });
      await eventually(() => assert.deepEqual(filesBelow(site.outgoing), []));
      for (const sender of senders) assert.match(await sender.metrics(), /^ssm_messages_total\{result="sent"\} [1-9]/m);
      for (const sender of senders) assert.equal(await sender.stop(), 0);
      const ids = site.broker.messages(DESTINATION).map(({ headers }) => headers.get('empa-id'));
      assert.equal(ids.length, names.length);
      assert.deepEqual(new Set(ids), new Set(names));
    });
  }

  it('send first what is free, and then what a dead one had locked', async (t) => {
    const site = await createSite(t, keys);
    const left = path.join(site.outgoing, addElement(site.outgoing, 'record'));
    linkSync(left, `${left}.lck`);
    addElement(site.outgoing, 'record');
    await sleep(300);
    const sender = runSender(t, site.config({ outgoing: { lockAge: '200ms', touchInterval: '50ms' } }));
    // The last line is written when the file has gone already.
    await eventually(
      () => {
        const order = sender.lines.map(({ msg }) => msg).filter((msg) => msg === 'message sent' || msg.startsWith('locks'));
        assert.deepEqual(order, ['message sent', 'locks of dead senders freed', 'message sent']);
      },
      { timeout: 20_000 },
    );
    assert.deepEqual(filesBelow(site.outgoing), []);
  });
});
