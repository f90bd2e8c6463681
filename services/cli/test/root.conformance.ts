/** What root may not do on the queues of a service that runs as another user. Only root can set that up. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { requireTools } from '@ssm/test-support';
import { createOldSite, type Finished, type OldSite } from './support/old-site.js';

const UID = 10_000;

/** Everything below a directory with its owner. */
function owners(directory: string): Readonly<Record<string, number>> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(['', ...names].map((name) => [name, statSync(path.join(directory, name)).uid]));
}

function give(directory: string): void {
  for (const name of Object.keys(owners(directory))) chownSync(path.join(directory, name), UID, UID);
}

function assertRefused({ code, out, err }: Finished, directory: string): void {
  assert.equal(code, 1, out + err);
  assert.match(err, new RegExp(`${directory} belongs to uid ${UID}.* setpriv --reuid=${UID} --regid=${UID} --clear-groups`), out + err);
}

/** A reject of a queue that belongs to somebody else. */
async function rejected(site: OldSite): Promise<string> {
  const element = '00000000/6b04bf98c69d26';
  for (const queue of [site.incoming, site.reject]) mkdirSync(queue);
  mkdirSync(path.join(site.reject, element), { recursive: true });
  for (const [key, text] of Object.entries({ body: 'x', raw: 'x', signer: 'x', empaid: 'x', error: 'dn-not-listed: x' }))
    writeFileSync(path.join(site.reject, element, key), text);
  for (const queue of [site.incoming, site.reject]) give(queue);
  return element;
}

describe('root on the queues of another user', { skip: requireTools('root'), concurrency: 2 }, () => {
  it('tries no reject again, and says how to', async (test) => {
    const site = await createOldSite(test);
    await rejected(site);
    const args = ['queue', 'requeue', 'reject', '--all', '-c', site.receiverConfig()];
    const env = { SSM_AUTHORISATION_ALLOW: site.dns };
    assertRefused(await site.run('ssm', args, { env }), site.incoming);
    assert.deepEqual(new Set(Object.values({ ...owners(site.incoming), ...owners(site.reject) })), new Set([UID]));
    chownSync(site.incoming, 0, 0);
    assertRefused(await site.run('ssm', args, { env }), site.reject);
  });

  it('gives no quarantined file back, and adds none', async (test) => {
    const site = await createOldSite(test);
    await site.add('x'.repeat(2_000));
    const file = site.senderConfig();
    await site.run('ssmsend', ['-c', file, '--limits.body=1000']);
    give(site.outgoing);
    const before = owners(site.outgoing);
    assertRefused(await site.run('ssm', ['queue', 'requeue', 'quarantine', '--all', '-c', file]), site.outgoing);
    const record = path.join(site.directory, 'record');
    writeFileSync(record, 'x');
    assertRefused(await site.run('ssm', ['add', '-c', file, record]), site.outgoing);
    assertRefused(await site.run('ssm', ['add', '--path', site.outgoing, record]), site.outgoing);
    assert.deepEqual(owners(site.outgoing), before);
  });

  it('starts neither ssmsend nor ssmreceive: no log file, no lock, no directory', async (test) => {
    const site = await createOldSite(test);
    chownSync(site.outgoing, UID, UID);
    const log = { 'logging.logfile': path.join(site.directory, 'log') };
    const env = { container: undefined };
    assertRefused(await site.run('ssmsend', ['-c', site.senderConfig(log)], { env }), site.outgoing);
    chownSync(path.dirname(site.incoming), UID, UID);
    // The queues are not made yet: the directory that they will be in says whose they are.
    const args = ['-c', site.receiverConfig(log), '-d', site.dns, '--ops.port=0'];
    assertRefused(await site.run('ssmreceive', args, { env }), path.dirname(site.incoming));
    assert.deepEqual(readdirSync(path.dirname(site.incoming)), ['outgoing']);
    assert.deepEqual(readdirSync(site.outgoing), []);
    assert.equal(readdirSync(site.directory).includes('log'), false);
  });

  it('starts ssmsend in a container, which was given its user, and where root has worked before', async (test) => {
    const site = await createOldSite(test);
    chownSync(site.outgoing, UID, UID);
    const first = await site.run('ssmsend', ['-c', site.senderConfig()], { env: { container: 'oci' } });
    assert.equal(first.code, 0, first.out + first.err);
    const again = await site.run('ssmsend', ['-c', site.senderConfig()], { env: { container: undefined } });
    assert.equal(again.code, 0, again.out + again.err);
    rmSync(path.join(site.outgoing, '.claimed'), { recursive: true });
    assertRefused(await site.run('ssmsend', ['-c', site.senderConfig()], { env: { container: undefined } }), site.outgoing);
  });

  it('is not almighty where the owner is no user of its user namespace', { skip: requireTools('unshare') }, async (test) => {
    const site = await createOldSite(test);
    chownSync(site.outgoing, UID, UID);
    const script = path.join(import.meta.dirname, '../src/ssm.js');
    const record = path.join(site.directory, 'record');
    writeFileSync(record, 'x');
    const { status, stderr } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', process.execPath, script, 'add', '--path', site.outgoing, record],
      { encoding: 'utf8' },
    );
    assert.equal(status, 1);
    assert.match(stderr, /permission-denied.*we are uid 0 gid 0/, stderr);
  });
});
