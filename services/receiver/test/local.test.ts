import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '@ssm/service-kit';
import { createDeliveryRecord } from '@ssm/spool';
import { temporaryDirectory } from '@ssm/test-support';
import { receiverSettings } from '../src/config.js';
import { sourcesOf } from '../src/credentials.js';
import { NO_NEED } from '../src/guard.js';
import { createLocal, prepareLocal } from '../src/local.js';

const { signal } = new AbortController();
const unconnected = (): never => assert.fail('nothing is connected');
const sources = sourcesOf(unconnected, unconnected);
const HOUR_MS = 3_600_000;

describe('prepareLocal without enough room', () => {
  for (const [hours, removed] of [
    [25, true],
    [1, false],
  ] as const)
    it(`${removed ? 'forgets' : 'leaves alone'} what was confirmed ${hours} hours ago, and says that there is no room`, async (t) => {
      const root = temporaryDirectory(t);
      const incoming = path.join(root, 'incoming');
      const record = createDeliveryRecord({ path: path.join(incoming, '.delivered') });
      await mkdir(incoming);
      await record.start();
      await record.claim('id', '.staging/dead/00000000000000');
      await record.confirm('id');

      const args = ['--broker.destination=/queue/x', `--incoming.path=${incoming}`, `--reject.path=${root}/reject`];
      const config = loadConfig(receiverSettings, {
        env: {},
        args: [...args, '--incoming.reserve=1000000GiB', '--deduplication.window=24h'],
      });
      const local = createLocal(config, {
        now: () => new Date(Date.now() + hours * HOUR_MS),
        moved: () => undefined,
        stopping: signal,
        sources,
      });
      await assert.rejects(prepareLocal(local, NO_NEED, signal), { code: 'space-low' });
      const { outcome } = await record.claim('id', '.staging/dead/00000000000001');
      assert.equal(outcome, removed ? 'mine' : 'theirs');
    });
});

describe('prepareLocal', () => {
  it('does not go through the reject queue, however large it is: what is accepted does not wait for that', async (t) => {
    const root = temporaryDirectory(t);
    await mkdir(path.join(root, 'incoming'));
    const args = ['--broker.destination=/queue/x', `--incoming.path=${root}/incoming`, `--reject.path=${root}/reject`];
    const config = loadConfig(receiverSettings, { env: {}, args: [...args, '--incoming.reserve=0'] });
    const local = createLocal(config, { now: () => new Date(), moved: () => undefined, stopping: signal, sources });
    await prepareLocal(local, NO_NEED, signal);
    assert.equal(local.rejects.measured, false);
    await local.rejects.measure();
    assert.equal(local.rejects.measured, true);
  });
});
