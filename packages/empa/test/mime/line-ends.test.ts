import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { toCrlf, toLf } from '../../src/mime/line-ends.js';
import { memory } from '../../src/mime/text.js';
import { canonical, canonicalPieces } from '../recipe.js';

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
    const bytes = Buffer.from('a\r\nb');
    assert.equal(toCrlf(bytes), bytes);
  });

  it('are found wherever a long text is looked at in pieces', () => {
    for (const slice of [65_536, 131_072])
      for (let before = slice - 18; before < slice + 18; before += 1)
        for (const ends of ['\r\n', '\r\r\n', '\r\n\r\n', '\n\n', '\r', '\n', 'b'.repeat(40)])
          for (const more of ['', 'b\xff', 'b'.repeat(300_000 - before)]) {
            const [front, back] = ['a'.repeat(before), more];
            const text = Buffer.from(`${front}${ends}${back}`, 'latin1');
            const crlf = Buffer.from(`${front}${ends.replaceAll(/(?<!\r)\n/gu, '\r\n')}${back}`, 'latin1');
            assert.ok(toCrlf(text).equals(crlf), `CRLF: ${before} octets, ${JSON.stringify(ends)}`);
            assert.ok(
              canonical([Buffer.from('head\n'), text]).equals(Buffer.concat([Buffer.from('head\r\n'), crlf])),
              `in pieces: ${before}`,
            );
            const lf = Buffer.from(`${front}${ends.replaceAll('\r\n', '\n')}${back}`, 'latin1');
            assert.ok(toLf(text).equals(lf), `LF: ${before} octets, ${JSON.stringify(ends)}`);
          }
  });

  it('have room, however many there are', () => {
    const all = Buffer.alloc(200_000, '\n');
    const ends = '\r\n'.repeat(200_000);
    assert.equal(canonical([all, Buffer.from('a'), all]).toString(), `${ends}a${ends}`);
    assert.equal(toCrlf(all).toString(), ends);
    assert.deepEqual(toLf(Buffer.from(ends)), all);
    assert.equal(canonicalPieces([Buffer.from('head\n'), Buffer.from('body\n')]).length, 1);
    assert.deepEqual(canonicalPieces([]), []);
  });

  it('are found at each place of a block, whatever stands beside them or stood there before', () => {
    const octets = fc.array(fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x0b, 0x0c, 0x8a, 0x8d), fc.integer({ min: 0, max: 255 })), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(octets, fc.constantFrom(0x00, 0x0a, 0x0d), fc.nat(100), (list, rest, cut) => {
        const bytes = Buffer.from(list);
        const text = bytes.toString('latin1');
        const crlf = text.replaceAll(/(?<!\r)\n/gu, '\r\n');
        const stale = (): Buffer => memory.fill(rest, 1000);
        stale();
        assert.equal(toCrlf(bytes).toString('latin1'), crlf);
        stale();
        assert.equal(canonical([bytes.subarray(0, cut), bytes.subarray(cut)]).toString('latin1'), crlf);
        stale();
        assert.equal(toLf(bytes).toString('latin1'), text.replaceAll('\r\n', '\n'));
      }),
      { numRuns: 5000 },
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
