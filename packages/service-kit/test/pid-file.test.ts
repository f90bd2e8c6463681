import assert from 'node:assert/strict';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startCommand, temporaryDirectory } from '@ssm/test-support';
import { writePidFile } from '../src/pid-file.js';

/** Linux gives out no such number. */
const NOBODY = 4_194_305;

test('holds the number until it is released', (t) => {
  const file = path.join(temporaryDirectory(t), 'pid');
  const held = writePidFile(file, 123);
  assert.equal(readFileSync(file, 'utf8'), '123\n');
  held.release();
  assert.equal(existsSync(file), false);
});

for (const [what, text] of [
  ['a dead process', `${NOBODY}\n`],
  ['nobody', 'not a number\n'],
  ['a process that was killed while writing', ''],
] as const)
  test(`replaces the file of ${what}`, (t) => {
    const file = path.join(temporaryDirectory(t), 'pid');
    writeFileSync(file, text);
    writePidFile(file, process.pid);
    assert.equal(readFileSync(file, 'utf8'), `${process.pid}\n`);
  });

test('refuses while the process that wrote it lives, and leaves its file', async (t) => {
  const file = path.join(temporaryDirectory(t), 'pid');
  const other = await startCommand(t, 'sleep', ['60']);
  writeFileSync(file, `${other.pid}\n`);
  assert.throws(() => writePidFile(file, process.pid), { code: 'pid-file-taken', message: new RegExp(String(other.pid)) });
  assert.equal(readFileSync(file, 'utf8'), `${other.pid}\n`);
});

test('a process that began after the file was written did not write it', async (t) => {
  const file = path.join(temporaryDirectory(t), 'pid');
  const other = await startCommand(t, 'sleep', ['60']);
  writeFileSync(file, `${other.pid}\n`);
  const hourAgo = new Date(Date.now() - 3_600_000);
  utimesSync(file, hourAgo, hourAgo);
  writePidFile(file, process.pid);
  assert.equal(readFileSync(file, 'utf8'), `${process.pid}\n`);
});

test('does not remove a file that is another process\u2019s by now', (t) => {
  const file = path.join(temporaryDirectory(t), 'pid');
  const held = writePidFile(file, 123);
  writeFileSync(file, '124\n');
  held.release();
  assert.equal(readFileSync(file, 'utf8'), '124\n');
});

test('where it cannot be written there is a code', (t) => {
  assert.throws(() => writePidFile(path.join(temporaryDirectory(t), 'none/pid'), 1), { code: 'pid-file-failed' });
});
