import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { it } from 'node:test';
import { AbortListeners } from '../src/abort-listeners.js';

const callback = (): void => assert.fail();

it('calls everybody who still listens, with one listener on the signal', () => {
  const listeners = new AbortListeners();
  const controller = new AbortController();
  const called: number[] = [];
  const listening = Array.from({ length: 20 }, (_, index) => (): void => void called.push(index));
  for (const each of listening) listeners.add(controller.signal, each);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
  for (const each of listening.slice(0, 18)) listeners.remove(controller.signal, each);
  controller.abort();
  assert.deepEqual(called, [18, 19]);
});

it('has one listener on a signal, however often it is used, and calls nobody who left', () => {
  const listeners = new AbortListeners();
  const controller = new AbortController();
  for (let round = 0; round < 3; round += 1) {
    listeners.add(controller.signal, callback);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
    listeners.remove(controller.signal, callback);
  }
  listeners.remove(controller.signal, callback);
  listeners.remove(new AbortController().signal, callback);
  controller.abort();
});
