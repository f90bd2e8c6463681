import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SpoolError } from '@ssm/spool';
import type { Scope } from '@ssm/test-support';
import { sha256 } from '../src/delivery-key.js';
import type { Refusal } from '../src/refusal.js';
import { type RejectOptions, RejectStore } from '../src/reject-store.js';
import type { Shelf } from '../src/shelf.js';
import type { Step } from '../src/steps.js';
import { createShelf, elementsOf, replacing, startShelf } from './support/bench.js';

const stopping = new AbortController().signal;
const step: Step = async (_stage, work) => await work();
const forged: Refusal = {
  code: 'signature-invalid',
  message: 'no',
  signer: undefined,
  body: undefined,
  waitsAs: undefined,
  replayable: false,
};
const ours: Refusal = {
  code: 'crl-expired',
  message: 'the list is old',
  signer: '/CN=known',
  body: Buffer.from('body'),
  waitsAs: sha256('what was signed'),
  replayable: true,
};

interface Reduced {
  readonly code: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly empaid: string;
  readonly signer?: string;
}

const parse: (line: string) => Reduced = JSON.parse;

async function createStore(
  scope: Scope,
  options: Partial<RejectOptions> = {},
): Promise<{ readonly store: RejectStore; readonly shelf: Shelf; readonly reduced: () => Reduced[] }> {
  const shelf = await startShelf(createShelf(scope, 'reject'));
  const store = new RejectStore({
    shelf,
    maximumBytes: 1_000_000,
    maximumCount: 100,
    reserve: 0,
    moved: () => undefined,
    stopping,
    now: () => new Date(),
    ...options,
  });
  const file = path.join(shelf.queue.path, '.reduced.jsonl');
  const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []);
  return { store, shelf, reduced: () => lines().map((line) => parse(line)) };
}

const raw = (text: string): Uint8Array => Buffer.from(text);

describe('RejectStore', () => {
  it('keeps the message as it came when nothing is known of it', async (t) => {
    const { shelf, store } = await createStore(t);
    assert.equal((await store.keep(raw('as it came'), 'i\nd', forged, step)).outcome, 'kept');
    assert.deepEqual(elementsOf(shelf.queue.path), [
      { body: 'as it came', signer: 'Not available.', empaid: String.raw`i\x0Ad`, error: 'signature-invalid: no' },
    ]);
  });

  it('keeps the decoded body, the signer, and the message as it came where that may be verified again', async (t) => {
    const { shelf, store } = await createStore(t);
    await store.keep(raw('as it came'), undefined, ours, step);
    assert.deepEqual(elementsOf(shelf.queue.path), [
      {
        body: 'body',
        raw: 'as it came',
        signer: '/CN=known',
        empaid: 'noid',
        error: 'crl-expired: the list is old',
      },
    ]);
  });

  it('keeps one message once, whatever id it comes with', async (t) => {
    const { shelf, store } = await createStore(t);
    await store.keep(raw('same'), 'a', forged, step);
    assert.equal((await store.keep(raw('same'), 'b', forged, step)).outcome, 'known');
    assert.equal(elementsOf(shelf.queue.path).length, 1);
    assert.equal(store.usage.elements, 1);
  });

  it('keeps reason and SHA-256 alone beyond the count', async (t) => {
    const { reduced, shelf, store } = await createStore(t, { maximumCount: 4 });
    const outcomes: string[] = [];
    for (let i = 0; i < 5; i++) outcomes.push((await store.keep(raw(`message ${i}`), `${i}`, forged, step)).outcome);
    assert.deepEqual(outcomes, ['kept', 'kept', 'kept', 'reduced', 'reduced']);
    assert.equal(elementsOf(shelf.queue.path).length, 3);
    assert.deepEqual(
      reduced().map(({ code, sha256: hash, bytes, empaid }) => ({ code, hash, bytes, empaid })),
      [3, 4].map((i) => ({ code: 'signature-invalid', hash: sha256(`message ${i}`), bytes: 9, empaid: `${i}` })),
    );
  });

  it('keeps of a very long signer the beginning: there is little room for what is kept alone', async (t) => {
    const { reduced, store } = await createStore(t, { maximumCount: 0 });
    await store.keep(raw('message'), undefined, { ...forged, signer: `/CN=${'a\u009b'.repeat(30_000)}` }, step);
    const [{ signer = '' } = {}] = reduced();
    assert.match(signer, /^\/CN=(?:a\\x9B)+\.\.\.$/);
    assert.ok(signer.length < 3000);
  });

  it('keeps to its bounds, however many are refused at the same time', async (t) => {
    const { shelf, store } = await createStore(t, { maximumCount: 4 });
    const kept = await Promise.all(Array.from({ length: 30 }, (_, i) => store.keep(raw(`message ${i}`), undefined, forged, step)));
    assert.equal(kept.filter(({ outcome }) => outcome === 'kept').length, 3);
    assert.equal(elementsOf(shelf.queue.path).length, 3);
    assert.equal(store.usage.elements, 3);
  });

  it('leaves room for messages of known signers, which anybody else cannot fill', async (t) => {
    const { shelf, store } = await createStore(t, { maximumCount: 4 });
    for (let i = 0; i < 4; i++) await store.keep(raw(`message ${i}`), undefined, forged, step);
    assert.equal((await store.keep(raw('of a known signer'), undefined, ours, step)).outcome, 'kept');
    const another = { ...ours, waitsAs: sha256('something else') };
    await assert.rejects(store.keep(raw('another'), undefined, another, step), { name: 'LocalTrouble', code: 'space-low' });
    await assert.rejects(store.check(1), { name: 'LocalTrouble', component: 'reject', code: 'space-low' });
    assert.equal(elementsOf(shelf.queue.path).length, 4);
  });

  it('keeps every copy of what one signed while there is room for anything, and then one', async (t) => {
    const { reduced, shelf, store } = await createStore(t, { maximumCount: 8 });
    const copy = (i: number) => store.keep(raw(`X-${i}: ${i}\n`), `${i}`, ours, step);
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i++) outcomes.push((await copy(i)).outcome);
    // All at once: each wants room until it is found to be known.
    const more = await Promise.all(Array.from({ length: 30 }, (_, i) => copy(i + 6)));
    for (const { outcome } of more) outcomes.push(outcome);
    // Which of them is the first is not said.
    assert.deepEqual(outcomes.toSorted(), [...Array(7).fill('kept'), ...Array(29).fill('known')]);
    const other = { ...ours, waitsAs: sha256('refused for another reason') };
    assert.equal((await store.keep(raw('another'), undefined, other, step)).outcome, 'kept');
    assert.equal(elementsOf(shelf.queue.path).length, 8);
    assert.equal(store.usage.elements, 8);
    assert.deepEqual(reduced(), []);
  });

  it('knows what it has kept, whatever room is left', async (t) => {
    const { shelf, store } = await createStore(t, { maximumCount: 8 });
    const refusals = Array.from({ length: 8 }, (_, index) => ({ ...ours, waitsAs: sha256(`signed ${index}`) }));
    const keepAll = (from: number, to: number): Promise<string[]> =>
      Promise.all(
        refusals
          .slice(from, to)
          .map(async (one, index) => (await store.keep(raw(`message ${from + index}`), undefined, one, step)).outcome),
      );
    await keepAll(0, 6);
    assert.deepEqual(
      await keepAll(0, 6),
      Array.from({ length: 6 }, () => 'known'),
    );
    await keepAll(6, 8);
    assert.deepEqual(
      await keepAll(0, 8),
      Array.from({ length: 8 }, () => 'known'),
    );
    assert.equal(elementsOf(shelf.queue.path).length, 8);
  });

  it('keeps one copy after another had no room', async (t) => {
    let now = 0;
    const { shelf, store } = await createStore(t, { maximumCount: 1, now: () => new Date(now) });
    const other = { ...ours, waitsAs: sha256('something else') };
    assert.equal((await store.keep(raw('first'), undefined, other, step)).outcome, 'kept');
    const copy = (text: string) => store.keep(raw(text), undefined, ours, step);
    const failed = await Promise.allSettled([copy('a'), copy('b')]);
    assert.ok(failed.every(({ status }) => status === 'rejected'));
    rmSync(path.join(shelf.queue.path, '00000000'), { recursive: true });
    now += 60_000;
    assert.equal((await copy('b')).outcome, 'kept');
  });

  it('keeps reason and SHA-256 alone beyond the bytes', async (t) => {
    const { store } = await createStore(t, { maximumBytes: 4000 });
    assert.equal((await store.keep(Buffer.alloc(2000, 1), undefined, forged, step)).outcome, 'kept');
    assert.equal((await store.keep(Buffer.alloc(2000, 2), undefined, forged, step)).outcome, 'reduced');
    assert.equal((await store.keep(Buffer.alloc(500, 3), undefined, forged, step)).outcome, 'kept');
  });

  it('knows after a restart what is there, and notices when somebody has emptied it', async (t) => {
    let now = 0;
    const { shelf, store } = await createStore(t, { maximumCount: 4, now: () => new Date(now) });
    for (let i = 0; i < 3; i++) await store.keep(raw(`message ${i}`), undefined, forged, step);
    let moved = 0;
    const count = (): void => {
      moved += 1;
    };
    const limits = { maximumBytes: 1_000_000, maximumCount: 4, reserve: 0 };
    const after = new RejectStore({ shelf, ...limits, moved: count, stopping, now: () => new Date(now) });
    assert.equal((await after.keep(raw('one more'), undefined, forged, step)).outcome, 'reduced');
    assert.deepEqual(after.usage, store.usage);
    // While a message waits for it nobody takes a measurement for a standstill; else it hides none.
    await after.measure();
    assert.equal(moved, 3);
    rmSync(path.join(shelf.queue.path, '00000000'), { recursive: true });
    assert.equal((await after.keep(raw('too early'), undefined, forged, step)).outcome, 'reduced');
    now += 60_000;
    assert.equal((await after.keep(raw('now'), undefined, forged, step)).outcome, 'kept');
  });

  it('does not measure on, nor once more, while the service stops: what is not kept yet stays at the broker', async (t) => {
    const { shelf, store } = await createStore(t);
    await store.keep(raw('message'), undefined, forged, step);
    const limits = { maximumBytes: 1_000_000, maximumCount: 4, reserve: 0 };
    const stop = new AbortController();
    const after = new RejectStore({ shelf, ...limits, moved: () => stop.abort(), stopping: stop.signal, now: () => new Date() });
    for (const message of ['waits', 'comes late'])
      await assert.rejects(after.keep(raw(message), undefined, forged, step), { name: 'LocalTrouble', component: 'reject' });
    assert.equal(after.measured, false);
  });

  it('leaves the reserve of free space alone: junk shrinks, a known signer waits', async (t) => {
    const { store } = await createStore(t, { reserve: Number.MAX_SAFE_INTEGER / 4 });
    assert.equal((await store.keep(raw('junk'), undefined, forged, step)).outcome, 'reduced');
    await assert.rejects(store.keep(raw('good'), undefined, ours, step), {
      name: 'LocalTrouble',
      component: 'reject',
      code: 'space-low',
    });
  });

  it('shrinks junk that fails for want of space, or of inodes, and goes on', async (t) => {
    const { reduced, shelf } = await createStore(t);
    const options = { maximumBytes: 1e6, maximumCount: 100, moved: () => undefined, stopping, now: () => new Date() };
    const full = { ...shelf, queue: replacing(shelf.queue, { stage: async () => Promise.reject(new SpoolError('disk-full', 'full')) }) };
    const store = new RejectStore({ ...options, shelf: full, reserve: 0 });
    assert.equal((await store.keep(raw('junk'), undefined, forged, step)).outcome, 'reduced');
    await assert.rejects(store.keep(raw('good'), undefined, ours, step), { name: 'LocalTrouble', code: 'disk-full' });
    const few = { ...shelf, queue: replacing(shelf.queue, { freeFiles: async () => 1500 }) };
    const reserved = new RejectStore({ ...options, shelf: few, reserve: 1 });
    assert.equal((await reserved.keep(raw('more junk'), undefined, forged, step)).outcome, 'reduced');
    assert.equal((await reserved.keep(raw('good'), undefined, ours, step)).outcome, 'kept');
    assert.equal(reduced().length, 2);
  });

  it('never calls a refused message lost when it cannot even write that', async (t) => {
    const { shelf, store } = await createStore(t, { maximumCount: 0 });
    rmSync(shelf.queue.path, { recursive: true });
    await assert.rejects(store.keep(raw('junk'), undefined, forged, step), {
      name: 'LocalTrouble',
      component: 'reject',
      code: 'path-missing',
    });
  });
});
