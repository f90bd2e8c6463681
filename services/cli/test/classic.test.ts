/** ssmsend and ssmreceive as real processes, with the files that the Python SSM has. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, startNode } from '@ssm/test-support';
import { createOldSite, DESTINATION } from './support/old-site.js';

const PATIENCE = 90_000;
const START = fileURLToPath(new URL('../../../../scripts/start.cjs', import.meta.url));

describe('ssmsend and ssmreceive with old files', { concurrency: 2 }, () => {
  it('carry a file from the outgoing queue into incoming, encrypted, and stop as they should', async (test) => {
    const site = await createOldSite(test);
    const receiver = await site.start('ssmreceive', ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0']);
    await receiver.waitForLine(/INFO {2}started/, { timeout: PATIENCE });
    assert.equal(readFileSync(path.join(site.directory, 'spool/ssmreceive.pid'), 'utf8'), `${receiver.pid}\n`);
    await site.add('record 1', 'record 2');
    const sent = await site.run('ssmsend', ['-c', site.senderConfig()]);
    assert.equal(sent.code, 0, sent.out + sent.err);
    assert.match(sent.out, /INFO {2}all was sent {2}sent=2/);
    assert.deepEqual(site.waiting(), []);
    const stored = await eventually(async () => ((await site.stored()).length === 2 ? site.stored() : false), { timeout: PATIENCE });
    assert.deepEqual(new Set(stored.map(({ body }) => body)), new Set(['record 1', 'record 2']));
    assert.deepEqual([...new Set(stored.map(({ signer }) => signer))], [site.pki.sites[0].dn]);
    receiver.signal('SIGTERM');
    assert.equal((await receiver.exited).code, 0, receiver.output());
    assert.equal(existsSync(path.join(site.directory, 'spool/ssmreceive.pid')), false);
  });

  it('in the image have as many threads as their services', { skip: process.platform !== 'linux' }, async (test) => {
    const site = await createOldSite(test);
    const args = ['ssmreceive', '-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0'];
    const { pid } = await startNode(test, START, args, { env: { UV_THREADPOOL_SIZE: undefined, SSM_CONFIG: undefined } });
    // Those that start.cjs gives a lower priority are those of libuv.
    const lower = Math.min(os.getPriority() + 5, 19);
    const threads = (): number => readdirSync(`/proc/${pid}/task`).filter((thread) => os.getPriority(Number(thread)) === lower).length;
    await eventually(() => assert.equal(threads(), Math.max(8, 2 * os.availableParallelism())), { timeout: PATIENCE });
  });

  it('an empty queue is a success, and nothing is printed but the log', async (test) => {
    const site = await createOldSite(test);
    const { code, out, err } = await site.run('ssmsend', ['-c', site.senderConfig({ 'logging.console': 'false' })]);
    assert.deepEqual({ code, out, err }, { code: 0, out: '', err: '' });
  });

  it('a failure is said whatever console says', async (test) => {
    const site = await createOldSite(test);
    await site.add('x'.repeat(2_000));
    const log = path.join(site.directory, 'ssmsend.log');
    const file = site.senderConfig({ 'logging.console': 'false', 'logging.logfile': log });
    const { code, out, err } = await site.run('ssmsend', ['-c', file, '--limits.body=1000']);
    assert.deepEqual({ code, out, err }, { code: 1, out: '', err: `ssmsend: failed, exit code 1; see the log file ${log}\n` });
  });

  it('some that can never be sent: the others are, and the exit code is 1', async (test) => {
    const site = await createOldSite(test);
    await site.add('good', 'x'.repeat(2_000));
    const { code, out } = await site.run('ssmsend', ['-c', site.senderConfig(), '--limits.body=1000']);
    assert.equal(code, 1);
    assert.match(out, /ERROR not everything was sent .*quarantined=1/);
    assert.equal(site.broker.messages(DESTINATION).length, 1);
    assert.deepEqual(site.waiting(), []);
  });

  it('a plain directory', async (test) => {
    const site = await createOldSite(test);
    writeFileSync(path.join(site.outgoing, 'record.txt'), 'plain');
    const file = site.senderConfig({ 'messaging.path_type': 'directory', 'certificates.server_cert': undefined });
    const { code, out } = await site.run('ssmsend', ['-c', file, '--outgoing.stability=50ms']);
    assert.equal(code, 0, out);
    const [message] = site.broker.messages(DESTINATION);
    assert.equal(message?.headers.get('empa-id'), 'record.txt');
    assert.match(String(message?.body), /multipart\/signed/);
  });

  it('the log goes to the file, which is opened again at SIGHUP, and the certificates are read again', async (test) => {
    const site = await createOldSite(test);
    const log = path.join(site.directory, 'ssmreceive.log');
    const file = site.receiverConfig({ 'logging.logfile': log, 'logging.console': 'false', 'logging.level': 'DEBUG' });
    const receiver = await site.start('ssmreceive', ['-c', file, '-d', site.dns, '--ops.port=0']);
    await eventually(() => readFileSync(log, 'utf8').includes('started  '), { timeout: PATIENCE, what: 'started' });
    rmSync(log);
    receiver.signal('SIGHUP');
    await eventually(() => readFileSync(log, 'utf8').includes('reload requested'), { timeout: PATIENCE, what: 'a new file' });
    writeFileSync(site.dns, `${site.pki.sites[0].dn}\n${site.pki.sites[1].dn}\n`);
    receiver.signal('SIGHUP');
    await eventually(() => /loaded again {2}source=authorisation/.test(readFileSync(log, 'utf8')), { timeout: PATIENCE, what: 'the list' });
    receiver.signal('SIGTERM');
    assert.deepEqual([(await receiver.exited).code, receiver.output()], [0, '']);
  });

  it('SIGHUP is harmless before the service is there', { skip: process.platform === 'win32' }, async (test) => {
    const site = await createOldSite(test);
    const args = ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0'];
    // Sent as soon as somebody listens, which is long before the service does. Some versions of Node.js tell of it only when all modules are loaded.
    const early = path.join(site.directory, 'early.cjs');
    writeFileSync(
      early,
      `process.on('newListener', function hang(name) {
        if (name !== 'SIGHUP') return;
        process.off('newListener', hang);
        process.stderr.write('somebody listens\\n');
        process.nextTick(() => process.kill(process.pid, 'SIGHUP'));
      });`,
    );
    const env = { NODE_OPTIONS: `--require=${early}` };
    const starts = [
      () => site.start('ssmreceive', args, { env }),
      () => startNode(test, START, ['ssmreceive', ...args], { env: { ...env, SSM_CONFIG: undefined, SSM_PID_FILE: '' } }),
    ];
    for (const start of starts) {
      const receiver = await start();
      await receiver.waitForLine(/INFO {2}started/, { timeout: PATIENCE });
      assert.match(receiver.output(), /somebody listens.*INFO {2}starting/s);
      receiver.signal('SIGTERM');
      assert.equal((await receiver.exited).code, 0, receiver.output());
    }
  });

  it('a second ssmreceive with the same pid file does not start', async (test) => {
    const site = await createOldSite(test);
    const args = ['-c', site.receiverConfig(), '-d', site.dns, '--ops.port=0'];
    const first = await site.start('ssmreceive', args);
    await first.waitForLine(/INFO {2}started/, { timeout: PATIENCE });
    const { code, out } = await site.run('ssmreceive', args);
    assert.equal(code, 1);
    assert.match(out, /pid-file-taken/);
  });
});

const refused = (what: string, changes: Record<string, string | undefined>, pattern: RegExp): void =>
  void it(`when ${what}`, async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    const { code, out, err } = await site.run('ssmsend', ['-c', site.senderConfig(changes)]);
    assert.equal(code, 1);
    assert.match(out + err, pattern);
    assert.equal(site.waiting().length, 1, 'the file stays');
  });

describe('ssmsend refuses to start', { concurrency: 2 }, () => {
  refused('the level is wrong', { 'logging.level': 'LOUD' }, /\d\.cfg:\d+ \[logging\] level: "LOUD" is not allowed; allowed: one of DEBUG/);
  refused('the queue is missing', { 'messaging.path': '/nowhere/outgoing' }, /path-missing/);
  refused('the log file cannot be opened', { 'logging.logfile': '/nowhere/x.log' }, /log\.file.*cannot be opened: ENOENT/);
  refused(
    'a BDII is all that it has',
    { 'broker.host': undefined, 'broker.port': undefined, 'broker.bdii': 'ldap://x' },
    /\[broker\] bdii: .*host and port/,
  );

  it('when others can read the key, and sends nothing', async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    chmodSync(site.pki.sites[0].keyPath, 0o644);
    const { code, out } = await site.run('ssmsend', ['-c', site.senderConfig()]);
    assert.equal(code, 1);
    assert.match(out, /key-world-readable/);
    assert.deepEqual(site.broker.messages(DESTINATION), []);
  });

  it('when the certificate of the server is its own', async (test) => {
    const site = await createOldSite(test);
    const { code, out } = await site.run('ssmsend', [
      '-c',
      site.senderConfig({ 'certificates.server_cert': site.pki.sites[0].certificatePath }),
    ]);
    assert.equal(code, 1);
    assert.match(out, /recipient-is-self/);
  });
});

describe('configuration beside the old file', { concurrency: 2 }, () => {
  it('the environment and the command line weigh more, unknown keys warn', async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    const file = site.senderConfig({ 'broker.timeout': '5', 'messaging.destination': '/queue/wrong' });
    const { code, out } = await site.run('ssmsend', ['-c', file], { env: { SSM_BROKER_DESTINATION: DESTINATION } });
    assert.equal(code, 0, out);
    assert.match(out, /WARN {2}the configuration has a part that is not used {2}detail="[^"]*\.cfg:\d+ \[broker\] timeout: unknown key"/);
    assert.equal(site.broker.messages(DESTINATION).length, 1);
  });

  it('SSM_CONFIG names the file when no option does; a file with our own keys is read as one', async (test) => {
    const site = await createOldSite(test);
    await site.add('record');
    const ini = await site.run('ssmsend', [], { env: { SSM_CONFIG: site.senderConfig() } });
    assert.equal(ini.code, 0, ini.out + ini.err);
    await site.add('record');
    const [{ certificatePath, keyPath }] = site.pki.sites;
    const yaml = path.join(site.directory, 'sender.yaml');
    writeFileSync(
      yaml,
      JSON.stringify({
        broker: { urls: [`stomp+ssl://localhost:${site.broker.port}`], destination: DESTINATION },
        identity: { certificate: certificatePath, key: keyPath },
        trust: { directory: site.pki.trustDirectory },
        outgoing: { path: site.outgoing },
      }),
    );
    const own = await site.run('ssmsend', ['-c', yaml]);
    assert.equal(own.code, 0, own.out + own.err);
    assert.match(own.out, /"msg":"all was sent"/);
    assert.equal(site.broker.messages(DESTINATION).length, 2);
  });

  it('a file that is missing, and a wrong option', async (test) => {
    const site = await createOldSite(test);
    const missing = await site.run('ssmsend', ['-c', path.join(site.directory, 'none.cfg')]);
    assert.deepEqual([missing.code, missing.out], [1, '']);
    assert.match(missing.err, /Cannot read the configuration file ".*none\.cfg": ENOENT/);
    assert.equal((await site.run('ssmreceive', ['-q'])).code, 2);
    const wrong = await site.run('ssmsend', ['-c', site.senderConfig(), '--brokr.window=5', '--ops.port=x']);
    assert.deepEqual([wrong.code, wrong.out], [2, '']);
    assert.match(
      wrong.err,
      /^ssmsend: option --brokr\.window: unknown; .*\nssmsend: option --ops\.port: "x" is not .*\nTry 'ssmsend --help'\.\n$/,
    );
    const twice = await site.run('ssmreceive', ['-c', site.receiverConfig(), '-d', site.dns, '--authorisation.allow=/x']);
    assert.deepEqual([twice.code, twice.err.split('\n')[0]], [2, 'ssmreceive: option --authorisation.allow: given more than once']);
    const faulty = await site.run('ssmsend', ['-c', site.senderConfig({ 'logging.level': 'x' })]);
    assert.deepEqual([faulty.code, faulty.err.startsWith('ssmsend: The configuration has a fault:\n')], [1, true], faulty.err);
  });

  it('--help and --version', async (test) => {
    const site = await createOldSite(test);
    for (const command of ['ssmsend', 'ssmreceive'] as const) {
      const help = await site.run(command, ['--help']);
      assert.deepEqual([help.code, help.err], [0, '']);
      assert.match(help.out, new RegExp(`^Use: ${command} .*Examples:`, 's'));
      assert.match((await site.run(command, ['-v'])).out, /^SSM \d+\.\d+\.\d+\n$/);
      assert.match((await site.run(command, ['--help-settings'])).out, /--broker\.destination=TEXT/);
    }
  });

  it('--no-once stays, and sends what comes', async (test) => {
    const site = await createOldSite(test);
    mkdirSync(path.join(site.directory, 'x'));
    const sender = await site.start('ssmsend', ['-c', site.senderConfig(), '--no-once', '--outgoing.scanInterval=200ms']);
    await sender.waitForLine(/INFO {2}connected to the broker/, { timeout: PATIENCE });
    await site.add('record');
    await sender.waitForLine(/INFO {2}message sent/, { timeout: PATIENCE });
    sender.signal('SIGTERM');
    assert.equal((await sender.exited).code, 0);
  });
});
