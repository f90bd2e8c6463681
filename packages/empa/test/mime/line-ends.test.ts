import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { toCrlf, toLf } from '../../src/mime/line-ends.js';

describe('line ends', () => {
  const cases: [string, string, string][] = [
    ['', '', ''],
    ['a', 'a', 'a'],
    ['a\nb\n', 'a\r\nb\r\n', 'a\nb\n'],
    ['a\r\nb\n', 'a\r\nb\r\n', 'a\nb\n'],
    ['\n\n', '\r\n\r\n', '\n\n'],
    ['a\rb\r', 'a\rb\r', 'a\rb\r'],
    ['a\r\r\n', 'a\r\r\n', 'a\r\n'],
    ['\r\n\n\r', '\r\n\r\n\r', '\n\n\r'],
  ];
  for (const [input, crlf, lf] of cases) {
    it(`of ${JSON.stringify(input)}`, () => {
      assert.equal(toCrlf(Buffer.from(input)).toString(), crlf);
      assert.equal(toLf(Buffer.from(input)).toString(), lf);
    });
  }

  it('gives octets back as they are when there is nothing to do', () => {
    const canonical = Buffer.from('a\r\nb');
    assert.equal(toCrlf(canonical), canonical);
  });

  it('comes to the same form from any other', () => {
    const text = fc.array(fc.constantFrom('a', '\n', '\r', '\r\n', ' ')).map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(text, (bytes) => {
        assert.deepEqual(toCrlf(toCrlf(bytes)), toCrlf(bytes));
        if (!bytes.includes('\r')) assert.deepEqual(toLf(toCrlf(bytes)), bytes);
      }),
    );
  });
});
