import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, assert as check, property, stringMatching } from 'fast-check';
import { CompactNames } from '../src/compact-names.js';

/** With many that begin alike, or are the same. */
const names = array(stringMatching(/^(?:[0-9a-f]{14}|6[56]0{6}[01]{6})$/), { maxLength: 600 });

function sorted(some: readonly string[]): string[] {
  const compact = new CompactNames();
  for (const name of some) compact.add(name);
  assert.equal(compact.length, some.length);
  return [...compact.sorted()];
}

describe('compact names', () => {
  it('are sorted as their text is, whatever they are', () => {
    check(property(names, (some) => assert.deepEqual(sorted(some), some.toSorted())));
  });

  it('may be added to after they were sorted', () => {
    const compact = new CompactNames();
    for (const name of ['66000000000002', '66000000000001']) {
      compact.add(name);
      assert.equal([...compact.sorted()].at(-1), '66000000000002');
    }
    assert.deepEqual([...compact.sorted()], ['66000000000001', '66000000000002']);
  });

  it('keep every digit, also those that a number would round, and leading zeros', () => {
    const some = ['ffffffffffffff', 'fffffffffffffe', '00000000000000', '00000000000001', '20000000000001', '20000000000000'];
    assert.deepEqual(sorted(some), some.toSorted());
  });
});
