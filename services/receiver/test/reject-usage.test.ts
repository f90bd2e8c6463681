import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '@ssm/test-support';
import { measureQueue, QueueUsage } from '../src/reject-usage.js';

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

describe('QueueUsage', () => {
  const limit = { elements: 2, bytes: 100 };

  it('promises no more than the limit', (t) => {
    const usage = new QueueUsage(temporaryDirectory(t));
    assert.equal(usage.promise(60, limit), true);
    assert.equal(usage.promise(60, limit), false);
    assert.equal(usage.promise(40, limit), true);
    assert.equal(usage.promise(0, limit), false);
    usage.settle(60, false);
    usage.settle(40, true);
    assert.deepEqual(usage.now, { elements: 1, bytes: 40 });
  });

  it('does not forget what is promised or stored while it measures', async (t) => {
    const usage = new QueueUsage(temporaryDirectory(t));
    usage.promise(10, limit);
    usage.promise(20, limit);
    const measured = usage.measure(signal);
    usage.settle(10, true);
    await measured;
    assert.deepEqual(usage.now, { elements: 2, bytes: 30 });
    usage.settle(20, false);
    await usage.measure(signal);
    assert.deepEqual(usage.now, { elements: 0, bytes: 0 });
  });
});
