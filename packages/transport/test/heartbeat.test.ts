import assert from 'node:assert/strict';
import { it } from 'node:test';
import { negotiate } from '../src/stomp/heartbeat.js';

for (const [ours, theirs, outgoing, incoming] of [
  [10_000, '5000,20000', 20_000, 10_000],
  [10_000, '20000,5000', 10_000, 20_000],
  [10_000, '0,0', 0, 0],
  [10_000, '0,5000', 10_000, 0],
  [10_000, '5000,0', 0, 10_000],
  [0, '5000,5000', 0, 0],
  [10_000, undefined, 0, 0],
  [10_000, ' 1 , 2 ', 10_000, 10_000],
  [10_000, 'soon,later', 0, 0],
  [10_000, '-1,99999999999', 0, 0],
] as const)
  it(`agrees on ${outgoing},${incoming} for ${ours} and ${theirs}`, () => {
    assert.deepEqual(negotiate(ours, theirs), { outgoing, incoming });
  });
