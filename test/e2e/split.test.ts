import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { elements, eventually, type Scope, type StoredElement } from '@ssm/test-support';
import { amsConfig, startAmsProcess } from '../support/ams.js';
import type { ConfigFile, Service } from '../support/services.js';
import { type StartOptions, World } from './world.js';

// A file over the limits, sent as parts: every record arrives once, whoever is killed in between.

const HEADER = 'APEL-individual-job-message: v0.3\n';
const RECORDS = 400;
const record = (job: number): string => `Site: EXAMPLE-SITE\nLocalJobId: ${job}.0\nGlobalUserName: /DC=org/CN=Zoë ${job}\n%%\n`;
const FILE = `${HEADER}${Array.from({ length: RECORDS }, (_, job) => record(job)).join('')}`;

interface Stage {
  readonly world: World;
  readonly sender: (options?: StartOptions) => Promise<Service>;
  readonly receiver: () => Promise<Service>;
}

function put(world: World, name: string, body: string): void {
  const temporary = path.join(world.directory, name);
  writeFileSync(temporary, body);
  renameSync(temporary, path.join(world.outgoing, name));
}

async function stage(scope: Scope, over: 'stomp' | 'ams'): Promise<Stage> {
  const world = await World.create(scope);
  const ams = over === 'ams' ? await startAmsProcess(scope, world.pki, ['--maximum-message', '60000']) : undefined;
  const sending: ConfigFile = ams === undefined ? { limits: { body: 5000 } } : amsConfig(ams, 'sender', { maximumMessage: 60_000 });
  const config = { ...sending, message: { split: 'records' }, outgoing: { layout: 'directory' } };
  return {
    world,
    sender: (options = {}) => world.sender({ ...options, config }),
    receiver: () => world.receiver(ams === undefined ? {} : { config: amsConfig(ams, 'receiver') }),
  };
}

const bodyOf = ({ keys }: StoredElement): string => String(keys['body']);
const partNumber = ({ keys }: StoredElement): number => Number(/\.part(\d+)$/.exec(String(keys['empaid']))?.[1]);

/** Waits until the parts together hold every record; proves that they are the file, and nothing is there twice. */
async function arrivesWhole({ world }: Stage): Promise<number> {
  const records = async (): Promise<number> =>
    (await elements(world.incoming)).reduce((sum, element) => sum + bodyOf(element).split('%%\n').length - 1, 0);
  await eventually(async () => assert.ok((await records()) >= RECORDS), { timeout: 30_000, what: 'all records in incoming' });
  const parts = (await elements(world.incoming)).toSorted((a, b) => partNumber(a) - partNumber(b));
  for (const part of parts) assert.ok(bodyOf(part).startsWith(HEADER));
  assert.deepEqual(
    parts.map(partNumber),
    parts.map((_, index) => index + 1),
  );
  assert.equal(HEADER + parts.map((part) => bodyOf(part).slice(HEADER.length)).join(''), FILE);
  return parts.length;
}

describe('a file that is too large', () => {
  for (const over of ['stomp', 'ams'] as const)
    it(`arrives over ${over} in parts that are each a file, and all of it once`, async (test) => {
      const all = await stage(test, over);
      put(all.world, 'records.txt', FILE);
      put(all.world, 'other.txt', 'x'.repeat(50_000));
      const [sender, receiver] = await Promise.all([all.sender(), all.receiver()]);
      const count = await arrivesWhole(all);
      assert.ok(count > 2);
      await eventually(async () => assert.equal(await sender.metric('ssm_sent_parts_total'), count), { what: 'counted' });
      // What cannot be split is out of the way, with its reason.
      await eventually(async () => assert.equal(await sender.metric('ssm_quarantined_messages_total', { code: 'not-splittable' }), 1), {
        what: 'quarantined',
      });
      assert.match(sender.child.output(), /the file of 50000 bytes is too large, and cannot be split/);
      assert.equal(await sender.stop(), 0);
      assert.equal(await receiver.stop(), 0);
    });

  for (const at of ['publish', 'confirm'])
    it(`is sent again when its sender is killed at ${at}, and no record is stored twice`, async (test) => {
      const all = await stage(test, 'stomp');
      put(all.world, 'records.txt', FILE);
      const receiver = await all.receiver();
      const first = await all.sender({ killAt: { stage: at, count: at === 'publish' ? 4 : 1 } });
      await eventually(() => first.child.exit !== undefined, { timeout: 20_000, what: 'killed by its hook' });
      const again = await all.sender();
      const count = await arrivesWhole(all);
      await eventually(async () => assert.equal(await again.metric('ssm_sent_parts_total'), count), {
        timeout: 20_000,
        what: 'all sent again',
      });
      assert.equal((await elements(all.world.incoming)).length, count);
      assert.equal(await again.stop(), 0);
      assert.equal(await receiver.stop(), 0);
    });
});
