import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { runBounded } from '../src/window.js';

/** Workers that end when the test says so. */
function gate(): {
  readonly worker: (item: number) => Promise<void>;
  readonly running: () => readonly number[];
  readonly end: (item: number, error?: Error) => void;
} {
  const open = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  return {
    worker: (item) => new Promise((resolve, reject) => open.set(item, { resolve, reject })),
    running: () => [...open.keys()],
    end: (item, error) => {
      const entry = open.get(item);
      open.delete(item);
      if (error === undefined) entry?.resolve();
      else entry?.reject(error);
    },
  };
}

/** A source that tells how many were taken and whether it was let go. */
function numbers(count: number): AsyncIterable<number> & { taken: number; returned: boolean } {
  return {
    taken: 0,
    returned: false,
    async *[Symbol.asyncIterator]() {
      try {
        while (this.taken < count) yield this.taken++;
      } finally {
        this.returned = true;
      }
    },
  };
}

/** Yields one item and never answers again. */
async function* stalled(): AsyncGenerator<number> {
  yield 1;
  await new Promise(() => undefined);
}

async function* broken(): AsyncGenerator<number> {
  yield 1;
  throw new Error('source');
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
};

test('never more than the limit at once, and no item taken before there is room', async () => {
  const source = numbers(5);
  const { worker, running, end } = gate();
  const run = runBounded(source, worker, { limit: 2 });
  await settled();
  assert.deepEqual(running(), [0, 1]);
  assert.equal(source.taken, 2);
  end(1);
  await settled();
  assert.deepEqual(running(), [0, 2]);
  assert.equal(source.taken, 3);
  for (const item of [0, 2, 3, 4]) {
    await eventually(() => running().includes(item));
    end(item);
  }
  await run;
  assert.equal(source.returned, true);
});

test('every item once, with random times', async () => {
  const seen: number[] = [];
  let active = 0;
  let most = 0;
  const worker = async (item: number): Promise<void> => {
    active += 1;
    most = Math.max(most, active);
    for (let turn = 0; turn < (item * 7) % 5; turn += 1) await setImmediate();
    seen.push(item);
    active -= 1;
  };
  await runBounded(numbers(500), worker, { limit: 8 });
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    Array.from({ length: 500 }, (_, index) => index),
  );
  assert.equal(most, 8);
});

test('takes arrays and other plain iterables', async () => {
  const seen: string[] = [];
  await runBounded(['a', 'b'], async (item) => void seen.push(item), { limit: 1 });
  assert.deepEqual(seen, ['a', 'b']);
});

test('resolves only when the last worker ended', async () => {
  const { worker, running, end } = gate();
  let ended = false;
  const run = runBounded(numbers(1), worker, { limit: 4 }).then(() => (ended = true));
  await eventually(() => running().length === 1);
  await settled();
  assert.equal(ended, false);
  end(0);
  await run;
});

test('an error of a worker stops the taking and is thrown after the others ended', async () => {
  const source = numbers(100);
  const { worker, running, end } = gate();
  let ended = false;
  const run = assert.rejects(runBounded(source, worker, { limit: 2 }), /first/).then(() => (ended = true));
  await eventually(() => running().length === 2);
  end(0, new Error('first'));
  await settled();
  assert.equal(ended, false);
  assert.equal(source.taken, 2);
  end(1, new Error('second'));
  await run;
  assert.equal(source.returned, true);
});

test('a worker that throws while the next item is awaited ends the run', async () => {
  await assert.rejects(
    runBounded(stalled(), () => Promise.reject(new Error('worker')), { limit: 2 }),
    /worker/,
  );
});

test('an error of the source is thrown after the workers ended', async () => {
  let done = false;
  const worker = async (): Promise<void> => {
    await settled();
    done = true;
  };
  await assert.rejects(runBounded(broken(), worker, { limit: 2 }), /source/);
  assert.equal(done, true);
});

test('an abort ends the taking, also of a source that never answers; what runs is waited for', async () => {
  const controller = new AbortController();
  const { worker, running, end } = gate();
  let ended = false;
  const run = runBounded(stalled(), worker, { limit: 2, signal: controller.signal }).then(() => (ended = true));
  await eventually(() => running().length === 1);
  controller.abort();
  await settled();
  assert.equal(ended, false);
  end(1);
  await run;
});

test('a source that rejects because of the same abort is no error', async () => {
  const controller = new AbortController();
  async function* abortable(): AsyncGenerator<number> {
    await new Promise((_, reject) => controller.signal.addEventListener('abort', () => reject(new Error('aborted'))));
    yield 1;
  }
  const run = runBounded(abortable(), async () => undefined, { limit: 1, signal: controller.signal });
  await settled();
  controller.abort();
  await run;
});

test('nothing is taken when the signal is aborted before', async () => {
  const source = numbers(3);
  await runBounded(source, async () => undefined, { limit: 1, signal: AbortSignal.abort() });
  assert.equal(source.taken, 0);
});

test('a limit below 1 is refused', async () => {
  for (const limit of [0, -1, Number.NaN])
    await assert.rejects(
      runBounded([], async () => undefined, { limit }),
      RangeError,
    );
});

test('listeners on a long-lived signal do not pile up', async () => {
  const controller = new AbortController();
  let added = 0;
  const add = controller.signal.addEventListener.bind(controller.signal);
  controller.signal.addEventListener = (...args: Parameters<typeof add>) => {
    added += 1;
    add(...args);
  };
  await runBounded(numbers(1_000), async () => undefined, { limit: 4, signal: controller.signal });
  assert.equal(added, 1);
});
