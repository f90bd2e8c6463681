import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../src/index.js';

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

  it('takes a test context', (t) => {
    assert.equal(existsSync(temporaryDirectory(t)), true);
  });
});
