/** The operator's tools as real processes, on queues that real services have filled. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDevBroker } from '@ssm/devbroker';
import { NormalReader } from '@ssm/spool';
import { createCrl, eventually, type Scope, temporaryDirectory, writeTrustDirectory } from '@ssm/test-support';
import { createOldSite, type OldSite } from './support/old-site.js';

const PATIENCE = 90_000;
const SSM = fileURLToPath(new URL('../src/ssm.js', import.meta.url));

/** A shell line in which `ssm` is ours. */
function shell(line: string): { readonly code: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `ssm() { '${process.execPath}' '${SSM}' "$@"; }; ${line}`], {
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

/** Sends, and receives until as many are stored or rejected. */
async function exchange(site: OldSite, count: number): Promise<void> {
  const sent = await site.run('ssmsend', ['-c', site.senderConfig()]);
  assert.equal(sent.code, 0, sent.out);
  const receiver = await site.start('ssmreceive', ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0']);
  await eventually(() => receiver.lines.filter(({ text }) => /(INFO|WARN) {2}message {2}/.test(text)).length >= count, {
    timeout: PATIENCE,
  });
  receiver.signal('SIGTERM');
  await receiver.exited;
}

function useOldCrl(site: OldSite): void {
  const { ca, trustDirectory } = site.pki;
  rmSync(trustDirectory, { recursive: true });
  const day = 86_400_000;
  const crls = [createCrl({ issuer: ca, thisUpdate: new Date(Date.now() - 2 * day), nextUpdate: new Date(Date.now() - day) })];
  writeTrustDirectory(trustDirectory, { cas: [ca], crls });
}

async function firstReject(site: OldSite): Promise<string> {
  const [first] = await site.rejected();
  assert.ok(first?.['name'] !== undefined, 'nothing was rejected');
  return first['name'];
}

async function check(site: OldSite, ...args: string[]): Promise<{ code: number | null; text: string }> {
  const { code, out, err } = await site.run('ssm', ['check', ...args]);
  return { code, text: out + err };
}

/** A broker whose ERROR repeats the CONNECT that it refuses. */
async function startEcho(scope: Scope): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (connect) => socket.end(`ERROR\nmessage:refused\n\n${connect.toString().replaceAll('\0', '')}\0`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => void server.close());
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens at a port
  return `stomp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a broker that repeats the passcode', () => {
  it('does not bring it into the health page, what ssm status and ssm check print, or the log', async (test) => {
    const site = await createOldSite(test);
    const env = { SSM_BROKER_URLS: await startEcho(test), SSM_BROKER_LOGIN: 'site', SSM_BROKER_PASSCODE: 'S3cretPasscode' };
    const receiver = await site.start('ssmreceive', ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0'], { env });
    const [, url = ''] = await receiver.waitForLine(/health and metrics are served {2}url="?(http[^"\s]+)/, { timeout: PATIENCE });
    await receiver.waitForLine(/the broker is away .*passcode:\*\*\*/, { timeout: PATIENCE });
    const page = await (await fetch(`${url}/health/ready`)).text();
    const status = await site.run('ssm', ['status', '--url', url]);
    const checked = await site.run('ssm', ['check', '-c', site.senderConfig()], { env });
    for (const text of [page, status.out, checked.out])
      assert.match(text, /the broker says: refused: CONNECT .*login:site passcode:\*\*\*/);
    assert.doesNotMatch([page, status.out, checked.out, receiver.output()].join('\n'), /S3cret/);
  });
});

describe('ssm check', { concurrency: 2 }, () => {
  it('of a sender that works: a line each, and 0', async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    const { code, text } = await check(site, '-c', site.senderConfig());
    assert.equal(code, 0, text);
    for (const what of ['configuration', 'certificate', 'trust', 'chain', 'encryption', 'outgoing', 'log file', 'broker'])
      assert.match(text, new RegExp(`^ok +${what} `, 'm'));
    assert.match(text, /broker .*connected/);
    assert.equal(site.waiting().length, 1, 'nothing was sent');
  });

  it('of a receiver that works: nothing is taken from the broker', async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    await site.run('ssmsend', ['-c', site.senderConfig()]);
    const dn = site.pki.sites[0].dn;
    const file = site.receiverConfig();
    writeFileSync(path.join(site.directory, 'dns2'), `${dn}\n`);
    const env = { SSM_AUTHORISATION_ALLOW: site.dns };
    const good = await site.run('ssm', ['check', '-c', file, '--dn', dn], { env });
    assert.equal(good.code, 0, good.out);
    assert.match(good.out, /^ok +DN +.*may send$/m);
    assert.match(good.out, /^ok +incoming +.*will be made/m);
    const stranger = await site.run('ssm', ['check', '-c', file, '--dn', '/C=UK/CN=x'], { env });
    assert.equal(stranger.code, 1);
    assert.match(stranger.out, /^FAIL +DN +dn-not-listed.*\n +-> add it to/m);
    // As RFC 4514 the same attributes, but from the other end.
    const reversed = await site.run('ssm', ['check', '-c', file, '--dn', dn.slice(1).replaceAll('/', ',')], { env });
    assert.match(reversed.out, /^warn +DN .*write it so/m);
    assert.ok(reversed.out.includes(`in another order, ${dn}:`), reversed.out);
    await exchange(site, 1);
    assert.equal((await site.stored()).length, 1, 'the message was still there');
    const other = await site.run('ssm', ['check', '-c', file], { env: { ...env, SSM_DEDUPLICATION_PATH: `${site.directory}/record` } });
    assert.equal(other.code, 0, other.out);
    assert.match(other.out, /^warn +incoming +it was used before, but .*\/record is new$/m);
    // A mount point without its volume.
    renameSync(site.incoming, `${site.incoming}-elsewhere`);
    mkdirSync(site.incoming);
    const bare = await site.run('ssm', ['check', '-c', file], { env });
    assert.equal(bare.code, 1);
    assert.match(bare.out, /^FAIL +incoming +path-missing.*not the volume that its records know/m);
    assert.deepEqual(readdirSync(site.incoming), []);
  });

  it('of a receiver whose reject queue was filled by its predecessor', async (test) => {
    const site = await createOldSite(test);
    for (const digit of ['a', 'b', 'c']) {
      const element = path.join(path.dirname(site.incoming), 'reject/00000000', digit.repeat(14));
      mkdirSync(element, { recursive: true });
      writeFileSync(path.join(element, 'error'), 'Could not extract message.');
    }
    const about = async (maximum: string): Promise<string> => {
      const env = { SSM_AUTHORISATION_ALLOW: site.dns, SSM_REJECT_MAXIMUM_COUNT: maximum };
      return (await site.run('ssm', ['check', '--offline', '-c', site.receiverConfig()], { env })).out;
    };
    assert.match(await about('4'), /^warn +reject .* is full: 3 elements, 78 B\. .*\n +-> ssm queue purge reject/m);
    assert.doesNotMatch(await about('5'), /is full/);
  });

  it('says what is wrong and what to do, and goes on to the next', async (test) => {
    const site = await createOldSite(test);
    chmodSync(site.pki.sites[0].keyPath, 0o644);
    useOldCrl(site);
    const file = site.senderConfig({
      'broker.port': '1',
      'messaging.path': '/nowhere',
      'logging.logfile': '/nowhere/log',
      'broker.x': 'y',
    });
    const { code, text } = await check(site, '-c', file);
    assert.equal(code, 1);
    assert.match(text, /^warn +configuration +.*\[broker\] x: unknown key/m);
    assert.match(text, /^FAIL +certificate +key-world-readable.*\n +-> chmod 0400/m);
    assert.match(text, /^warn +CRLs +1 are out of date.*\n +-> run fetch-crl/m);
    assert.match(text, /^FAIL +outgoing +path-missing/m);
    assert.match(text, /^FAIL +log file +log-file-failed/m);
    assert.match(text, /^skip +broker +not tried/m);
  });

  it('names what is not used beside the fault that it may explain', async (test) => {
    const site = await createOldSite(test);
    const file = site.senderConfig({ 'messaging.destination': undefined, 'messaging.destinaton': '/queue/x' });
    const { code, out } = await site.run('ssm', ['check', '-c', file], { env: { SSM_BROKR_ADDRESSES: 'x' } });
    assert.equal(code, 1);
    assert.match(out, /^warn +configuration +\S+\.cfg:\d+ \[messaging\] destinaton: unknown key; did you mean destination\?$/m);
    assert.match(out, /^warn +configuration +variable SSM_BROKR_ADDRESSES: is not known; did you mean SSM_BROKER_\.\.\.\?$/m);
    assert.match(out, /^FAIL +configuration +broker\.destination: is required/m);
    assert.equal(out.match(/^FAIL/gm)?.length, 1);
    const sent = await site.run('ssmsend', ['-c', file]);
    assert.equal(sent.code, 1);
    assert.match(sent.err, /\[messaging\] destinaton: unknown key; did you mean destination\?$/m);
  });

  it('a broker that is not there, and one that does not know us', async (test) => {
    const site = await createOldSite(test);
    const away = await check(site, '-c', site.senderConfig({ 'broker.port': '1' }));
    assert.match(away.text, /^FAIL +broker +localhost:1: connect-failed: no connection .*\n +-> is the broker up/m);
    const { untrusted } = site.pki;
    const stranger = site.senderConfig({ 'certificates.certificate': untrusted.certificatePath, 'certificates.key': untrusted.keyPath });
    const refused = await check(site, '-c', stranger);
    assert.match(refused.text, /^FAIL +chain +chain-incomplete/m);
    const offered = `offered was \\S+ \\(${untrusted.certificatePath}, issued by /C=.*\\): ask the broker's operator`;
    assert.match(refused.text, new RegExp(`^FAIL +broker .*: tls-failed: .*client certificate.*\\n +-> ${offered}`, 'm'));
    assert.equal(refused.code, 1);
  });

  it('a broker that refuses the login: the keys, where they stand, and no value', async (test) => {
    const site = await createOldSite(test);
    const broker = await startDevBroker({ login: 'somebody', passcode: 'right' });
    test.after(() => broker.close());
    const file = site.senderConfig({ 'broker.port': String(broker.port), 'broker.use_ssl': 'false' });
    const none = await check(site, '-c', file);
    assert.match(
      none.text,
      /^FAIL +broker +localhost:\d+: broker-error: the broker says.*\n +-> .*without a login: set broker\.login and broker\.passcode/m,
    );
    const env = { SSM_BROKER_LOGIN: 'somebody', SSM_BROKER_PASSCODE: 'wrong-one' };
    const wrong = await site.run('ssm', ['check', '-c', file], { env });
    const where = /-> .*correct broker\.login \(variable SSM_BROKER_LOGIN\) and broker\.passcode \(variable SSM_BROKER_PASSCODE\)/;
    assert.match(wrong.out, where);
    assert.doesNotMatch(wrong.out, /wrong-one/);
  });

  it('TLS on a port without it, and the other way round', async (test) => {
    const site = await createOldSite(test);
    const plain = await startDevBroker();
    test.after(() => plain.close());
    const advice = async (changes: Readonly<Record<string, string>>): Promise<string> => {
      const { out } = await site.run('ssm', ['check', '-c', site.senderConfig(changes)], { env: { SSM_BROKER_CONNECT_TIMEOUT: '1s' } });
      return /^FAIL +broker .*\n +-> (.*)$/m.exec(out)?.[1] ?? out;
    };
    assert.match(await advice({ 'broker.use_ssl': 'false' }), /^is TLS spoken on this port\? .*use_ssl: true in \[broker\]$/);
    assert.match(
      await advice({ 'broker.port': String(plain.port) }),
      /^is TLS spoken on this port\? if not, .*use_ssl: false in \[broker\]$/,
    );
  });

  it('of a configuration with faults names them all; --json is for programs', async (test) => {
    const site = await createOldSite(test);
    const file = site.senderConfig({ 'logging.level': 'x', 'messaging.path_type': 'y' });
    const { code, text } = await check(site, '-c', file, '--json');
    assert.equal(code, 1);
    const findings = JSON.parse(text) as { state: string; detail: string }[];
    assert.deepEqual(
      findings.map(({ state, detail }) => [state, /\] (\w+: "\w") is not allowed/.exec(detail)?.[1]]),
      [
        ['FAIL', 'path_type: "y"'],
        ['FAIL', 'level: "x"'],
      ],
    );
    const lines = await check(site, '-c', file);
    assert.match(
      lines.text,
      /^FAIL +configuration +\S+\.cfg:\d+ .*path_type.*\nFAIL +configuration +\S+\.cfg:\d+ .*level.*\n +-> correct what is said/,
    );
  });
});

describe('ssm where only the environment says what the service runs with', { skip: foundHere() }, () => {
  it('checks, and tries rejects again', async (test) => {
    const site = await createOldSite(test);
    const { server, trustDirectory } = site.pki;
    writeFileSync(site.dns, '/C=UK/CN=somebody else\n');
    await site.add('the record');
    await exchange(site, 1);
    writeFileSync(site.dns, `${site.pki.sites[0].dn}\n`);
    const env = {
      SSM_BROKER_URLS: `stomp+ssl://localhost:${site.broker.port}`,
      SSM_BROKER_DESTINATION: '/queue/accounting',
      SSM_IDENTITY_CERTIFICATE: server.certificatePath,
      SSM_IDENTITY_KEY: server.keyPath,
      SSM_TRUST_DIRECTORY: trustDirectory,
      SSM_AUTHORISATION_ALLOW: site.dns,
      SSM_INCOMING_PATH: site.incoming,
      SSM_REJECT_PATH: site.reject,
    };
    const checked = await site.run('ssm', ['check'], { env });
    assert.equal(checked.code, 0, checked.out + checked.err);
    assert.match(checked.out, /^ok +configuration +the environment alone, of a receiver$/m);
    const requeued = await site.run('ssm', ['queue', 'requeue', 'reject', '--all'], { env });
    assert.match(requeued.out, /accepted=1/, requeued.err);
    const nothing = await site.run('ssm', ['check'], { env: { SSM_OPS_HOST: '0.0.0.0' } });
    assert.deepEqual([nothing.code, /no configuration/.test(nothing.err)], [2, true]);
  });
});

/** A host that has a configuration of its own. */
function foundHere(): boolean {
  const files = ['/etc/apel/sender.cfg', '/etc/apel/receiver.cfg', '/etc/ssm/sender.yaml', '/etc/ssm/receiver.yaml'];
  return files.some((file) => existsSync(file));
}

/** An element whose values are those of a refused one. */
function makeElement(queue: string, name: string, ...keys: readonly string[]): void {
  mkdirSync(path.join(queue, '00000000', name), { recursive: true });
  for (const key of keys) writeFileSync(path.join(queue, '00000000', name, key), `crl-expired: ${key}`);
}

describe('ssm queue', { concurrency: 2 }, () => {
  it('a reject for an old CRL: listed, explained, tried again when it is renewed', async (test) => {
    const site = await createOldSite(test);
    const fresh = path.join(site.directory, 'fresh');
    writeTrustDirectory(fresh, { cas: [site.pki.ca], crls: [createCrl({ issuer: site.pki.ca })] });
    await site.add('the record');
    const sent = await site.run('ssmsend', ['-c', site.senderConfig()]);
    assert.equal(sent.code, 0, sent.out);
    useOldCrl(site);
    await exchangeRejected(site);
    const env = { SSM_AUTHORISATION_ALLOW: site.dns };
    const file = site.receiverConfig();
    const name = await firstReject(site);

    const list = await site.run('ssm', ['queue', 'list', 'reject', '-c', file]);
    assert.match(list.out, new RegExp(`${name} .*crl-expired: .*${site.pki.sites[0].dn}`));
    assert.match(list.out, /: 1 element$/m);

    const show = await site.run('ssm', ['queue', 'show', 'reject', name, '-c', file], { env });
    assert.equal(show.code, 0, show.err);
    for (const step of ['parse', 'decrypt', 'signer', 'signature', 'contents', 'chain'])
      assert.match(show.out, new RegExp(`^${step} +ok`, 'm'));
    assert.match(show.out, /^revocation +failed +crl-expired/m);
    assert.match(show.out, /^authorised +not reached/m);
    assert.match(show.out, /may be accepted when this is put right/);
    assert.match(show.out, /the record/);

    const renewed = site.receiverConfig({ 'certificates.capath': fresh });
    const again = await site.run('ssm', ['queue', 'show', 'reject', name, '-c', renewed], { env });
    assert.match(again.out, /It would be accepted now/);
    const requeued = await site.run('ssm', ['queue', 'requeue', 'reject', name, '-c', renewed], { env });
    assert.equal(requeued.code, 0, requeued.out + requeued.err);
    assert.match(requeued.out, /accepted=1/);
    assert.deepEqual(
      (await site.stored()).map(({ body }) => body),
      ['the record'],
    );
    assert.deepEqual(await site.rejected(), []);
  });

  it('the list that the receiver was started with is given to check, open, show and requeue', async (test) => {
    const site = await createOldSite(test);
    const dn = site.pki.sites[0].dn;
    const dns2 = path.join(site.directory, 'dns2');
    writeFileSync(dns2, '/C=UK/CN=somebody else\n');
    await site.add('the record');
    const sent = await site.run('ssmsend', ['-c', site.senderConfig()]);
    assert.equal(sent.code, 0, sent.out);
    const receiver = await site.start('ssmreceive', ['-c', site.receiverConfig(), '-d', dns2, '--ops.port=0']);
    await receiver.waitForLine(/WARN {2}message {2}.*result=rejected/, { timeout: PATIENCE });
    receiver.signal('SIGTERM');
    await receiver.exited;
    writeFileSync(dns2, `${dn}\n`);
    const file = site.receiverConfig();
    const given = ['-c', file, '-d', dns2];
    const name = await firstReject(site);
    assert.match((await check(site, ...given, '--dn', dn, '--offline')).text, /^ok +DN /m);
    assert.match((await site.run('ssm', ['queue', 'show', 'reject', name, ...given])).out, /It would be accepted now/);
    const raw = path.join(site.reject, name, 'raw');
    assert.deepEqual(await site.run('ssm', ['open', ...given, raw]), { code: 0, out: 'the record\n', err: '' });
    const requeued = await site.run('ssm', ['queue', 'requeue', 'reject', '--all', '-c', file, `--dn_file=${dns2}`]);
    assert.match(requeued.out, /accepted=1/, requeued.err);
    for (const args of [['check'], ['queue', 'requeue', 'quarantine', '--all']]) {
      const wrong = await site.run('ssm', [...args, '-c', site.senderConfig(), '-d', dns2]);
      assert.deepEqual([wrong.code, /only a receiver has a list of DNs/.test(wrong.err)], [2, true], wrong.err);
    }
  });

  it('a stranger, and a message that can never be accepted', async (test) => {
    const site = await createOldSite(test);
    writeFileSync(site.dns, '/C=UK/CN=somebody else\n');
    await site.add('from a stranger');
    await exchange(site, 1);
    const env = { SSM_AUTHORISATION_ALLOW: site.dns };
    const file = site.receiverConfig();
    const name = await firstReject(site);
    const show = await site.run('ssm', ['queue', 'show', 'reject', name, '-c', file, '--json'], { env });
    const { verification } = JSON.parse(show.out) as { verification: { code: string; steps: { step: string; state: string }[] } };
    assert.equal(verification.code, 'dn-not-listed');
    assert.deepEqual(verification.steps.at(-1)?.state, 'failed');
    // What was tampered with is told apart at the step that finds it.
    const element = path.join(site.reject, name, 'raw');
    writeFileSync(element, readFileSync(element).subarray(0, 200));
    const broken = await site.run('ssm', ['queue', 'show', 'reject', name, '-c', file], { env });
    assert.match(broken.out, /^parse +failed +message-malformed/m);
    assert.match(broken.out, /^decrypt +not reached/m);
    assert.match(broken.out, /It was refused for dn-not-listed; now it is refused for message-malformed/);
  });

  it('purge says what it would remove, and removes it when it is told to', async (test) => {
    const site = await createOldSite(test);
    writeFileSync(site.dns, '/C=UK/CN=somebody else\n');
    await site.add('1', '2');
    await exchange(site, 2);
    const purge = (...args: string[]): Promise<{ code: number | null; out: string; err: string }> =>
      site.run('ssm', ['queue', 'purge', 'reject', '--path', site.reject, ...args]);
    assert.equal((await purge()).code, 2, 'everything must be asked for');
    assert.match((await purge('--older-than', '1d')).out, /^0 would be removed/m);
    assert.match((await purge('--code', 'crl-expired', '--yes')).out, /^0 removed/m);
    const dry = await purge('--all');
    assert.match(dry.out, /^2 would be removed, .*Add --yes/m);
    assert.equal((await site.rejected()).length, 2);
    const reader = new NormalReader({ path: site.reject });
    const name = await firstReject(site);
    await reader.lock(name);
    const partly = await purge('--all', '--yes');
    assert.deepEqual([partly.code, /^1 removed, .*1 left$/m.test(partly.out)], [1, true], partly.out);
    // Of a command that was killed.
    utimesSync(path.join(site.reject, name), 1_600_000_000, 1_600_000_000);
    assert.equal((await purge('--code', 'dn-not-listed', '-y')).code, 0);
    assert.deepEqual(await site.rejected(), []);
    for (const queue of ['outgoing', 'incoming'])
      assert.equal((await site.run('ssm', ['queue', 'purge', queue, '--all', '--path', '/x'])).code, 2);
  });

  it('purge leaves in place what is no reject, and goes on after what is damaged', async (test) => {
    const site = await createOldSite(test);
    makeElement(site.incoming, '6b04bf98c69d26', 'body', 'signer', 'empaid');
    const args = ['queue', 'purge', 'reject', '--all', '--yes', '--path'];
    const wrong = await site.run('ssm', [...args, site.incoming]);
    assert.deepEqual([wrong.code, wrong.out], [1, '0 removed, 0 B; 0 left\n']);
    assert.equal(wrong.err, '00000000/6b04bf98c69d26: not a reject\n1 passed over\n');
    assert.equal((await site.stored()).length, 1);

    for (const name of ['6b04bf98c69d26', '6b04bf98c69d28']) makeElement(site.reject, name, 'body', 'error');
    const names = ['6b04bf98c69d26', '6b04bf98c69d27', '6b04bf98c69d28'].map((name) => `00000000/${name}`);
    for (const command of [
      ['purge', 'reject', '--path', site.reject],
      ['requeue', 'reject', '-c', site.receiverConfig()],
    ]) {
      const { code, err } = await site.run('ssm', ['queue', ...command, ...names], { env: { SSM_AUTHORISATION_ALLOW: site.dns } });
      assert.equal(code, 1);
      assert.match(err, /^00000000\/6b04bf98c69d27: claim-lost/m);
      assert.doesNotMatch(err, /undefined/);
    }
    const purged = await site.run('ssm', [...args, site.reject, ...names]);
    assert.deepEqual([purged.code, /^2 removed, .* 0 left$/m.test(purged.out)], [1, true], purged.out + purged.err);
  });

  it('a quarantined file goes back under its name and is sent; one whose name is taken stays', async (test) => {
    const site = await createOldSite(test);
    const [name] = await site.add('x'.repeat(2_000));
    const file = site.senderConfig();
    await site.run('ssmsend', ['-c', file, '--limits.body=1000']);
    const list = await site.run('ssm', ['queue', 'list', 'quarantine', '-c', file, '--json']);
    const { elements } = JSON.parse(list.out) as { elements: { name: string; file: string; code: string }[] };
    assert.deepEqual(
      elements.map((element) => [element.file, element.code]),
      [[name, 'too-large']],
    );
    const element = elements[0]!.name;
    const show = await site.run('ssm', ['queue', 'show', 'quarantine', element, '-c', file]);
    assert.match(show.out, /^error +too-large: /m);
    assert.equal(shell(`ssm queue show quarantine ${element} -c ${file} --body | wc -c`).out.trim(), '2000');

    mkdirSync(path.dirname(path.join(site.outgoing, name!)), { recursive: true });
    writeFileSync(path.join(site.outgoing, name!), 'another');
    const taken = await site.run('ssm', ['queue', 'requeue', 'quarantine', element, '-c', file]);
    assert.equal(taken.code, 1);
    assert.match(taken.err, /name-taken/);
    rmSync(path.join(site.outgoing, name!));
    const back = await site.run('ssm', ['queue', 'requeue', 'quarantine', '--code', 'too-large', '-c', file]);
    assert.equal(back.code, 0, back.err);
    assert.deepEqual(site.waiting(), [name]);
    assert.equal((await site.run('ssmsend', ['-c', file])).code, 0);
  });

  it('a quarantined link or FIFO is shown for what it is, and neither followed nor opened', async (test) => {
    const site = await createOldSite(test);
    const file = site.senderConfig();
    const secret = site.pki.sites[0].keyPath;
    const made = ['00000000/6b04bf98c69d20', '00000000/6b04bf98c69d21'].map((name) => path.join(site.outgoing, name)) as [string, string];
    mkdirSync(path.dirname(made[0]));
    symlinkSync(secret, made[0]);
    assert.equal(spawnSync('mkfifo', [made[1]]).status, 0);
    await site.run('ssmsend', ['-c', file]);
    const list = await site.run('ssm', ['queue', 'list', 'quarantine', '-c', file, '--json']);
    const { elements } = JSON.parse(list.out) as { elements: { name: string; file: string }[] };
    assert.equal(elements.length, 2, list.out);
    for (const { name, file: was } of elements) {
      const given = ['quarantine', name, '-c', file];
      const kind = made[0].endsWith(was) ? `a symbolic link to "${secret}", which is not followed` : 'a FIFO';
      const show = await site.run('ssm', ['queue', 'show', ...given]);
      assert.equal(show.code, 0, show.err);
      assert.match(show.out, /^error +not-regular: /m);
      assert.ok(show.out.endsWith(`\nNo regular file: ${kind}\n`), show.out);
      const body = await site.run('ssm', ['queue', 'show', ...given, '--body']);
      assert.deepEqual([body.code, body.out], [1, '']);
      assert.ok(body.err.includes(kind), body.err);
      const json = JSON.parse((await site.run('ssm', ['queue', 'show', ...given, '--json'])).out) as { type: string; target?: string };
      assert.deepEqual([json.type, json.target], made[0].endsWith(was) ? ['symbolic link', secret] : ['FIFO', undefined]);
    }
  });

  it('outgoing: what waits, and what does not count', async (test) => {
    const site = await createOldSite(test);
    const file = site.senderConfig();
    const [name] = await site.add('record');
    writeFileSync(path.join(site.outgoing, `${name!.slice(0, 8)}/00000000000001.tmp`), '');
    const list = await site.run('ssm', ['queue', 'list', 'outgoing', '-c', file]);
    assert.equal(list.code, 0, list.err);
    assert.match(list.out, new RegExp(`^${name} +6 B `, 'm'));
    assert.match(list.out, /: 1 waiting, 0 locked, 1 ignored$/m);
    assert.match((await site.run('ssm', ['queue', 'show', 'outgoing', name!, '-c', file])).out, /record/);
    rmSync(path.join(site.outgoing, name!));
    symlinkSync(site.pki.sites[0].keyPath, path.join(site.outgoing, name!));
    const link = await site.run('ssm', ['queue', 'show', 'outgoing', name!, '-c', file]);
    assert.deepEqual([link.code, link.out], [1, '']);
    assert.equal((await site.run('ssm', ['queue', 'show', 'outgoing', '../../etc/passwd', '-c', file])).code, 2);
    assert.equal(existsSync(path.join(site.outgoing, '.claimed')), false, 'looking changes nothing');
  });

  it('hostile text in a reject reaches no terminal', async (test) => {
    const site = await createOldSite(test);
    const element = path.join(site.reject, '00000000/6b04bf98c69d26');
    mkdirSync(element, { recursive: true });
    for (const key of ['body', 'signer', 'empaid', 'error'])
      writeFileSync(path.join(element, key), `${key}: \u001b[2J\u202e\u0007\r\nerror     forged\n`);
    for (const args of [
      ['list', 'reject'],
      ['show', 'reject', '00000000/6b04bf98c69d26'],
      ['list', 'reject', '--json'],
    ]) {
      const { out, err } = await site.run('ssm', ['queue', ...args, '--path', site.reject]);
      if (args.includes('--json'))
        assert.ok((JSON.parse(out) as { elements: { signer: string }[] }).elements[0]?.signer.includes('\u001b[2J\u202e'));
      if (!args.includes('--json')) assert.doesNotMatch(out.split('\n\n')[0] ?? '', /^error +forged/m);
      for (const hostile of ['\u001b', '\u202e', '\u0007', '\r']) assert.equal((out + err).includes(hostile), false);
    }
  });
});

async function exchangeRejected(site: OldSite): Promise<void> {
  const receiver = await site.start('ssmreceive', ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0']);
  await receiver.waitForLine(/WARN {2}message {2}.*result=rejected/, { timeout: PATIENCE });
  receiver.signal('SIGTERM');
  await receiver.exited;
}

describe('ssm seal, open and add', { concurrency: 2 }, () => {
  it('what is sealed opens again, through a pipe, byte for byte', async (test) => {
    const site = await createOldSite(test);
    const body = path.join(site.directory, 'body');
    writeFileSync(body, Buffer.from([0, 13, 10, 255, 32, 10]));
    const [sender, receiver] = [site.senderConfig(), site.receiverConfig()];
    const line = `export SSM_AUTHORISATION_ALLOW=${site.dns}; ssm seal -c ${sender} ${body} | ssm open -c ${receiver} - | cmp - ${body}`;
    assert.deepEqual(shell(line), { code: 0, out: '', err: '' });
    const plain = shell(`ssm seal -c ${sender} --plain - < ${body}`);
    assert.match(plain.out, /multipart\/signed/);
    const explained = shell(
      `export SSM_AUTHORISATION_ALLOW=${site.dns}; ssm seal -c ${sender} ${body} | ssm open -c ${receiver} --explain -`,
    );
    assert.equal(explained.code, 0);
    assert.match(explained.out, /^authorised +ok +the signer is on the allow list$/m);
    const refused = shell(
      `export SSM_AUTHORISATION_ALLOW=${site.dns} SSM_VERIFICATION_UTF8=true; ssm seal -c ${sender} ${body} | ssm open -c ${receiver} --explain -`,
    );
    assert.equal(refused.code, 1);
    assert.match(refused.out, /^authorised +failed +not-utf8: .* not UTF-8 text$/m);
  });

  it('nothing is written of a message that does not pass, nor over a file that is there', async (test) => {
    const site = await createOldSite(test);
    const out = path.join(site.directory, 'out');
    const [sender, receiver] = [site.senderConfig(), site.receiverConfig()];
    const allow = `export SSM_AUTHORISATION_ALLOW=${site.dns}`;
    const sealed = path.join(site.directory, 'sealed');
    assert.equal(shell(`echo record | ssm seal -c ${sender} --plain -o ${sealed} -`).code, 0);
    writeFileSync(sealed, readFileSync(sealed, 'latin1').replace('record', 'RECORD'), 'latin1');
    const opened = shell(`${allow}; ssm open -c ${receiver} -o ${out} ${sealed}`);
    assert.deepEqual([opened.code, opened.out, existsSync(out)], [1, '', false]);
    assert.match(opened.err, /^signature +failed +digest-mismatch/m);
    writeFileSync(out, 'mine');
    assert.equal(shell(`echo x | ssm seal -c ${sender} -o ${out} -`).code, 1);
    assert.equal(readFileSync(out, 'utf8'), 'mine');
  });

  it('adds files to a dirq and to a plain directory', async (test) => {
    const site = await createOldSite(test);
    const file = path.join(site.directory, 'record.txt');
    writeFileSync(file, 'a record');
    const dirq = site.senderConfig();
    const added = shell(`ssm add -c ${dirq} ${file} ; echo piped | ssm add -c ${dirq} -`);
    assert.equal(added.code, 0, added.err);
    const names = added.out.trim().split('\n');
    assert.equal(names.length, 2);
    assert.deepEqual(
      names.map((name) => readFileSync(path.join(site.outgoing, name), 'utf8')),
      ['a record', 'piped\n'],
    );

    const plain = path.join(site.directory, 'plain');
    mkdirSync(plain);
    const options = `--path ${plain} --layout directory`;
    assert.deepEqual(shell(`ssm add ${options} ${file}`), { code: 0, out: 'record.txt\n', err: '' });
    const twice = shell(
      `ssm add ${options} ${file}; echo $?; echo x | ssm add ${options} -; echo $?; echo x | ssm add ${options} --name y -`,
    );
    assert.deepEqual(twice.out.trim().split('\n'), ['1', '2', 'y']);
    assert.match(twice.err, /name-taken/);
    assert.equal(shell(`ssm add -c ${dirq} ${site.directory}/none`).code, 1);
  });

  it('adds nothing of what a signal cut off, though the pipe ends in order', async (test) => {
    const directory = temporaryDirectory(test);
    const [queue, file] = [path.join(directory, 'queue'), path.join(directory, 'record.txt')];
    mkdirSync(queue);
    writeFileSync(file, 'a record');
    const child = spawn(process.execPath, [SSM, 'add', '--path', queue, file, '-']);
    child.stdin.write('half a record');
    // The first is added, so signals are listened for.
    const [name] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGINT');
    child.stdin.end();
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 1);
    const added = readdirSync(queue, { recursive: true, encoding: 'utf8' }).filter((each) => each.includes('/'));
    assert.deepEqual(added, [String(name).trim()]);
  });
});

describe('ssm', () => {
  it('prints all of a long answer to a slow reader, and takes one that goes away', (test) => {
    const queue = temporaryDirectory(test);
    for (let index = 0; index < 500; index += 1) {
      const element = path.join(queue, '00000000', `6b04bf98c${(0x10000 + index).toString(16)}`);
      mkdirSync(element, { recursive: true });
      writeFileSync(path.join(element, 'error'), `crl-expired: ${'x'.repeat(200)}`);
    }
    const list = `ssm queue list reject --path ${queue} --limit 0 --json`;
    const whole = shell(`${list} | (sleep 1; cat)`);
    assert.equal((JSON.parse(whole.out) as { elements: unknown[] }).elements.length, 500);
    assert.deepEqual(shell(`${list} | head -1; echo \${PIPESTATUS[0]}`), { code: 0, out: '{\n0\n', err: '' });
  });

  it('says that its output has no room, and ends with 1', { skip: process.platform !== 'linux' }, () => {
    const { code, err } = shell('ssm --help > /dev/full');
    assert.equal(code, 1);
    assert.match(err, /^ssm: the output cannot be written: .*ENOSPC/);
  });
});

describe('ssm status', () => {
  it('asks a running service', async (test) => {
    const site = await createOldSite(test);
    const receiver = await site.start('ssmreceive', ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0']);
    const [, url = ''] = await receiver.waitForLine(/health and metrics are served {2}url="?(http[^"\s]+)/, { timeout: PATIENCE });
    await eventually(async () => (await site.run('ssm', ['status', '--url', url])).code === 0, { timeout: PATIENCE, what: 'ready' });
    const { out } = await site.run('ssm', ['status', '--url', url]);
    assert.match(out, /^receiver \S+ at http.*: alive, ready$/m);
    assert.match(out, /^ {2}broker +ok$/m);
    assert.match(out, /^ {2}certificate ends .*in \d+ d$/m);
    const json = JSON.parse((await site.run('ssm', ['status', '--url', url, '--json'])).out) as { ready: boolean; service: string }[];
    assert.deepEqual(
      json.map(({ ready, service }) => [ready, service]),
      [[true, 'receiver']],
    );
    // A service that listens at every address is asked at one of them.
    const { port } = new URL(url);
    const env = { SSM_OPS_HOST: '::', SSM_OPS_PORT: port };
    const configured = await site.run('ssm', ['status', '-c', site.receiverConfig()], { env });
    assert.match(configured.out, new RegExp(`^receiver \\S+ at http://localhost:${port}: alive, ready$`, 'm'));
    receiver.signal('SIGTERM');
    await receiver.exited;
    const gone = await site.run('ssm', ['status', '--url', url]);
    assert.equal(gone.code, 1);
    assert.match(gone.out, /^http\S+: does not answer \(connection refused\): is it running\?$/m);
  });

  it('of an old file of a sender says that a run of ssmsend has no health page, unless a port is given', async (test) => {
    const site = await createOldSite(test);
    const args = ['status', '-c', site.senderConfig()];
    const none = await site.run('ssm', args);
    assert.deepEqual([none.code, none.out], [2, '']);
    assert.match(none.err, /no health page to ask; .* of ssm-sender\.service http:\/\/127\.0\.0\.1:9101$/m);
    const given = await site.run('ssm', args, { env: { SSM_OPS_PORT: '1' } });
    assert.match(given.out, /^sender at http:\/\/127\.0\.0\.1:1: /);
  });
});
