import assert from 'node:assert/strict';
import { mkdirSync, promises, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { SimpleWriter } from '../src/simple-writer.js';
import { Clock, filesBelow, rejectsWith } from './support.js';
import { failing } from './sync-log.js';

describe('SimpleWriter', () => {
  it('adds a file in the directory of the minute, with the configured modes', async (t) => {
    const umask = process.umask(0o077);
    t.after(() => void process.umask(umask));
    const root = temporaryDirectory(t);
    const clock = new Clock(0x66000000 * 1000);
    const writer = new SimpleWriter({ path: root, now: clock.now, modes: { directoryMode: 0o775, fileMode: 0o664 } });
    const name = await writer.add(Buffer.from([0, 255]));
    assert.match(name, /^65fffff4\/66000000[0-9a-f]{6}$/);
    assert.deepEqual(readFileSync(`${root}/${name}`), Buffer.from([0, 255]));
    assert.equal(statSync(`${root}/${name}`).mode & 0o777, 0o664);
    assert.equal(statSync(`${root}/${name}`).nlink, 1);
    assert.equal(statSync(`${root}/65fffff4`).mode & 0o777, 0o775);
    assert.deepEqual(filesBelow(root), [name]);
  });

  it('begins again when a purge removes its directory or its temporary file', async (t) => {
    const root = temporaryDirectory(t);
    let purges = 3;
    const writer = new SimpleWriter({ path: root }, (point) => {
      purges -= 1;
      if (point === 'written' && purges > 0) for (const directory of readdirSync(root)) rmSync(`${root}/${directory}`, { recursive: true });
    });
    const name = await writer.add(Buffer.from('x'));
    assert.deepEqual(filesBelow(root), [name]);
  });

  it('adds once even when the element is taken and its directory purged before the add has ended', async (t) => {
    const root = temporaryDirectory(t);
    let taken = 0;
    const writer = new SimpleWriter({ path: root }, (point) => {
      if (point !== 'linked') return;
      taken += 1;
      for (const file of filesBelow(root)) rmSync(`${root}/${file}`);
      for (const directory of readdirSync(root)) rmdirSync(`${root}/${directory}`);
    });
    await writer.add(Buffer.from('x'));
    assert.equal(taken, 1);
    assert.deepEqual(readdirSync(root), []);
  });

  it('takes another name when the first is taken, by anybody', async (t) => {
    const root = temporaryDirectory(t);
    const clock = new Clock();
    const writers = [1, 2, 3].map(() => new SimpleWriter({ path: root, now: clock.now, random: () => 0 }));
    const names = await Promise.all(writers.map((writer) => writer.add(Buffer.from('x'))));
    assert.deepEqual(filesBelow(root), names.toSorted());
  });

  for (const what of ['element', 'temporary file'] as const)
    it(`passes over any number of names in a row of which another process with the same digit has the ${what}`, async (t) => {
      const root = temporaryDirectory(t);
      const clock = new Clock(0x66000000 * 1000);
      const random = [0, 0.5, 0, 0.5, 0.5];
      const writer = new SimpleWriter({ path: root, now: clock.now, random: () => random.shift() ?? 0.5 });
      mkdirSync(`${root}/65fffff4`);
      const suffix = what === 'element' ? '' : '.tmp';
      for (let at = 500; at < 700; at += 1)
        writeFileSync(`${root}/65fffff4/66000000${at.toString(16).padStart(5, '0')}0${suffix}`, 'theirs');
      assert.match(await writer.add(Buffer.from('ours')), /8$/);
    });

  it('gives up with an error', async (t) => {
    const root = temporaryDirectory(t);
    await rejectsWith(new SimpleWriter({ path: `${root}/absent` }).add(Buffer.from('x')), 'path-missing');
    t.mock.method(promises, 'link', failing('EEXIST'));
    await rejectsWith(new SimpleWriter({ path: root }).add(Buffer.from('x')), 'io-error');
    assert.deepEqual(filesBelow(root), []);
  });
});
