import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { fingerprint } from '../src/fingerprint.js';

test('changes with everything that matters and with nothing else', async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'a.pem');
  const changes: Record<string, () => void> = {
    'a file appears': () => writeFileSync(file, 'one'),
    'its size changes': () => writeFileSync(file, 'three'),
    'its time changes': () => utimesSync(file, 1, 1),
    'it is replaced': () => {
      writeFileSync(path.join(directory, '.new'), 'three');
      utimesSync(path.join(directory, '.new'), 1, 1);
      renameSync(path.join(directory, '.new'), file);
    },
    'another appears': () => writeFileSync(path.join(directory, 'b.r0'), ''),
    'one is renamed': () => renameSync(path.join(directory, 'b.r0'), path.join(directory, 'c.r0')),
    'one goes': () => unlinkSync(path.join(directory, 'c.r0')),
    'the directory goes': () => rmSync(directory, { recursive: true }),
  };
  let before = await fingerprint([directory]);
  for (const [what, change] of Object.entries(changes)) {
    change();
    const print = await fingerprint([directory]);
    assert.notEqual(print, before, what);
    assert.equal(await fingerprint([directory]), print, `${what}: the same again`);
    before = print;
  }
});

test('a mounted volume that is switched by its links, as Kubernetes does it', async (t) => {
  const directory = temporaryDirectory(t);
  for (const version of ['..1', '..2']) {
    mkdirSync(path.join(directory, version));
    writeFileSync(path.join(directory, version, 'tls.crt'), version);
  }
  symlinkSync('..1', path.join(directory, '..data'));
  symlinkSync('..data/tls.crt', path.join(directory, 'tls.crt'));
  const file = path.join(directory, 'tls.crt');
  const before = { file: await fingerprint([file]), directory: await fingerprint([directory]) };
  symlinkSync('..2', path.join(directory, '..tmp'));
  renameSync(path.join(directory, '..tmp'), path.join(directory, '..data'));
  assert.notEqual(await fingerprint([file]), before.file);
  assert.notEqual(await fingerprint([directory]), before.directory);
});

test('names that begin with a dot, and what is in directories of a directory, do not count', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(path.join(directory, 'below'));
  const print = await fingerprint([directory]);
  writeFileSync(path.join(directory, '.a.pem.tmp'), 'half');
  writeFileSync(path.join(directory, 'below', 'b.pem'), 'b');
  assert.equal(await fingerprint([directory]), print);
});

test('what cannot be looked at has a fingerprint too', async (t) => {
  const directory = temporaryDirectory(t);
  const missing = path.join(directory, 'none');
  symlinkSync('none', path.join(directory, 'dangling'));
  const print = await fingerprint([missing, directory]);
  assert.equal(await fingerprint([missing, directory]), print);
  writeFileSync(missing, '');
  assert.notEqual(await fingerprint([missing, directory]), print);
});
