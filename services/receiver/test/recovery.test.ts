import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SpoolError } from '@ssm/spool';
import { temporaryDirectory } from '@ssm/test-support';
import { finishRecorded, tidy } from '../src/recovery.js';
import { createShelf, elementsOf, replacing, stagedIn, startShelf } from './support/bench.js';

const { signal } = new AbortController();
const HOUR = 3_600_000;

function failing(corruption: Error): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(corruption) }) };
}

describe('finishRecorded', () => {
  it('makes visible what a dead process recorded, and nothing else', async (t) => {
    const root = temporaryDirectory(t);
    const dead = await startShelf(createShelf(t, 'incoming', root));
    const recorded = await dead.queue.stage({ body: 'recorded' });
    await dead.record.claim('a'.repeat(64), recorded.path);
    await dead.queue.stage({ body: 'staged alone' });
    const stored = await dead.queue.stage({ body: 'stored' });
    await dead.record.claim('b'.repeat(64), stored.path);
    await dead.queue.commit(stored.path);
    const next = await startShelf(createShelf(t, 'incoming', root));
    assert.deepEqual(await finishRecorded(next, signal), { queue: 'incoming', finished: 1, dropped: 0, twice: 0, failure: undefined });
    assert.deepEqual(
      elementsOf(next.queue.path).map(({ body }) => body),
      ['stored', 'recorded'],
    );
    assert.equal(stagedIn(next.queue.path).length, 1);
    assert.equal((await finishRecorded(next, signal)).finished, 0);
  });

  it('goes on when a record is corrupt: what was not stored comes again', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    await shelf.queue.stage({ body: 'staged' });
    const record = replacing(shelf.record, { entries: () => failing(new SpoolError('record-corrupt', 'not a record')) });
    const recovery = await finishRecorded({ ...shelf, record }, signal);
    assert.equal(recovery.failure?.code, 'record-corrupt');
  });

  it('does not go on when a record is of a newer version: it would store again what that has half-way', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    await shelf.queue.stage({ body: 'staged' });
    const record = replacing(shelf.record, { entries: () => failing(new SpoolError('record-newer', 'of tomorrow')) });
    await assert.rejects(finishRecorded({ ...shelf, record }, signal), { name: 'LocalTrouble', code: 'record-newer' });
  });
});

describe('tidy', () => {
  it('forgets what was confirmed before the window, and nothing that was not', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    for (const id of ['a', 'b']) {
      const staged = await shelf.queue.stage({ body: id });
      await shelf.record.claim(id.repeat(64), staged.path);
      await shelf.queue.commit(staged.path);
    }
    await shelf.record.confirm('a'.repeat(64));
    assert.deepEqual(await tidy(shelf, HOUR, new Date(), signal), { expired: 0, removed: 0 });
    assert.deepEqual(await tidy(shelf, HOUR, new Date(Date.now() + 2 * HOUR), signal), { expired: 1, removed: 0 });
  });

  it('removes what was staged a day ago and nobody recorded', async (t) => {
    const shelf = await startShelf(createShelf(t, 'incoming'));
    const recorded = await shelf.queue.stage({ body: 'recorded' });
    await shelf.record.claim('a'.repeat(64), recorded.path);
    const left = await shelf.queue.stage({ body: 'left' });
    const now = new Date(Date.now() + 25 * HOUR);
    for (const { path: staged } of [recorded, left]) utimesSync(path.join(shelf.queue.path, staged), new Date(), new Date());
    assert.equal((await tidy(shelf, HOUR, now, signal)).removed, 1);
    assert.equal(stagedIn(shelf.queue.path).length, 1);
    await finishRecorded(shelf, signal);
    assert.deepEqual(
      elementsOf(shelf.queue.path).map(({ body }) => body),
      ['recorded'],
    );
  });
});
