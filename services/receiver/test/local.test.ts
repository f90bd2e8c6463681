import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '@ssm/service-kit';
import { createStagingQueue } from '@ssm/spool';
import { temporaryDirectory } from '@ssm/test-support';
import { receiverSettings } from '../src/config.js';
import { NO_NEED } from '../src/guard.js';
import { createLocal, prepareLocal } from '../src/local.js';

const { signal } = new AbortController();
const sources = { credentials: () => assert.fail('nothing is connected'), anchors: () => assert.fail('nothing is connected') };
const HOUR_MS = 3_600_000;

describe('prepareLocal without enough room', () => {
  for (const [hours, removed] of [
    [25, true],
    [1, false],
  ] as const)
    it(`${removed ? 'removes' : 'leaves alone'} what a dead process left ${hours} hours ago, and says that there is no room`, async (t) => {
      const root = temporaryDirectory(t);
      const incoming = path.join(root, 'incoming');
      const dead = createStagingQueue({ path: incoming, instance: 'dead' });
      await dead.start();
      const left = path.join(incoming, (await dead.stage({ body: 'left behind' })).path);

      const args = ['--broker.destination=/queue/x', `--incoming.path=${incoming}`, `--reject.path=${root}/reject`];
      const config = loadConfig(receiverSettings, { env: {}, args: [...args, '--incoming.reserve=1000000GiB'] });
      const local = createLocal(config, { now: () => new Date(Date.now() + hours * HOUR_MS), stopping: signal, sources });
      await assert.rejects(prepareLocal(local, NO_NEED, signal), { code: 'space-low' });
      assert.equal(existsSync(left), !removed);
    });
});
