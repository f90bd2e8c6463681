/** The tarball of npm pack: installed alone into an empty prefix, without a network, it has the three commands. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { startCommand } from '@ssm/test-support';
import { createOldSite } from './support/old-site.js';
import { installPacked, run } from './support/packed.js';

it('installs alone and works', async (test) => {
  const { bin, home } = installPacked(test);
  assert.deepEqual(readdirSync(bin).toSorted(), ['ssm', 'ssmreceive', 'ssmsend']);
  const installed = path.join(bin, '../lib/node_modules/@ssm/cli');
  assert.deepEqual(
    readdirSync(installed).filter((name) => name === 'node_modules' || name === 'src' || name === 'test'),
    [],
  );
  const { dependencies, version } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(dependencies, undefined);
  const licences = readFileSync(path.join(installed, 'dist/bundle/THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const library of ['node-forge', 'stompit', 'fastify', 'pino', 'convict', 'prom-client', 'yaml'])
    assert.match(licences, new RegExp(`^${library} \\d`, 'm'));

  for (const command of ['ssm', 'ssmreceive', 'ssmsend'])
    assert.match(run(path.join(bin, command), ['--version'], home), new RegExp(String(version)));

  // The receiver's thread says so when its code is loaded.
  const thread = new Worker(path.join(installed, 'dist/bundle/open-thread.js'));
  assert.deepEqual(await once(thread, 'message'), [{ from: 0, results: [] }]);
  await thread.terminate();

  const site = await createOldSite(test);
  await site.add('record');
  const receiver = await startCommand(test, path.join(bin, 'ssmreceive'), ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0']);
  await receiver.waitForLine(/INFO {2}started/, { timeout: 90_000 });
  const sender = await startCommand(test, path.join(bin, 'ssmsend'), ['-c', site.senderConfig()]);
  assert.equal((await sender.exited).code, 0, sender.output());
  await receiver.waitForLine(/INFO {2}message {2}.*result=stored/, { timeout: 90_000 });
  receiver.signal('SIGTERM');
  assert.equal((await receiver.exited).code, 0);
  assert.deepEqual(
    (await site.stored()).map(({ body }) => body),
    ['record'],
  );
});
