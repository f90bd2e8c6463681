/** What root may not do on the queues of a service that runs as another user. Only root can set that up. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireTools, startNode } from '@ssm/test-support';
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

  it('runs neither replay nor adopt beside a receiver', async (test) => {
    const site = await createOldSite(test);
    await rejected(site);
    const start = fileURLToPath(new URL('../../../../scripts/start.cjs', import.meta.url));
    const settings = ['--broker.urls=stomp://localhost:1', '--broker.destination=/queue/x', '--ops.port=0'];
    for (const service of ['replay', 'adopt']) {
      const args = [service, ...settings, `--incoming.path=${site.incoming}`, `--reject.path=${site.reject}`];
      const child = await startNode(test, start, args, { env: { SSM_CONFIG: undefined } });
      const { code } = await child.exited;
      assertRefused({ code, out: child.output('stdout'), err: child.output('stderr') }, site.incoming);
    }
    assert.deepEqual(new Set(Object.values(owners(site.incoming))), new Set([UID]));
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

  it('runs ssmsend, as the old one was by cron, and may add to the queue where it works', async (test) => {
    const site = await createOldSite(test);
    chownSync(site.outgoing, UID, UID);
    const record = path.join(site.directory, 'record');
    writeFileSync(record, 'x');
    assertRefused(await site.run('ssm', ['add', '--path', site.outgoing, record]), site.outgoing);
    const sent = await site.run('ssmsend', ['-c', site.senderConfig()]);
    assert.equal(sent.code, 0, sent.out + sent.err);
    const warning = new RegExp(
      `WARN.* root works in a queue of another user .*${site.outgoing} belongs to uid ${UID}.*chown -Rh ${UID}:${UID} `,
    );
    assert.match(sent.out, warning);
    assert.doesNotMatch((await site.run('ssmsend', ['-c', site.senderConfig()])).out, /root works in/, 'where root works already');
    const added = await site.run('ssm', ['add', '--path', site.outgoing, record]);
    assert.equal(added.code, 0, added.out + added.err);
    rmSync(path.join(site.outgoing, '.claimed'), { recursive: true });
    assertRefused(await site.run('ssm', ['add', '--path', site.outgoing, record]), site.outgoing);
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
