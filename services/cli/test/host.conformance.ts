/** What a classic host has around the commands: systemd units and logrotate. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { eventually, requireTools, temporaryDirectory } from '@ssm/test-support';
import { createOldSite } from './support/old-site.js';

const here = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const PATIENCE = 90_000;
const MESSAGES = 60;
const ROTATIONS = 5;
/** Of 100: what systemd-analyze calls the exposure of a unit, times ten. */
const EXPOSURE = '20';

describe('systemd units', { skip: requireTools('systemd-analyze') }, () => {
  it('are understood by systemd, and well sealed off', (test) => {
    const directory = temporaryDirectory(test);
    cpSync(here('systemd'), directory, { recursive: true });
    const units = readdirSync(directory);
    assert.deepEqual(units.toSorted(), ['ssm-receiver.service', 'ssm-sender.service', 'ssmsend.service', 'ssmsend.timer']);
    const files = units.map((unit) => path.join(directory, unit));
    // The commands are not installed where the tests run.
    for (const file of files)
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/^ExecStart=\/usr\/bin\/ssm\w+/gm, 'ExecStart=/bin/true'));
    const verified = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' });
    assert.deepEqual([verified.status, verified.stdout + verified.stderr], [0, '']);
    for (const file of files.filter((each) => each.endsWith('.service'))) {
      const { status, stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', `--threshold=${EXPOSURE}`, file], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout);
    }
  });

  it('start the commands with options that they have', () => {
    for (const unit of readdirSync(here('systemd')).filter((name) => name.endsWith('.service'))) {
      const [, command = '', args = ''] =
        /^ExecStart=\/usr\/bin\/(\w+) (.*)$/m.exec(readFileSync(path.join(here('systemd'), unit), 'utf8')) ?? [];
      const script = fileURLToPath(new URL(`../src/${command}.js`, import.meta.url));
      const { stderr } = spawnSync(process.execPath, [script, ...args.split(' '), '--broker.destination=/queue/x'], { encoding: 'utf8' });
      assert.match(stderr, /Cannot read the configuration file "\/etc\/apel\/\w+\.cfg"/, unit);
    }
  });
});

describe('logrotate', { skip: requireTools('logrotate', 'root') }, () => {
  it('loses no line of a service that goes on writing', async (test) => {
    const site = await createOldSite(test);
    const logs = path.join(site.directory, 'log');
    mkdirSync(logs);
    const log = path.join(logs, 'ssmreceive.log');
    const pid = path.join(site.directory, 'spool/ssmreceive.pid');
    const sample = readFileSync(here('logrotate/ssm'), 'utf8');
    const configuration = path.join(site.directory, 'logrotate.conf');
    const edited = sample
      .replace('/var/log/apel/*.log', `${logs}/*.log`)
      .replaceAll('/run/apel/ssmreceive.pid', pid)
      .replace('su apel apel', 'su root root')
      // Whether or not systemd runs here: the service is not one of its.
      .replace('[ -d /run/systemd/system ]', 'false');
    writeFileSync(configuration, edited);
    const receiver = await site.start('ssmreceive', [
      '-c',
      site.receiverConfig({ 'logging.logfile': log }),
      '-d',
      site.dns,
      '--ops.port=0',
    ]);
    await receiver.waitForLine(/INFO {2}started/, { timeout: PATIENCE });
    const bodies = Array.from({ length: MESSAGES }, (_, index) => `record ${index}`);
    const sending = site.add(...bodies).then(() => site.run('ssmsend', ['-c', site.senderConfig()]));
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      const before = readFileSync(log, 'utf8').length;
      await eventually(() => readFileSync(log, 'utf8').length !== before || rotation > 0, { timeout: PATIENCE, what: 'lines' });
      const { status, stderr } = spawnSync('logrotate', ['-f', '-s', path.join(site.directory, 'state'), configuration], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      await eventually(() => readFileSync(log, 'utf8').includes('reload requested'), { timeout: PATIENCE, what: 'the new file' });
    }
    assert.equal((await sending).code, 0);
    await eventually(async () => (await site.stored()).length === MESSAGES, { timeout: PATIENCE, what: 'all messages' });
    receiver.signal('SIGTERM');
    assert.equal((await receiver.exited).code, 0);
    const rotated = readdirSync(logs).toSorted();
    assert.ok(rotated.length >= ROTATIONS, rotated.join());
    const all = rotated
      .map((name) => readFileSync(path.join(logs, name)))
      .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString());
    // The console has every line, too: the two must be the same.
    const inFiles = all.join('').split('\n').toSorted();
    assert.deepEqual(
      inFiles.filter((line) => line !== ''),
      receiver
        .output('stdout')
        .split('\n')
        .filter((line) => line !== '')
        .toSorted(),
    );
  });
});
