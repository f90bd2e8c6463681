import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { canonicalPieces, toCrlf, toLf } from '../../src/mime/line-ends.js';

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

  it('are found wherever a long text is looked at in pieces', () => {
    for (let before = 65_530; before < 65_540; before += 1)
      for (const ends of ['\r\n', '\r\r\n', '\r\n\r\n', '\r', '\n'])
        assert.equal(
          toLf(Buffer.from(`${'a'.repeat(before)}${ends}b\xff`, 'latin1')).toString('latin1'),
          `${'a'.repeat(before)}${ends.replaceAll('\r\n', '\n')}b\xff`,
        );
    for (const [slice, more] of [
      [16_384, 0],
      [65_536, 0],
      [65_536, 1_100_000],
    ] as const)
      for (let before = slice - 3; before < slice + 3; before += 1)
        for (const ends of ['\r\n', '\r\r\n', '\n\n', '\r', '\n']) {
          const text = Buffer.from(`${'a'.repeat(before)}${ends}${'b'.repeat(more)}`);
          const expected = `${'a'.repeat(before)}${ends.replaceAll(/(?<!\r)\n/gu, '\r\n')}${'b'.repeat(more)}`;
          assert.equal(toCrlf(text).toString(), expected);
          const pieces = canonicalPieces([Buffer.from('head\n'), text]);
          for (const each of [pieces, pieces]) assert.equal(Buffer.concat([...each]).toString(), `head\r\n${expected}`);
          assert.equal([...pieces].length > 2, more > 0);
        }
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
