import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Aim, type Aimed, median, summarise } from './measurement.js';
import { HEAD, mark, rowOf, targetText } from './report.js';

const figure = (value: number, limit?: number, target: Aim['target'] = null): Aimed => ({
  name: 'sender',
  value,
  unit: '1/s',
  ...(limit === undefined ? {} : { aim: { limit, of: 'limit: signatures', target } }),
});
const atLeast = (share: number): Aim['target'] => ({ kind: 'at least', share });
const atMost = (share: number): Aim['target'] => ({ kind: 'at most', share });
const only = (...figures: Aimed[]) => summarise(figures)[0]!;

const beside = (name: string, limit: number): Aimed => {
  const one = figure(40, limit, atLeast(0.5));
  return { ...one, name, aim: { ...one.aim!, lowestOf: 'receiver' } };
};

describe('measurements', () => {
  it('takes the middle value, or the mean of the middle two', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 9, 1, 2]), 5.5);
    assert.equal(median([7]), 7);
    assert.ok(Number.isNaN(median([])));
  });

  it('keeps the spread and one measurement for each name, in their order', () => {
    const measurements = summarise([figure(3), { ...figure(8), name: 'other' }, figure(1), figure(2)]);
    assert.deepEqual(
      measurements.map(({ name, value, lowest, highest, repeats }) => [name, value, lowest, highest, repeats]),
      [
        ['sender', 2, 1, 3, 3],
        ['other', 8, 8, 8, 1],
      ],
    );
  });

  it('compares each value with the limit of its own repeat', () => {
    // Medians of both sides would give 200 / 1000.
    const target = atLeast(0.45);
    const measurement = only(figure(100, 200, target), figure(200, 400, target), figure(5000, 1000, target));
    assert.equal(measurement.share, 0.5);
    assert.equal(measurement.limit, 400);
  });

  it('has no share and no verdict where no target is set', () => {
    const { share, reached, limit } = only(figure(100, 200));
    assert.deepEqual([share, reached, limit], [null, null, 200]);
    assert.deepEqual(rowOf(only(figure(100))).slice(3), ['', '', '', '']);
  });

  it('says whether a target is reached, from below and from above', () => {
    assert.equal(only(figure(45, 100, atLeast(0.45))).reached, true);
    assert.equal(only(figure(44, 100, atLeast(0.45))).reached, false);
    assert.equal(only(figure(100, 100, atMost(1))).reached, true);
    assert.equal(only(figure(101, 100, atMost(1))).reached, false);
  });

  it('asks for more than the same where that is the target', () => {
    assert.equal(only(figure(100, 100, { kind: 'more than', share: 1 })).reached, false);
    assert.equal(only(figure(101, 100, { kind: 'more than', share: 1 })).reached, true);
  });

  it('judges only the lowest of several limits, by their medians', () => {
    const measurements = summarise([
      beside('bytes', 100),
      beside('adds', 90),
      beside('bytes', 50),
      beside('adds', 70),
      beside('bytes', 110),
      beside('adds', 95),
    ]);
    assert.deepEqual(
      measurements.map(({ name, limit, share, target, reached }) => [name, limit, share === null, target?.share, reached]),
      [
        ['bytes', 100, true, undefined, null],
        ['adds', 90, false, 0.5, false],
      ],
    );
    assert.deepEqual(rowOf(measurements[0]!).slice(4), ['', '', '']);
  });

  it('shows share, target and mark beside each other', () => {
    const missed = only(figure(44, 100, atLeast(0.45)));
    assert.deepEqual(rowOf(missed), ['sender', '44.0 /s', '', '100 /s (signatures)', '0.44', 'at least 0.45', 'MISSED']);
    assert.equal(rowOf(missed).length, HEAD.length);
    assert.equal(targetText(only(figure(1, 1, atMost(1)))), 'at most 1');
    assert.equal(mark(only(figure(1, 1, atMost(1)))), 'reached');
  });
});
