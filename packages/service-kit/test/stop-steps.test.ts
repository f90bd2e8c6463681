import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '../src/log.js';
import { StopSteps } from '../src/stop-steps.js';

function scene(): { steps: StopSteps; errors: unknown[] } {
  const errors: unknown[] = [];
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message, fields) => void errors.push([message, fields]),
    child: () => log,
  };
  return { steps: new StopSteps(log), errors };
}

const never = new Promise<void>(() => undefined);

test('last added first, each whatever became of the others, one after the other', async () => {
  const { steps, errors } = scene();
  const order: string[] = [];
  steps.add('a', () => void order.push('a'));
  steps.add('b', () => {
    throw new Error('b');
  });
  steps.add('c', async () => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push('c');
  });
  steps.add('d', () => Promise.reject(new Error('d')));
  await steps.run(new AbortController().signal, never);
  assert.deepEqual(order, ['c', 'a']);
  assert.deepEqual(errors, [
    ['stop step failed', { step: 'd', error: new Error('d') }],
    ['stop step failed', { step: 'b', error: new Error('b') }],
  ]);
});

test('a step that is added by another one runs too', async () => {
  const { steps } = scene();
  const order: string[] = [];
  steps.add('a', () => void order.push('a'));
  steps.add('b', () => steps.add('late', () => void order.push('late')));
  await steps.run(new AbortController().signal, never);
  assert.deepEqual(order, ['late', 'a']);
});

test('a step that never ends is given up, the later ones are still called', async () => {
  const { steps, errors } = scene();
  const order: string[] = [];
  steps.add('last', () => void order.push('last'));
  steps.add('hangs', () => never);
  await steps.run(new AbortController().signal, Promise.resolve());
  assert.deepEqual(order, ['last']);
  assert.deepEqual(errors[0], ['stop step did not end in time', { step: 'hangs' }]);
});
