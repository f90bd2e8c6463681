// Volumes that share a record: what a message and a recovery do in each state of the others. The server is a stand-in: packages/spool runs
// the suite of the record on a real one, test/e2e the receivers.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import { SpoolError } from '@ssm/spool';
import { type MemoryClaims, type Scope, temporaryDirectory } from '@ssm/test-support';
import { finishRecorded, tidy } from '../src/recovery.js';
import { shelve } from '../src/shelf.js';
import type { Step } from '../src/steps.js';
import { LocalTrouble } from '../src/trouble.js';
import {
  createClaims,
  createSharedShelf,
  elementsOf,
  replacing,
  type SharedShelf,
  stagedIn,
  startShelf,
  WINDOW_MS,
} from './support/bench.js';
import { soon } from './support/live.js';

const { signal } = new AbortController();
const step: Step = async (_stage, work) => work();
const id = 'a'.repeat(64);
const element = { body: 'records', signer: 'somebody', empaid: 'id' };
const DAY = 86_400_000;

interface Pair {
  readonly claims: MemoryClaims;
  readonly roots: readonly [string, string];
  readonly one: SharedShelf;
  readonly two: SharedShelf;
}

async function pair(scope: Scope, holdLimit?: number): Promise<Pair> {
  const claims = createClaims();
  const roots = [temporaryDirectory(scope), temporaryDirectory(scope)] as const;
  const limit = holdLimit === undefined ? {} : { holdLimit };
  const one = await startShelf(createSharedShelf({ claims, root: roots[0] }));
  const two = await startShelf(createSharedShelf({ claims, root: roots[1], ...limit }));
  return { claims, roots, one, two };
}

/** What a process leaves that was killed when it had come so far. */
async function dieAt(shelf: SharedShelf, stage: 'record' | 'store' | 'tell'): Promise<string> {
  const staged = await shelf.queue.stage(element);
  await shelf.record.claim(id, staged.path);
  if (stage !== 'record') await shelf.queue.commit(staged.path);
  if (stage === 'tell') await shelf.record.sharing.stored(id);
  return staged.path;
}

const bodies = (shelf: SharedShelf): (string | undefined)[] => elementsOf(shelf.queue.path).map(({ body }) => body);
const own = (shelf: SharedShelf): Promise<string> => shelf.record.sharing.volumes.own();

async function adopt(by: SharedShelf, lost: SharedShelf): Promise<number> {
  return await by.record.sharing.volumes.adopt(await own(lost));
}

describe('a message that another volume has', () => {
  it('is a duplicate when it is stored there, and nothing of it stays here', async (t) => {
    const { one, two } = await pair(t);
    assert.equal((await shelve(one, id, element, step)).outcome, 'stored');
    const shelved = await shelve(two, id, element, step);
    assert.ok(shelved.outcome === 'duplicate' && shelved.volume === (await own(one)));
    await two.record.confirm(id);
    assert.deepEqual([bodies(one), bodies(two), stagedIn(two.queue.path)], [['records'], [], []]);
    assert.deepEqual(await finishRecorded(two, signal), { queue: 'incoming', finished: 0, dropped: 0, twice: 0, failure: undefined });
  });

  it('waits while it is half-way there, and is a duplicate when that is finished', async (t) => {
    const { one, roots, two, claims } = await pair(t);
    await dieAt(one, 'store');
    const shelving = shelve(two, id, element, step);
    await soon(() => assert.equal(two.holding.messages, 1));
    assert.deepEqual(bodies(two), []);
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    await finishRecorded(again, signal);
    assert.equal((await shelving).outcome, 'duplicate');
    assert.equal(two.holding.messages, 0);
    assert.deepEqual([bodies(one), bodies(two)], [['records'], []]);
  });

  it('is local trouble with its id after the limit, until it is finished there', async (t) => {
    const { claims, one, roots, two } = await pair(t, 100);
    await dieAt(one, 'record');
    const trouble = await shelve(two, id, element, step).catch((error: unknown) => error);
    assert.ok(trouble instanceof LocalTrouble);
    assert.deepEqual([trouble.component, trouble.code], ['delivery-record', 'held-elsewhere']);
    assert.match(trouble.message, new RegExp(`${await own(one)} \\(${roots[0]}; heard of last at`));
    // It went back to the broker, and waits all the same.
    await assert.rejects(two.holding.requireFree(), { code: 'held-elsewhere' });
    assert.equal(two.holding.messages, 1);
    await finishRecorded(await startShelf(createSharedShelf({ claims, root: roots[0] })), signal);
    await two.holding.requireFree();
    assert.equal(two.holding.messages, 0);
    assert.equal((await shelve(two, id, element, step)).outcome, 'duplicate');
    assert.deepEqual([bodies(one), bodies(two)], [['records'], []]);
  });

  it('goes through here when that volume was adopted', async (t) => {
    const { one, two } = await pair(t);
    await dieAt(one, 'record');
    const shelving = shelve(two, id, element, step);
    await soon(() => assert.equal(two.holding.messages, 1));
    assert.equal(await adopt(two, one), 1);
    assert.equal((await shelving).outcome, 'stored');
    assert.deepEqual(bodies(two), ['records']);
  });

  it('gives up waiting at the stop', async (t) => {
    const { claims, one } = await pair(t);
    const stop = new AbortController();
    const three = await startShelf(createSharedShelf({ claims, root: temporaryDirectory(t), signal: stop.signal }));
    await dieAt(one, 'record');
    const shelving = shelve(three, id, element, step);
    await soon(() => assert.equal(three.holding.messages, 1));
    stop.abort();
    await assert.rejects(shelving, { name: 'LocalTrouble', component: 'delivery-record' });
    assert.equal(three.holding.messages, 0);
  });

  it('is stored when its record here is corrupt, and the others do not have it', async (t) => {
    const { one } = await pair(t);
    const record = replacing(one.record, {
      claim: async (which, stagedPath) => {
        if (which === id) throw new SpoolError('record-corrupt', 'not a record');
        return await one.record.claim(which, stagedPath);
      },
    });
    assert.equal((await shelve({ ...one, record }, id, element, step)).outcome, 'stored');
    assert.equal((await shelve({ ...one, record }, id, element, step)).outcome, 'duplicate');
  });
});

describe('a volume that comes back', () => {
  for (const stage of ['record', 'store', 'tell'] as const)
    it(`finishes what it had at "${stage}", and tells the others`, async (t) => {
      const { claims, one, roots, two } = await pair(t);
      await dieAt(one, stage);
      const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
      const { dropped, finished, twice } = await finishRecorded(again, signal);
      assert.deepEqual([finished, dropped, twice], [stage === 'record' ? 1 : 0, 0, 0]);
      assert.equal((await shelve(two, id, element, step)).outcome, 'duplicate');
      assert.deepEqual([bodies(one), bodies(two)], [['records'], []]);
      assert.equal(claims.lasting, 0);
    });

  it('drops what was adopted and stored elsewhere meanwhile', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'record');
    await adopt(two, one);
    await shelve(two, id, element, step);
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    assert.equal((await finishRecorded(again, signal)).dropped, 1);
    assert.deepEqual([bodies(one), bodies(two), stagedIn(one.queue.path)], [[], ['records'], []]);
    assert.equal((await finishRecorded(again, signal)).dropped, 0);
    assert.equal((await shelve(again, id, element, step)).outcome, 'duplicate');
  });

  it('leaves alone what was adopted and is half-way elsewhere, and takes it when that one is lost in its turn', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'record');
    await adopt(two, one);
    await dieAt(two, 'record');
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    assert.deepEqual(await finishRecorded(again, signal), { queue: 'incoming', finished: 0, dropped: 0, twice: 0, failure: undefined });
    assert.equal(stagedIn(one.queue.path).length, 1);
    assert.equal((await tidy(again, WINDOW_MS, new Date(Date.now() + 2 * DAY), signal)).removed, 0);
    await adopt(again, two);
    assert.equal((await finishRecorded(again, signal)).finished, 1);
    assert.deepEqual(bodies(one), ['records']);
  });

  it('takes its message when it was adopted and nobody else got it', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'record');
    await adopt(two, one);
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    assert.equal((await finishRecorded(again, signal)).finished, 1);
    assert.equal((await shelve(two, id, element, step)).outcome, 'duplicate');
  });

  it('says that a message is in both volumes, once, when it had stored it and another adopted and stored it too', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'store');
    await adopt(two, one);
    assert.equal((await shelve(two, id, element, step)).outcome, 'stored');
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    assert.equal((await finishRecorded(again, signal)).twice, 1);
    assert.equal((await finishRecorded(again, signal)).twice, 0);
  });

  it('makes the other volume drop a message that it had stored itself, when that one has not stored it yet', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'store');
    await adopt(two, one);
    await dieAt(two, 'record');
    await finishRecorded(await startShelf(createSharedShelf({ claims, root: roots[0] })), signal);
    assert.equal((await finishRecorded(await startShelf(createSharedShelf({ claims, root: roots[1] })), signal)).dropped, 1);
    assert.deepEqual([bodies(one), bodies(two)], [['records'], []]);
  });

  it('stores again what it has lost itself: a copy of a volume from before it was stored', async (t) => {
    const { claims, one, roots } = await pair(t);
    await dieAt(one, 'record');
    // The server heard that it is stored, and then the volume was put back.
    await one.record.sharing.stored(id);
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    assert.equal((await finishRecorded(again, signal)).finished, 1);
  });

  it('is told what others have confirmed for it', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'tell');
    await shelve(two, id, element, step);
    await two.record.confirm(id);
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    await finishRecorded(again, signal);
    for await (const entry of again.record.entries()) assert.fail(`${entry.id} is confirmed`);
  });

  it('is told nothing while it works of what may just be in work', async (t) => {
    const { one } = await pair(t);
    await dieAt(one, 'record');
    const hourAgo = new Date(Date.now() - DAY / 24);
    assert.equal((await finishRecorded(one, signal, hourAgo)).finished, 0);
    assert.equal(stagedIn(one.queue.path).length, 1);
    assert.equal((await finishRecorded(one, signal, new Date(Date.now() + 1))).finished, 1);
  });

  it('goes on behind a message of which the server says nonsense', async (t) => {
    const { claims, one, roots } = await pair(t);
    await dieAt(one, 'record');
    const again = await startShelf(createSharedShelf({ claims, root: roots[0] }));
    const sharing = replacing(again.record.sharing, { settle: async () => Promise.reject(new SpoolError('record-corrupt', 'nonsense')) });
    const { failure, finished } = await finishRecorded({ ...again, record: replacing(again.record, { sharing }) }, signal);
    assert.deepEqual([failure?.code, finished], ['record-corrupt', 0]);
  });

  it('with a loader that has taken the message does not show it again', async (t) => {
    const { claims, one, roots, two } = await pair(t);
    await dieAt(one, 'store');
    rmSync(`${one.queue.path}/00000000`, { recursive: true });
    await finishRecorded(await startShelf(createSharedShelf({ claims, root: roots[0] })), signal);
    assert.equal((await shelve(two, id, element, step)).outcome, 'duplicate');
    assert.deepEqual([bodies(one), bodies(two)], [[], []]);
  });
});
