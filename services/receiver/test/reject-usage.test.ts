import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createStagingQueue, type StagingQueue } from '@ssm/spool';
import { temporaryDirectory } from '@ssm/test-support';
import { QueueUsage } from '../src/reject-usage.js';

const { signal } = new AbortController();
const emptyQueue = (t: TestContext): StagingQueue => createStagingQueue({ path: temporaryDirectory(t), instance: 'test' });

describe('QueueUsage', () => {
  const limit = { elements: 2, bytes: 100 };

  it('promises no more than the limit', (t) => {
    const usage = new QueueUsage(emptyQueue(t));
    assert.equal(usage.promise(60, limit), true);
    assert.equal(usage.promise(60, limit), false);
    assert.equal(usage.promise(40, limit), true);
    assert.equal(usage.promise(0, limit), false);
    usage.settle(60, false);
    usage.settle(40, true);
    assert.deepEqual(usage.now, { elements: 1, bytes: 40 });
  });

  it('does not forget what is promised or stored while it measures', async (t) => {
    const usage = new QueueUsage(emptyQueue(t));
    usage.promise(10, limit);
    usage.promise(20, limit);
    const measured = usage.measure(signal, () => undefined);
    usage.settle(10, true);
    await measured;
    assert.deepEqual(usage.now, { elements: 2, bytes: 30 });
    usage.settle(20, false);
    await usage.measure(signal, () => undefined);
    assert.deepEqual(usage.now, { elements: 0, bytes: 0 });
  });
});
