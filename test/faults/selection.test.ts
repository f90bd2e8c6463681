import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BROKER_KINDS } from '@ssm/test-support';
import type { Fault } from './fault.js';
import { faultsFor, type Selection } from './selection.js';

const never = (): never => assert.fail('not to be run');
const FAULTS: readonly Fault[] = [
  ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, run: never })),
  { name: 'large', single: true, run: never },
  { name: 'kept', durable: true, run: never },
];
const NOTHING: Selection = { rotation: 0, all: false, brokers: [], faults: [], seed: '' };

const chosen = (selection: Partial<Selection>): string[][] =>
  BROKER_KINDS.map((kind) => faultsFor(kind, FAULTS, { ...NOTHING, ...selection }).map(({ name }) => name));

describe('the rotation', () => {
  it('puts each fault on one broker, and on the next when it goes on', () => {
    assert.deepEqual(chosen({}), [['a', 'f'], ['b', 'large'], ['c', 'kept'], ['d'], ['e']]);
    assert.deepEqual(chosen({ rotation: 1 }), [['e'], ['a', 'f'], ['b', 'large'], ['c', 'kept'], ['d']]);
    assert.deepEqual(chosen({ rotation: 5 }), chosen({}));
  });

  it('puts all on all, but for what is too large', () => {
    const all = chosen({ all: true });
    assert.deepEqual(
      all.map((names) => names.length),
      [7, 8, 7, 7, 7],
    );
    assert.equal(all.flat().filter((name) => name === 'large').length, 1);
  });

  it('does what it is told', () => {
    assert.deepEqual(chosen({ brokers: ['artemis'] }), [[], [], FAULTS.map(({ name }) => name), [], []]);
    assert.deepEqual(chosen({ faults: ['b', 'large'] }), [[], ['b', 'large'], [], [], []]);
    assert.deepEqual(chosen({ faults: ['b'], all: true }), [['b'], ['b'], ['b'], ['b'], ['b']]);
  });

  it('leaves out what makes no sense on a broker without a disk', () => {
    const names = faultsFor('devbroker', FAULTS, { ...NOTHING, brokers: ['devbroker'] }).map(({ name }) => name);
    assert.deepEqual(names, ['a', 'b', 'c', 'd', 'e', 'f', 'large']);
    assert.deepEqual(faultsFor('devbroker', FAULTS, { ...NOTHING, all: true }), []);
  });
});
