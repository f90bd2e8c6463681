import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type DeliveryRecord, SpoolError } from '@ssm/spool';
import { type Shelf, shelve } from '../src/shelf.js';
import type { Step } from '../src/steps.js';
import { createShelf, elementsOf, replacing, stagedIn, startShelf } from './support/bench.js';

const id = 'a'.repeat(64);
const element = { body: 'records', signer: '/CN=x', empaid: 'noid' };
const step: Step = async (_stage, work) => await work();

/** The record of a shelf with one function replaced. */
function withClaim(shelf: Shelf, claim: DeliveryRecord['claim']): Shelf {
  return { ...shelf, record: replacing(shelf.record, { claim }) };
}

describe('shelve', () => {
  it('stores an element once for its id', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const first = await shelve(shelf, id, element, step);
    assert.equal(first.outcome, 'stored');
    const second = await shelve(shelf, id, element, step);
    assert.equal(second.outcome, 'duplicate');
    assert.ok(second.outcome === 'duplicate' && Math.abs(second.firstStored.getTime() - Date.now()) < 60_000);
    assert.deepEqual(elementsOf(shelf.queue.path), [element]);
    assert.deepEqual(stagedIn(shelf.queue.path), []);
  });

  it('stores it once, however many try at the same time', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const results = await Promise.all(Array.from({ length: 16 }, () => shelve(shelf, id, element, step)));
    assert.equal(results.filter(({ outcome }) => outcome === 'stored').length, 1);
    assert.equal(elementsOf(shelf.queue.path).length, 1);
    assert.deepEqual(stagedIn(shelf.queue.path), []);
  });

  it('helps with what another one recorded and did not store', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const dead = await shelf.queue.stage({ ...element, body: 'of the dead' });
    await shelf.record.claim(id, dead.path);
    const { outcome } = await shelve(shelf, id, element, step);
    assert.equal(outcome, 'duplicate');
    assert.deepEqual(elementsOf(shelf.queue.path), [{ ...element, body: 'of the dead' }]);
    assert.deepEqual(stagedIn(shelf.queue.path), []);
  });

  it('does not store it again when a reader has taken it', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const first = await shelve(shelf, id, element, step);
    assert.ok(first.outcome === 'stored' && first.element !== undefined);
    rmSync(`${shelf.queue.path}/${first.element}`, { recursive: true });
    assert.equal((await shelve(shelf, id, element, step)).outcome, 'duplicate');
    assert.deepEqual(elementsOf(shelf.queue.path), []);
  });

  it('keeps its copy when the record failed: it may name it all the same', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const failing = withClaim(shelf, async (one, stagedPath) => {
      await shelf.record.claim(one, stagedPath);
      throw new SpoolError('io-error', 'failed after it was durable');
    });
    await assert.rejects(shelve(failing, id, element, step), { name: 'LocalTrouble', component: 'delivery-record', code: 'io-error' });
    assert.equal(stagedIn(shelf.queue.path).length, 1);
    assert.equal((await shelve(shelf, id, element, step)).outcome, 'duplicate');
    assert.deepEqual(elementsOf(shelf.queue.path), [element]);
  });

  it('starts again when it took too long from stage to record', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    let calls = 0;
    const slow = withClaim(shelf, async (one, stagedPath) => {
      calls += 1;
      if (calls === 1) throw new SpoolError('stage-too-slow', 'an hour');
      return await shelf.record.claim(one, stagedPath);
    });
    assert.equal((await shelve(slow, id, element, step)).outcome, 'stored');
    assert.deepEqual(elementsOf(shelf.queue.path), [element]);
  });

  it('gives up when it is always too slow', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const slow = withClaim(shelf, async () => Promise.reject(new SpoolError('stage-too-slow', 'an hour')));
    await assert.rejects(shelve(slow, id, element, step), { name: 'LocalTrouble', code: 'stage-too-slow' });
  });

  it('stores a message whose record is corrupt, and that once', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const corrupt = withClaim(shelf, async (one, stagedPath) => {
      if (one === id) throw new SpoolError('record-corrupt', 'not a record');
      return await shelf.record.claim(one, stagedPath);
    });
    assert.equal((await shelve(corrupt, id, element, step)).outcome, 'stored');
    assert.equal((await shelve(corrupt, id, element, step)).outcome, 'duplicate');
    assert.equal(elementsOf(shelf.queue.path).length, 1);
  });

  it('stores no message whose record is of a newer version', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const newer = withClaim(shelf, async () => Promise.reject(new SpoolError('record-newer', 'of tomorrow')));
    await assert.rejects(shelve(newer, id, element, step), { name: 'LocalTrouble', component: 'delivery-record', code: 'record-newer' });
    assert.deepEqual(elementsOf(shelf.queue.path), []);
  });

  it('calls a queue that cannot be written local trouble, with the size that it needs', async (t) => {
    const shelf = createShelf(t, 'reject');
    const queue = replacing(shelf.queue, { stage: async () => Promise.reject(new SpoolError('disk-full', 'full')) });
    const broken: Shelf = { ...shelf, queue };
    await assert.rejects(shelve(broken, id, element, step), { name: 'LocalTrouble', component: 'reject', code: 'disk-full', bytes: 16 });
  });
});
