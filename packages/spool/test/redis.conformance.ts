import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  createDemoPki,
  type DemoPki,
  type RedisOptions,
  type RedisServer,
  requireTools,
  type Scope,
  startNode,
  startRedis,
  startTcpProxy,
  temporaryDirectory,
} from '@ssm/test-support';
import type { RecordServer } from '../src/options.js';
import { RedisClaims } from '../src/redis-claims.js';
import { SharedDeliveryRecord } from '../src/shared-record.js';
import { recordConformance } from './record-conformance.js';
import { sharedConformance } from './shared-conformance.js';
import { HOUR, rejectsWith } from './support.js';

// The shared record on a real redis-server, and what happens when that is in trouble.

const A = '.staging/a/1';
const B = '.staging/b/1';
const skip = requireTools('redis');

/** Everything is so much older: what would have expired is gone. */
const PASS = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left > 0 and left <= tonumber(ARGV[1]) then redis.call('DEL', key) end
  if left > tonumber(ARGV[1]) then redis.call('PEXPIRE', key, left - ARGV[1]) end
  if string.match(key, ':volumes$') then
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      local time, label = string.match(all[i + 1], '^(%d+) (.*)$')
      redis.call('HSET', key, all[i], string.format('%.0f', time - ARGV[1]) .. ' ' .. label)
    end
  end
end`;

const LASTING = `
local count = 0
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':id:*')) do
  if redis.call('PTTL', key) == -1 then count = count + 1 end
end
return count`;

interface Made {
  readonly now?: () => Date;
  readonly prefix?: string;
  readonly server?: Partial<RecordServer>;
}

function recordOn(scope: Scope, url: string, root: string, { now, prefix = 'ssm', server = {} }: Made = {}): SharedDeliveryRecord {
  const options = { url, prefix, timeoutMs: 5000, ...server };
  const label = root.replace(/.*\//, '');
  const record = new SharedDeliveryRecord(
    { path: root, label, windowMs: HOUR, server: options, ...(now === undefined ? {} : { now }) },
    new RedisClaims(options),
  );
  scope.after(() => record.close());
  return record;
}

describe('on a redis-server', { skip }, async () => {
  if (skip !== false) return;
  const server = await startRedis({ after });
  const make = (root: string, prefix: string, now?: () => Date): SharedDeliveryRecord =>
    recordOn({ after }, server.url, root, { prefix, ...(now === undefined ? {} : { now }) });
  const pass = async (milliseconds: number): Promise<void> => void (await server.command('EVAL', PASS, '0', `${milliseconds}`));
  recordConformance('shared, redis', { make: (root, now) => make(root, root, now), pass: (_root, milliseconds) => pass(milliseconds) });
  sharedConformance('redis', {
    make,
    pass,
    empty: async () => void (await server.command('FLUSHALL')),
    lasting: async (prefix) => Number(await server.command('EVAL', LASTING, '0', prefix)),
  });
});

interface Setting {
  readonly server: RedisServer;
  readonly record: SharedDeliveryRecord;
  readonly root: string;
}

async function setting(t: TestContext, options: RedisOptions = {}, own: Partial<RecordServer> = {}): Promise<Setting> {
  const server = await startRedis(t, options);
  const root = `${temporaryDirectory(t)}/record`;
  return { server, root, record: recordOn(t, server.url, root, { server: own }) };
}

describe('a server that is away', { skip }, () => {
  it('is no reason to forget: killed and started again it knows every claim', async (t) => {
    const { record, server } = await setting(t);
    await record.start();
    for (let index = 0; index < 50; index += 1) await record.claim(`${index}`, `.staging/a/${index}`);
    const other = recordOn(t, server.url, `${temporaryDirectory(t)}/other`);
    await other.start();
    await server.kill();
    const failure = await rejectsWith(record.claim('new', A), 'server-away');
    assert.match(failure.message, /127\.0\.0\.1:\d+ cannot be asked/);
    await rejectsWith(record.start(), 'server-away');
    await server.start();
    await record.start();
    for (let index = 0; index < 50; index += 1) assert.equal((await other.claim(`${index}`, B)).outcome, 'held');
    assert.deepEqual(await record.claim('new', A), { outcome: 'mine' });
  });

  it('is found at the next command when it ended a quiet connection', async (t) => {
    const { record, server } = await setting(t);
    const proxy = await startTcpProxy(t, server);
    const behind = recordOn(t, `redis://127.0.0.1:${proxy.port}`, `${temporaryDirectory(t)}/behind`);
    await behind.start();
    await record.start();
    for (let round = 0; round < 3; round += 1) {
      const before = proxy.accepted;
      proxy.cutAll();
      while (proxy.open > 0) await new Promise((resolve) => setImmediate(resolve));
      await assert.doesNotReject(async () => {
        // The end of the connection may not have been noticed yet.
        await behind.claim(`${round}`, A).catch(() => behind.claim(`${round}`, A));
      });
      assert.equal(proxy.accepted, before + 1);
    }
  });

  for (const stall of ['frozen', 'black hole'] as const)
    it(`fails every claim in time when it is silent (${stall}), and goes on when it speaks again`, async (t) => {
      const { record, root, server } = await setting(t);
      const proxy = await startTcpProxy(t, server);
      const behind = recordOn(t, `redis://127.0.0.1:${proxy.port}`, root, { server: { timeoutMs: 300 } });
      await record.start();
      await behind.start();
      await (stall === 'frozen' ? server.freeze() : proxy.setMode({ type: 'black-hole' }));
      const claims = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => behind.claim(`${index}`, `.staging/b/${index}`)));
      assert.deepEqual(
        [...new Set(claims.map((claim) => (claim.status === 'rejected' ? claim.reason.code : claim.value.outcome)))],
        ['server-away'],
      );
      await rejectsWith(behind.start(), 'server-away');
      await (stall === 'frozen' ? server.thaw() : proxy.setMode({ type: 'pass' }));
      await behind.start();
      for (let index = 0; index < 200; index += 1) assert.equal((await behind.claim(`${index}`, `.staging/b/${index}`)).outcome, 'mine');
    });

  it('that cannot be resolved or connected says so', async (t) => {
    const root = `${temporaryDirectory(t)}/record`;
    await rejectsWith(recordOn(t, 'redis://no-such-host.invalid:6379', root).start(), 'server-away');
    await rejectsWith(recordOn(t, 'redis://127.0.0.1:1', root).start(), 'server-away');
  });
});

describe('a server that refuses', { skip }, () => {
  it('does so by its code: a password, a full memory, a replica', async (t) => {
    const { record, root, server } = await setting(t, { config: ['--requirepass', 'secret'] }, { password: 'secret' });
    await record.start();
    const failure = await rejectsWith(recordOn(t, server.url, root, { server: { password: 'wrong-secret' } }).start(), 'server-refused');
    assert.match(failure.message, /WRONGPASS/);
    assert.doesNotMatch(failure.message, /wrong-secret/);
    await rejectsWith(recordOn(t, server.url, root).start(), 'server-refused');
    await server.command('--no-auth-warning', '-a', 'secret', 'CONFIG', 'SET', 'maxmemory', '1mb');
    assert.match((await rejectsWith(record.claim('full', A), 'server-refused')).message, /OOM/);
    await server.command('--no-auth-warning', '-a', 'secret', 'CONFIG', 'SET', 'maxmemory', '0');
    assert.deepEqual(await record.claim('full', A), { outcome: 'mine' });
    await server.command('--no-auth-warning', '-a', 'secret', 'REPLICAOF', '127.0.0.1', '1');
    assert.match((await rejectsWith(record.claim('replica', A), 'server-refused')).message, /READONLY/);
  });

  it('is understood when it says something that is no record', async (t) => {
    const { record, server } = await setting(t);
    await record.claim('id', A);
    const [key = ''] = (await server.command('KEYS', 'ssm:id:*')).split('\n');
    for (const value of ['', 'x', 'o', 'o 12 ', 'q 12 abc', `o ${'9'.repeat(30)} abc`]) {
      await server.command('SET', key, value);
      await rejectsWith(record.claim('id', A), 'record-corrupt');
      await rejectsWith(record.stored('id'), 'record-corrupt');
      await record.confirm('id');
    }
  });
});

describe('the configuration of the server', { skip }, () => {
  it('is in order as documented', async (t) => {
    const { record } = await setting(t);
    await record.start();
    assert.deepEqual(record.warnings, []);
  });

  it('is warned of where it forgets', async (t) => {
    const { record, server } = await setting(t, { config: ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'] });
    await record.start();
    assert.deepEqual(
      record.warnings.map(({ code }) => code),
      ['server-may-evict', 'server-not-durable'],
    );
    await server.command('CONFIG', 'SET', 'appendonly', 'yes');
    await server.command('CONFIG', 'SET', 'appendfsync', 'everysec');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await record.start();
    assert.deepEqual(
      record.warnings.map(({ code }) => code),
      ['server-syncs-late'],
    );
  });

  it('needs no more than the documented commands, with TLS and a client certificate', async (t) => {
    const pki = createDemoPki(`${temporaryDirectory(t)}/pki`, { key: 'p256' });
    const { record, root, server } = await setting(t, { pki }, { ...tlsOf(pki), username: 'ssm', password: 'secret' });
    await server.command('ACL', 'SETUSER', 'ssm', 'on', '>secret', '~ssm:*', ...documentedCommands());
    await server.command('ACL', 'SETUSER', 'default', 'off');
    await useAll(record, recordOn(t, server.url, `${root}-2`, { server: { ...tlsOf(pki), username: 'ssm', password: 'secret' } }));
    const elsewhere = recordOn(t, server.url, root, { prefix: 'other', server: { ...tlsOf(pki), username: 'ssm', password: 'secret' } });
    assert.match((await rejectsWith(elsewhere.start(), 'server-refused')).message, /NOPERM/);
  });

  it('is not believed without a certificate of a CA that is trusted', async (t) => {
    const pki = createDemoPki(`${temporaryDirectory(t)}/pki`, { key: 'p256' });
    const { root, server } = await setting(t, { pki });
    const start = (tls: Partial<RecordServer>): Promise<void> => recordOn(t, server.url, root, { server: tls }).start();
    await start(tlsOf(pki));
    await rejectsWith(start({ tls: () => ({ ca: [readFileSync(pki.untrustedCaPath, 'utf8')] }) }), 'server-away');
    await rejectsWith(start({ tls: () => ({ ca: [] }) }), 'server-away');
    await rejectsWith(start({ tls: () => ({ ca: [readFileSync(pki.caPath, 'utf8')] }) }), 'server-away');
    await rejectsWith(start({ url: `rediss://localhost.localdomain:${server.port}`, ...tlsOf(pki) }), 'server-away');
    await rejectsWith(start({ url: server.url.replace('rediss:', 'redis:'), timeoutMs: 1000 }), 'server-away');
  });
});

function tlsOf({ caPath, server }: DemoPki): Pick<RecordServer, 'tls'> {
  const [ca, certificate, key] = [caPath, server.certificatePath, server.keyPath].map((file) => readFileSync(file, 'utf8'));
  return { tls: () => ({ ca: [ca ?? ''], certificate: certificate ?? '', key: key ?? '' }) };
}

/** `+get +set ...` as docs/operations.md says. */
function documentedCommands(): string[] {
  const page = readFileSync(fileURLToPath(new URL('../../../../docs/operations.md', import.meta.url)), 'utf8');
  const [, commands = ''] = /^user ssm .*? ~ssm:\* (.*)$/m.exec(page) ?? [];
  return commands.split(' ');
}

/** Every function once. */
async function useAll(one: SharedDeliveryRecord, two: SharedDeliveryRecord): Promise<void> {
  for (const record of [one, two]) await record.start();
  for (const id of ['1', '2']) await one.claim(id, `.staging/a/${id}`);
  await one.stored('1');
  await one.confirm('1');
  await two.claim('1', B);
  await assert.rejects(two.requireFree(['2']), { code: 'held-elsewhere' });
  await two.alive();
  await two.volumes.list();
  await two.volumes.adopt(await one.volumes.own());
  assert.equal(await two.volumes.acceptServer(), false);
  await two.settle('2');
  await one.expire(HOUR, new Date());
  assert.deepEqual(one.warnings, []);
}

describe('the client library', () => {
  it('is not loaded unless a record is shared', async (t) => {
    const script = fileURLToPath(new URL('loaded.js', import.meta.url));
    const [files, shared] = [await startNode(t, script, ['files']), await startNode(t, script, ['shared'])];
    await Promise.all([files.exited, shared.exited]);
    assert.deepEqual([files.output('stdout'), shared.output('stdout')], ['0\n', 'loaded\n']);
  });
});
