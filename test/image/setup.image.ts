import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { createCrl, createDemoPki, type DemoIdentity, type DemoPki, eventually, nameHash, requireTools } from '@ssm/test-support';
import { docker, run, suiteScope } from './docker.js';
import { Stack } from './stack.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What a person reads when the stack does not start. */
async function refusal(stack: Stack): Promise<string> {
  // What it said before is no longer true.
  await stack.must('rm', '--force', '--stop', 'setup');
  const { code, stderr } = await stack.compose('up', '--detach', '--no-build', '--quiet-pull', 'setup');
  if (code !== 0) return stderr;
  const status = await docker('wait', await stack.container('setup'));
  assert.equal(status, '1', await stack.logs('setup'));
  return await stack.logs('setup');
}

function owner(stack: Stack): [uid: number, gid: number] {
  return [Number(stack.env['SSM_UID'] ?? 1000), Number(stack.env['SSM_GID'] ?? 1000)];
}

/** Puts certificate and key where the stack looks for them, as its user owns them. */
function install(stack: Stack, service: string, identity: DemoIdentity): void {
  const folder = stack.file('certificates', service);
  mkdirSync(folder, { recursive: true });
  copyFileSync(identity.certificatePath, path.join(folder, 'hostcert.pem'));
  const key = path.join(folder, 'hostkey.pem');
  copyFileSync(identity.keyPath, key);
  chmodSync(key, 0o400);
  chownSync(key, ...owner(stack));
}

describe('the stack on folders that are there already', { skip: requireTools('docker', 'root') }, () => {
  const scope = suiteScope();

  it('says whose a folder is that the services may not write, and what to do', async () => {
    const stack = await Stack.create(scope);
    stack.folder('outgoing', 1234);
    writeFileSync(stack.file('outgoing', 'record'), 'not yet sent');
    const said = await refusal(stack);
    assert.match(
      said,
      /\.\/outgoing belongs to uid 1234, gid 1234 \(mode 755\); the services run as uid 1000, gid 1000 and may not write there/,
    );
    assert.match(said, /SSM_UID=1234 and SSM_GID=1234/);
    assert.match(said, /sudo chown -R 1000:1000 outgoing/);
    // The advice helps.
    stack.configure({ SSM_UID: '1234', SSM_GID: '1234' });
    for (const folder of ['incoming', 'reject']) chownSync(stack.file(folder), 1234, 1234);
    await stack.up();
    await stack.arrived(new Map([['record', Buffer.from('not yet sent')]]));
    assert.match(await stack.exec('sender', 'id', '-u'), /^1234$/);
    await stack.must('stop', 'sender', 'receiver');
    // Taking it back is seen too.
    stack.configure({ SSM_UID: '1235' });
    for (const folder of ['outgoing', 'incoming', 'reject']) chownSync(stack.file(folder), 1235, 1234);
    const again = await refusal(stack);
    for (const folder of ['outgoing/.claimed', 'incoming/.delivered', 'reject/.staging'])
      assert.ok(again.includes(`./${folder} belongs to uid 1234, the services run as uid 1235`), `${folder} in ${again}`);
  });

  it('makes missing folders so that whoever has the checkout can drop files', async () => {
    const stack = await Stack.create(scope);
    chownSync(stack.file('deploy/compose'), 1500, 1500);
    await stack.must('up', '--no-build', '--quiet-pull', 'setup');
    for (const folder of ['outgoing', 'incoming', 'reject']) {
      const { uid, gid, mode } = statSync(stack.file(folder));
      assert.deepEqual([uid, gid, mode & 0o7777], [1500, 1000, 0o775], folder);
    }
    assert.match(await stack.logs('setup'), /this folder belongs to uid 1500.*SSM_UID=1500/);
  });
});

describe('the stack with own certificates', { skip: requireTools('docker', 'root') }, () => {
  const scope = suiteScope();
  let stack: Stack;
  let pki: DemoPki;

  before(async () => {
    stack = await Stack.create(scope, { profiles: ['fetch-crl'] });
    pki = createDemoPki(stack.file('own-pki'));
    // Its names are not the broker's host name in the stack: that has a setting.
    stack.configure({ SSM_TRUST: pki.trustDirectory, SSM_BROKER_TLS_SERVER_NAME: 'broker.example.org' });
  });

  it('makes none of its own beside them, even where there are none but CAs', async () => {
    assert.match(await refusal(stack), /certificates\/sender\/hostcert\.pem is missing/);
    assert.equal(statSync(pki.trustDirectory).uid, 0, 'a trust directory of somebody else is left alone');
  });

  it('says what is missing of them', async () => {
    install(stack, 'sender', pki.sites[0]);
    const said = await refusal(stack);
    for (const file of ['receiver/hostcert.pem', 'receiver/hostkey.pem', 'receiver/dns', 'broker/hostcert.pem'])
      assert.ok(said.includes(`certificates/${file} is missing`), `${file} in ${said}`);
    assert.ok(!said.includes('sender/host'), said);
  });

  it('says which key the services cannot read', async () => {
    install(stack, 'receiver', pki.server);
    install(stack, 'broker', pki.broker);
    writeFileSync(stack.file('certificates/receiver/dns'), `${pki.sites[0].dn}\n`);
    copyFileSync(pki.server.certificatePath, stack.file('certificates/sender/receiver.pem'));
    chownSync(stack.file('certificates/sender/hostkey.pem'), 0, 0);
    assert.match(
      await refusal(stack),
      /certificates\/sender\/hostkey\.pem cannot be read by uid 1000, gid 1000: it belongs to uid 0 \(mode 400\)/,
    );
    chownSync(stack.file('certificates/sender/hostkey.pem'), ...owner(stack));
  });

  it('uses them', async () => {
    await stack.up('sender', 'receiver');
    const files = new Map([['signed by my own', randomBytes(1000)]]);
    for (const [name, body] of files) stack.drop(name, body);
    await stack.arrived(files);
    const [element] = await stack.stored();
    assert.equal(element?.keys['signer']?.toString(), pki.sites[0].dn);
  });

  it('renews revocation lists with fetch-crl, and the services see it', async () => {
    const hash = nameHash(pki.ca.subject);
    const old = await stack.metric('sender', 'ssm_crl_next_update_timestamp_seconds');
    assert.ok(old > 0);
    const nextUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 + 90 * DAY_MS);
    mkdirSync(stack.file('www'));
    writeFileSync(stack.file('www/list.pem'), createCrl({ issuer: pki.ca, nextUpdate }).pem);
    writeFileSync(path.join(pki.trustDirectory, `${hash}.crl_url`), 'http://lists:8080/list.pem\n');
    chownSync(pki.trustDirectory, ...owner(stack));
    const server = `require('http').createServer((q, a) => a.end(require('fs').readFileSync('/www' + q.url))).listen(8080)`;
    const [network = ''] = (
      await docker(
        'inspect',
        '--format',
        '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}',
        await stack.container('sender'),
      )
    ).split(' ');
    const image = stack.env['SSM_IMAGE'] ?? '';
    const lists = await docker(
      'run',
      '--detach',
      '--network',
      network,
      '--network-alias',
      'lists',
      '--volume',
      `${stack.file('www')}:/www:ro`,
      image,
      'node',
      '-e',
      server,
    );
    scope.after(() => run('docker', ['rm', '--force', lists]).then(() => undefined));
    assert.match(await stack.must('run', '--rm', '--no-TTY', 'fetch-crl', 'sh', '/setup/fetch-crl.sh', 'once'), /up to date/);
    assert.match(readFileSync(path.join(pki.trustDirectory, `${hash}.r0`), 'latin1'), /BEGIN X509 CRL/);
    await eventually(async () => (await stack.metric('sender', 'ssm_crl_next_update_timestamp_seconds')) === nextUpdate.getTime() / 1000, {
      timeout: 60_000,
      what: 'the new list at the sender',
    });
    assert.equal(await stack.metric('sender', 'ssm_ready'), 1);
  });

  it('fetch-crl stays, and says so when it may not write', async () => {
    await stack.up('fetch-crl');
    await eventually(async () => (await stack.logs('fetch-crl')).includes('up to date'), { timeout: 60_000, interval: 250 });
    await stack.must('stop', 'fetch-crl');
    chownSync(pki.trustDirectory, 0, 0);
    const { code, stderr } = await stack.compose('run', '--rm', '--no-TTY', 'fetch-crl', 'sh', '/setup/fetch-crl.sh', 'once');
    assert.equal(code, 1);
    assert.match(stderr, /uid 1000, gid 1000 may not write into the trust folder/);
  });
});
