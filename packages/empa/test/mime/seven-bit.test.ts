import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fitsSevenBit } from '../../src/mime/seven-bit.js';

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
      // At each place of a word, with the highest and the lowest octets of text beside it.
      for (let before = 0; before < 8; before += 1)
        for (const beside of ['a', '~', '!']) {
          const text = `${beside.repeat(before)}${String.fromCharCode(octet)}${beside.repeat(8)}`;
          assert.equal(fits(text), plain, JSON.stringify(text));
        }
    }
    for (const text of [' ', '\t', 'a ', 'a \nb', 'a\n \n', '\r\n', 'a'.repeat(999), `\n${'a'.repeat(999)}\n`, 'application/x-pkcs7-mime'])
      assert.ok(!fits(text), text);
  });
});
