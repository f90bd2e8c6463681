import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, startNode, temporaryDirectory } from '@ssm/test-support';
import { openLogFile, teeOutput } from '../src/log-file.js';

/** Milliseconds; other work may keep this machine busy. */
const PATIENCE = 90_000;
const script = fileURLToPath(new URL('./fixtures/service.js', import.meta.url));

test('goes on in the old file until it is opened again', (t) => {
  const file = path.join(temporaryDirectory(t), 'log');
  const output = openLogFile(file);
  output.write('one\n');
  renameSync(file, `${file}.1`);
  output.write('two\n');
  output.reopen();
  output.write('three\n');
  output.close();
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'one\ntwo\n');
  assert.equal(readFileSync(file, 'utf8'), 'three\n');
});

test('stays with the old file when the new one cannot be opened', (t) => {
  const directory = path.join(temporaryDirectory(t), 'a');
  mkdirSync(directory);
  const output = openLogFile(path.join(directory, 'log'));
  output.write('one\n');
  renameSync(directory, `${directory}2`);
  assert.throws(() => output.reopen(), { code: 'log-file-failed' });
  output.write('two\n');
  output.close();
  assert.equal(readFileSync(path.join(`${directory}2`, 'log'), 'utf8'), 'one\ntwo\n');
});

test('a directory, and a file in none, are refused with a code', (t) => {
  const directory = temporaryDirectory(t);
  assert.throws(() => openLogFile(directory), { code: 'log-file-failed' });
  assert.throws(() => openLogFile(path.join(directory, 'none/log')), { code: 'log-file-failed' });
  openLogFile('/dev/null').close();
});

test('two outputs get the same lines, and what both dropped is added up', async () => {
  const lines: string[][] = [[], []];
  const output = teeOutput(
    lines.map((kept, dropped) => ({ write: (line) => void kept.push(line), dropped, flush: async () => undefined })),
  );
  output.write('x\n');
  await output.flush(1);
  assert.deepEqual(lines, [['x\n'], ['x\n']]);
  assert.equal(output.dropped, 1);
});

test('a service writes its log to file and console, and opens the file again at SIGHUP', async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'service.log');
  const pidFile = path.join(directory, 'service.pid');
  const args = ['--broker.destination=/queue/a', '--ops.port=0', `--log.file=${file}`, `--pidFile=${pidFile}`];
  const child = await startNode(t, script, args);
  await child.waitForLine(/"msg":"started"/, { timeout: PATIENCE });
  assert.equal(readFileSync(pidFile, 'utf8'), `${child.pid}\n`);
  renameSync(file, `${file}.1`);
  child.signal('SIGHUP');
  await eventually(() => readFileSync(file, 'utf8').includes('list read again'), { timeout: PATIENCE, what: 'a line in the new file' });
  child.signal('SIGTERM');
  await child.exited;
  assert.equal(readFileSync(`${file}.1`, 'utf8') + readFileSync(file, 'utf8'), child.output('stdout'));
  assert.throws(() => readFileSync(pidFile), { code: 'ENOENT' });
});

test('without a console nothing goes to standard output', async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'service.log');
  const child = await startNode(t, script, ['--broker.destination=/queue/a', '--ops.port=0', `--log.file=${file}`, '--no-log.console']);
  await eventually(() => readFileSync(file, 'utf8').includes('"msg":"started"'), { timeout: PATIENCE, what: 'started' });
  child.signal('SIGTERM');
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  assert.equal(child.output(), '');
});

test('a log file that cannot be opened refuses the start, on standard error', async (t) => {
  const directory = temporaryDirectory(t);
  rmSync(directory, { recursive: true });
  const child = await startNode(t, script, ['--broker.destination=/queue/a', `--log.file=${directory}/log`]);
  assert.deepEqual(await child.exited, { code: 2, signal: null });
  assert.match(child.output('stderr'), /log\.file\) cannot be opened: ENOENT/);
});
