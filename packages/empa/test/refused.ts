import assert from 'node:assert/strict';
import { EmpaError, type EmpaErrorCode } from '../src/errors.js';

/** Asserts that the action throws an EmpaError with this code, and gives it. */
export function refused(code: EmpaErrorCode, action: () => unknown): EmpaError {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  return hasCode(code, thrown);
}

/** As {@link refused}, of a promise. */
export async function rejected(code: EmpaErrorCode, promise: Promise<unknown>): Promise<EmpaError> {
  try {
    await promise;
  } catch (error) {
    return hasCode(code, error);
  }
  return hasCode(code, undefined);
}

function hasCode(code: EmpaErrorCode, thrown: unknown): EmpaError {
  if (!(thrown instanceof EmpaError)) throw new assert.AssertionError({ message: `${code} expected, got ${String(thrown)}` });
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
}
