import assert from 'node:assert/strict';
import { EmpaError, type EmpaErrorCode } from '../src/errors.js';

/** Asserts that the action throws an EmpaError with this code. */
export function refused(code: EmpaErrorCode, action: () => unknown): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  withCode(code, thrown);
}

/** Asserts that the promise is rejected with an EmpaError with this code, and gives the error. */
export async function rejected(code: EmpaErrorCode, promise: Promise<unknown>): Promise<EmpaError> {
  let thrown: unknown;
  try {
    await promise;
  } catch (error) {
    thrown = error;
  }
  return withCode(code, thrown);
}

function withCode(code: EmpaErrorCode, thrown: unknown): EmpaError {
  if (!(thrown instanceof EmpaError)) throw new assert.AssertionError({ message: `${code} expected, got ${String(thrown)}` });
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
}
