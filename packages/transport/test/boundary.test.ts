import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { wholeLength } from '../src/stomp/boundary.js';

it('never cuts a character or CR LF, and holds back no more than three bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, at) => {
      const bytes = Buffer.from(text.replaceAll('b', '\r\n'));
      const chunk = bytes.subarray(0, at % (bytes.length + 1));
      const whole = wholeLength(chunk);
      assert.ok(whole <= chunk.length && chunk.length - whole <= 3);
      // Half a character does not come back; and U+FFFD may be in the text itself.
      assert.deepEqual(Buffer.from(chunk.toString('utf8', 0, whole)), chunk.subarray(0, whole));
      assert.notEqual(chunk[whole - 1], 0x0d);
    }),
  );
});

it('does not wait for what cannot become a character', () => {
  assert.equal(wholeLength(Buffer.from([0x80, 0x80, 0x80, 0x80])), 4);
  assert.equal(wholeLength(Buffer.from([0x41, 0x80])), 2);
  assert.equal(wholeLength(Buffer.alloc(0)), 0);
});
