import assert from 'node:assert/strict';
import { type OutgoingMessage, type Publisher, TransportError, type TransportErrorCode } from '../src/index.js';

/** Generous: it is reached only where something is wrong, and real brokers on a busy machine are slow. */
const DEADLINE_MS = 30_000;

/** Waits for a condition. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A promise with a deadline. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${DEADLINE_MS} ms: ${what}`)), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The promise rejects with this code; gives the error. */
export async function rejection(promise: Promise<unknown>, code: TransportErrorCode): Promise<TransportError> {
  const error = await within(
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
    `rejection with ${code}`,
  );
  assert.ok(error instanceof TransportError, `expected ${code}, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/** Whether it is still pending after everything that was ready has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return !settled;
}

/** Published again and again, and a neighbour in between, until it is refused; gives the errors, the refusal last. */
export async function refusalOf(
  publisher: Publisher,
  message: OutgoingMessage,
  neighbour: () => OutgoingMessage,
  attempts = 5,
): Promise<TransportError[]> {
  const { signal } = new AbortController();
  const errors: TransportError[] = [];
  while (errors.at(-1)?.code !== 'message-refused') {
    assert.ok(errors.length < attempts, `it is refused, not: ${errors.map(({ code }) => code).join(', ')}`);
    if (errors.length > 0) await within(publisher.publish(neighbour(), signal), 'a neighbour');
    const error = await within(
      publisher.publish(message, signal).catch((reason: unknown) => reason),
      'a refusal',
    );
    assert.ok(error instanceof TransportError, `it is refused, not ${String(error)}`);
    errors.push(error);
  }
  return errors;
}
