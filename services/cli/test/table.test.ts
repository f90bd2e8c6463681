import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { table } from '../src/ssm/table.js';

describe('table', () => {
  it('makes columns as wide as they need to be', () => {
    assert.equal(table(['A', 'B'], [['long', 'x']]), 'A     B\nlong  x');
  });

  it('takes as many rows as a queue has elements', () => {
    const rows = Array.from({ length: 300_000 }, () => ['a', 'b']);
    assert.equal(table(['A', 'B'], rows).length, 300_001 * 5 - 1);
  });
});
