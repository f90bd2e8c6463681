import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AnswerWatch } from '../src/answer-watch.js';

interface Later<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function later<T>(): Later<T> {
  const parts: Partial<{ -readonly [Key in keyof Later<T>]: Later<T>[Key] }> = {};
  parts.promise = new Promise<T>((resolve, reject) => {
    parts.resolve = resolve;
    parts.reject = reject;
  });
  return parts as Later<T>;
}

interface Scene {
  readonly watch: AnswerWatch;
  readonly told: string[];
  /** So many milliseconds go by. */
  readonly pass: (ms: number) => void;
}

function scene(t: TestContext): Scene {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const told: string[] = [];
  const watch = new AnswerWatch({ limitMs: 60_000, onSilent: () => told.push('silent'), onAnswer: () => told.push('answer') });
  return { watch, told, pass: (ms) => t.mock.timers.tick(ms) };
}

test('tells once that no answer comes, and that one came, and gives the result', async (t) => {
  const { watch, told, pass } = scene(t);
  const { promise, resolve } = later<number>();
  const result = watch.of(() => promise);
  pass(60_000);
  assert.deepEqual(told, []);
  pass(10_000);
  assert.deepEqual(told, ['silent']);
  pass(600_000);
  assert.deepEqual(told, ['silent']);
  resolve(7);
  assert.equal(await result, 7);
  assert.deepEqual(told, ['silent', 'answer']);
  pass(600_000);
  assert.deepEqual(told, ['silent', 'answer'], 'nothing is asked any more');
});

test('a failure is an answer', async (t) => {
  const { watch, told, pass } = scene(t);
  const { promise, reject } = later<void>();
  const result = watch.of(() => promise);
  pass(70_000);
  reject(new Error('EIO'));
  await assert.rejects(result, /EIO/);
  assert.deepEqual(told, ['silent', 'answer']);
});

test('long work that moves on is not silent, nor is it while others are answered', async (t) => {
  const { watch, told, pass } = scene(t);
  let read = 0;
  const { promise, resolve } = later<void>();
  const work = watch.of(
    () => promise,
    () => read,
  );
  for (let minute = 0; minute < 5; minute += 1) {
    pass(50_000);
    read += 1;
  }
  for (let minute = 0; minute < 5; minute += 1) {
    pass(50_000);
    await watch.of(() => Promise.resolve());
  }
  assert.deepEqual(told, []);
  pass(70_000);
  assert.deepEqual(told, ['silent']);
  read += 1;
  pass(10_000);
  assert.deepEqual(told, ['silent', 'answer'], 'it moves again, though it has not ended');
  resolve();
  await work;
});

test('an iteration is waited for, and what is done with its items is not', async (t) => {
  const { watch, told, pass } = scene(t);
  const gate = later<void>();
  let closed = false;
  const source = async function* (): AsyncGenerator<number> {
    try {
      yield 1;
      await gate.promise;
      yield 2;
      yield 3;
    } finally {
      closed = true;
    }
  };
  const items = watch.each(source(), () => 0);
  assert.equal((await items.next()).value, 1);
  pass(600_000);
  assert.deepEqual(told, []);
  const second = items.next();
  await Promise.resolve();
  pass(70_000);
  assert.deepEqual(told, ['silent']);
  gate.resolve();
  assert.equal((await second).value, 2);
  assert.deepEqual(told, ['silent', 'answer']);
  await items.return?.();
  assert.equal(closed, true);
});
