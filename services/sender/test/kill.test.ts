import assert from 'node:assert/strict';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { addElement, eventually, startNode } from '@ssm/test-support';
import { STAGES } from '../src/index.js';
import { runSender } from './support/run.js';
import { arrived, createSite, sharedPki } from './support/site.js';
import { filesBelow } from './support/writer.js';

const keys = sharedPki({ after });
const HOOKED_MAIN = path.join(import.meta.dirname, 'hooked-main.js');

describe('a sender that is killed', () => {
  for (const stage of STAGES) {
    it(`after ${stage}: the next start sends everything, and copies carry one delivery id`, async (t) => {
      const site = await createSite(t, keys);
      const names = Array.from({ length: 8 }, (_, index) => addElement(site.outgoing, `record ${index}`));
      // A kill in the middle of a claim may leave a lock that nobody wrote down: only its age frees it.
      const config = site.config({ broker: { window: 3 }, outgoing: { lockAge: '2s', touchInterval: '500ms', purgeInterval: '500ms' } });
      const killed = await startNode(t, HOOKED_MAIN, [`--kill-stage=${stage}`, '--kill-count=3', '--config', config]);
      assert.deepEqual(await killed.exited, { code: null, signal: 'SIGKILL' }, killed.output());
      const sender = runSender(t, config);
      await eventually(() => assert.deepEqual(filesBelow(site.outgoing), []));
      assert.equal(await sender.stop(), 0);
      const messages = await arrived(site);
      assert.deepEqual(new Set(messages.map(({ empaId }) => empaId)), new Set(names));
      if (stage === 'confirm') assert.ok(messages.length > names.length, 'the one that was confirmed and not removed came again');
      for (const name of names)
        assert.equal(new Set(messages.filter(({ empaId }) => empaId === name).map(({ deliveryId }) => deliveryId)).size, 1);
    });
  }
});
