import assert from 'node:assert/strict';
import { it } from 'node:test';
import stompit from 'stompit';
import { harden } from '../src/stomp/harden.js';

const MiB = 1024 * 1024;

it('takes no more memory for a line than its bytes in however many pieces it comes', () => {
  const reader = harden(
    () => new stompit.IncomingFrameStream(),
    () => false,
  );
  const id = Buffer.alloc(MiB - 'empa-id:'.length, 'l');
  reader.write(Buffer.from('MESSAGE\nempa-id:'));
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < id.length; at += 1) reader.write(id.subarray(at, at + 1));
  const taken = process.memoryUsage().heapUsed - before;
  reader.write(Buffer.from('\n\n\0'));
  assert.equal(reader.read()?.headers['empa-id'], String(id));
  assert.ok(taken < 64 * MiB, `${Math.round(taken / MiB)} MiB`);
});
