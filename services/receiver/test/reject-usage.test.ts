import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { measureQueue } from '../src/reject-usage.js';

const { signal } = new AbortController();

describe('measureQueue', () => {
  it('counts elements and the bytes of their files, and nothing else', async (t) => {
    const root = temporaryDirectory(t);
    for (const name of ['00000000/65a0b1c2d3e4f5', '00000001/65a0b1c2d3e4f6']) {
      mkdirSync(path.join(root, name, 'locked'), { recursive: true });
      writeFileSync(path.join(root, name, 'body'), 'x'.repeat(100));
      writeFileSync(path.join(root, name, 'error'), 'xx');
    }
    for (const name of ['temporary/65a0b1c2d3e4f7', '.staging/a/65a0b1c2d3e4f8', '00000000/short']) {
      mkdirSync(path.join(root, name), { recursive: true });
      writeFileSync(path.join(root, name, 'body'), 'x');
    }
    assert.deepEqual(await measureQueue(root, signal), { elements: 2, bytes: 204 });
  });

  it('finds nothing where nothing is', async (t) => {
    assert.deepEqual(await measureQueue(path.join(temporaryDirectory(t), 'none'), signal), { elements: 0, bytes: 0 });
  });

  it('can be interrupted', async (t) => {
    const root = temporaryDirectory(t);
    mkdirSync(path.join(root, '00000000/65a0b1c2d3e4f5'), { recursive: true });
    await assert.rejects(measureQueue(root, AbortSignal.abort()), { name: 'AbortError' });
  });
});
