import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { eventually, temporaryDirectory } from '../src/index.js';

describe('temporaryDirectory', () => {
  it('is private, new each time, and gone afterwards with what is in it', () => {
    const cleanUps: (() => void | Promise<void>)[] = [];
    const scope = { after: (cleanUp: () => void | Promise<void>) => void cleanUps.push(cleanUp) };
    const directory = temporaryDirectory(scope);
    assert.notEqual(temporaryDirectory(scope), directory);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    mkdirSync(path.join(directory, 'a/b'), { recursive: true });
    writeFileSync(path.join(directory, 'a/b/c'), 'text');
    for (const cleanUp of cleanUps) void cleanUp();
    assert.equal(existsSync(directory), false);
  });

  it('does not keep other clean-ups from running while a child goes on writing there', async (t) => {
    const cleanUps: (() => void | Promise<void>)[] = [];
    const directory = temporaryDirectory({ after: (cleanUp) => void cleanUps.push(cleanUp) });
    const writer = `const fs = require('node:fs'); for (let n = 0; ; n += 1) {
      fs.mkdirSync(process.argv[1] + '/a/' + (n % 50), { recursive: true });
      fs.writeFileSync(process.argv[1] + '/a/' + (n % 50) + '/' + n, '');
    }`;
    const child = spawn(process.execPath, ['-e', writer, directory], { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    await eventually(() => existsSync(path.join(directory, 'a/49')));
    for (const cleanUp of cleanUps) await cleanUp();
    child.kill('SIGKILL');
    await once(child, 'exit');
    rmSync(directory, { recursive: true, force: true });
  });

  it('takes a test context', (t) => {
    assert.equal(existsSync(temporaryDirectory(t)), true);
  });
});
