import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { fitsSevenBit } from '../../src/mime/seven-bit.js';
import { memory } from '../../src/mime/text.js';

function fits(text: string): boolean {
  return fitsSevenBit(Buffer.from(text, 'latin1'));
}

describe('fitsSevenBit', () => {
  it('takes text that any receiver gets back', () => {
    for (const text of ['', '\n', 'a', 'a\n', '\n\n  a\n\n', '\ta\tb', '~ !\n', `${'a'.repeat(998)}\n${'b'.repeat(998)}`])
      assert.ok(fits(text), text);
  });

  it('takes nothing else', () => {
    for (let octet = 0; octet < 256; octet += 1) {
      const plain = octet === 9 || octet === 10 || (octet >= 32 && octet < 127);
      // At each place of a block, with the highest and the lowest octets of text beside it.
      for (let before = 0; before < 34; before += 1)
        for (const beside of ['a', '~', '!']) {
          const text = `${beside.repeat(before)}${String.fromCharCode(octet)}${beside.repeat(before % 3 === 0 ? 1 : 20)}`;
          assert.equal(fits(text), plain, JSON.stringify(text));
        }
    }
    for (const text of [' ', '\t', 'a ', 'a \nb', 'a\n \n', '\r\n', 'a'.repeat(999), `\n${'a'.repeat(999)}\n`, 'application/x-pkcs7-mime'])
      assert.ok(!fits(text), text);
  });

  it('comes to the same as looking at it line by line, wherever it is looked at in pieces', () => {
    const line = fc.oneof(
      fc.string({ maxLength: 40, unit: fc.constantFrom('a', '~', ' ', '\t') }),
      fc.constantFrom('', 'x'.repeat(16), 'x'.repeat(997), 'x'.repeat(998), 'x'.repeat(999), 'a\rb', '\x7f', '\x80'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom(0, 64_000, 65_500), (lines, before) => {
        const text = `${'0123456\n'.repeat(before / 8)}${lines.join('\n')}`;
        const good = text.split('\n').every((one) => /^[\t -~]{0,998}$/u.test(one) && !/[ \t]$/u.test(one));
        memory.fill(before === 0 ? 0x0a : 0x80, 1000);
        assert.equal(fits(text), good);
      }),
      { numRuns: 2000 },
    );
  });

  it('measures a line that goes through pieces', () => {
    for (let before = 65_536 - 1000; before <= 65_536; before += 37)
      for (const length of [998, 999]) {
        const text = `${'a\n'.repeat(before / 2)}${'b'.repeat(length)}`;
        assert.equal(fits(`${text}\n`), length === 998, `${before}`);
        assert.equal(fits(text), length === 998);
        assert.equal(fits(`${text.slice(0, -1)} \nc`), false);
      }
  });
});
