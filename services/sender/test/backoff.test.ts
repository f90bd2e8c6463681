import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ElementBackoff } from '../src/backoff.js';

const DAY = new Date('2026-01-01');

function backoffAt(clock: { now: number }, capacity = 100): ElementBackoff {
  return new ElementBackoff({ initialMs: 1000, maximumMs: 8000, capacity, now: () => clock.now, date: () => DAY, random: () => 1 });
}

describe('ElementBackoff', () => {
  it('lets a failed element wait, twice as long each time, up to the maximum', () => {
    const clock = { now: 0 };
    const backoff = backoffAt(clock);
    const delays = [1000, 2000, 4000, 8000, 8000];
    for (const [index, delay] of delays.entries()) {
      assert.equal(backoff.failed('a'), index + 1);
      clock.now += delay - 1;
      assert.equal(backoff.waits('a'), true);
      clock.now += 1;
      assert.equal(backoff.waits('a'), false);
    }
  });

  it('knows nothing of an element that worked', () => {
    const backoff = backoffAt({ now: 0 });
    backoff.failed('a');
    backoff.forget('a');
    assert.equal(backoff.waits('a'), false);
    assert.equal(backoff.attempts('a'), 0);
  });

  it('names the next time only for elements that still wait', () => {
    const clock = { now: 0 };
    const backoff = backoffAt(clock);
    assert.equal(backoff.nextInMs, Number.POSITIVE_INFINITY);
    backoff.failed('a');
    clock.now = 400;
    assert.equal(backoff.nextInMs, 600);
    clock.now = 1000;
    assert.equal(
      backoff.nextInMs,
      Number.POSITIVE_INFINITY,
      'an element that is due and gone must not be a reason to look again and again',
    );
  });

  it('is bounded: the element that failed longest ago is forgotten', () => {
    const backoff = backoffAt({ now: 0 }, 3);
    for (const name of ['a', 'b', 'c', 'a', 'd']) backoff.failed(name);
    assert.equal(backoff.size, 3);
    assert.equal(backoff.attempts('b'), 0);
    assert.equal(backoff.attempts('a'), 2);
  });

  it('forgets elements that were due long ago and never came back', () => {
    const clock = { now: 0 };
    const backoff = backoffAt(clock);
    backoff.failed('gone');
    clock.now = 11 * 60_000;
    backoff.failed('here');
    backoff.prune();
    assert.deepEqual([backoff.attempts('gone'), backoff.attempts('here')], [0, 1]);
  });

  it('knows the age of the oldest', () => {
    const backoff = backoffAt({ now: 5000 });
    backoff.failed('a');
    backoff.failed('b', new Date(1000));
    assert.deepEqual(backoff.oldest, new Date(1000));
  });

  it('takes the first failure of one without a time by the clock, and not by what measures delays', () => {
    const clock = { now: 5000 };
    const backoff = backoffAt(clock);
    backoff.failed('a');
    clock.now += 1000;
    backoff.failed('a');
    assert.deepEqual(backoff.oldest, DAY);
  });
});
