import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { canonicalPieces, toCrlf, toLf } from '../../src/mime/line-ends.js';
import { wholeOf } from '../recipe.js';

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
      [32_768, 0],
      [65_536, 0],
      [65_536, 300_000],
    ] as const)
      for (let before = slice - 3; before < slice + 3; before += 1)
        for (const ends of ['\r\n', '\r\r\n', '\n\n', '\r', '\n']) {
          const text = Buffer.from(`${'a'.repeat(before)}${ends}${'b'.repeat(more)}`);
          const expected = `${'a'.repeat(before)}${ends.replaceAll(/(?<!\r)\n/gu, '\r\n')}${'b'.repeat(more)}`;
          assert.equal(toCrlf(text).toString(), expected);
          assert.equal(wholeOf(canonicalPieces([Buffer.from('head\n'), text])).toString(), `head\r\n${expected}`);
        }
  });

  it('have room in the pieces, however many there are', () => {
    const all = Buffer.alloc(200_000, '\n');
    assert.equal(wholeOf(canonicalPieces([all, Buffer.from('a'), all])).toString(), `${'\r\n'.repeat(200_000)}a${'\r\n'.repeat(200_000)}`);
    assert.equal([...canonicalPieces([Buffer.from('head\n'), Buffer.from('body\n')])].length, 1);
    assert.deepEqual([...canonicalPieces([])], []);
  });

  it('are found at each place of a word, whatever stands beside them', () => {
    const octets = fc.array(fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x0b, 0x0c, 0x8a, 0x8d), fc.integer({ min: 0, max: 255 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(octets, (list) => {
        const bytes = Buffer.from(list);
        const text = bytes.toString('latin1');
        const crlf = text.replaceAll(/(?<!\r)\n/gu, '\r\n');
        assert.equal(toCrlf(bytes).toString('latin1'), crlf);
        assert.equal(wholeOf(canonicalPieces([bytes])).toString('latin1'), crlf);
        assert.equal(toLf(bytes).toString('latin1'), text.replaceAll('\r\n', '\n'));
      }),
      { numRuns: 3000 },
    );
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
