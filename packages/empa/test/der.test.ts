import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as der from '../src/der.js';
import { EmpaError } from '../src/errors.js';
import { refused } from './refused.js';

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

function parse(hex: string, options?: der.ParseDerOptions): der.DerNode {
  return der.parseDer(bytes(hex), options);
}

/** A sequence of so many octet strings of so many zeros. */
function octetStrings(count: number, octets: number): Buffer {
  const one = der.octetString(Buffer.alloc(octets));
  return der.sequence(Buffer.alloc(count * one.length, one));
}

function timeIn(tag: number, text: string): Date {
  return der.timeOf(der.parseDer(Buffer.concat([Uint8Array.of(tag, text.length), Buffer.from(text)])));
}

/** An OBJECT IDENTIFIER of so many octets. */
function longOid(length: number): der.DerNode {
  const value = der.octetString(Buffer.concat([Buffer.alloc(length - 1, 0xff), Buffer.alloc(1)]));
  value[0] = der.TAG.oid;
  return der.parseDer(value);
}

function written(value: Buffer): string {
  return value.toString('hex');
}

/** As SignedData in a ContentInfo holds its fields. */
function around(...fields: Buffer[]): Buffer {
  return der.sequence(der.context(0, der.sequence(...fields)));
}

describe('parseDer', () => {
  it('gives tags, contents and the octets as they were read', () => {
    const input = bytes('30 08 02 01 05 a1 03 04 01 ff');
    const root = der.parseDer(input);
    assert.deepEqual([root.tagClass, root.tag, root.constructed], ['universal', 16, true]);
    const [five, tagged] = root.children;
    assert.equal(five?.raw.toString('hex'), '020105');
    assert.equal(tagged?.raw.toString('hex'), 'a1030401ff');
    assert.ok(der.isContext(tagged, 1) && !der.isContext(tagged, 0) && !der.isContext(undefined, 0));
    assert.equal(tagged?.children[0]?.content.toString('hex'), 'ff');
    assert.equal(five?.raw.buffer, input.buffer, 'a view, not a copy');
  });

  it('leaves closed what is known, and only that, and only in the place of certificates', () => {
    const known = der.sequence(der.integer(7), der.sequence(der.nullValue()));
    const other = der.sequence(der.integer(8), der.sequence(der.nullValue()));
    const asked: string[] = [];
    const isKnown = (octets: Buffer): boolean => {
      asked.push(octets.toString('hex'));
      return octets.equals(known);
    };
    const elsewhere = [known, der.context(1, known), der.setOf(known), der.sequence(der.context(0, known))];
    const input = around(...elsewhere, der.context(0, [other, known, other]));
    const fields = der.parseDer(input, { isKnown }).children[0]?.children[0]?.children ?? [];
    assert.deepEqual(
      fields[4]?.children.map(({ children }) => children.length),
      [2, 0, 2],
    );
    assert.deepEqual(fields[4]?.children[1]?.raw, known);
    assert.deepEqual(der.derOf(fields[4].children[1]), known);
    assert.deepEqual(
      asked,
      [other, known, other].map((value) => value.toString('hex')),
    );
    for (const [index, field] of elsewhere.entries()) assert.deepEqual(der.derOf(fields[index]!), field);
    assert.equal(fields[0]?.children.length, 2);
    // Shallower and deeper.
    for (const input2 of [der.sequence(der.context(0, known)), der.sequence(around(der.context(0, known)))]) {
      asked.length = 0;
      der.parseDer(input2, { isKnown });
      assert.deepEqual(asked, []);
    }
  });

  it('compares what is around a known value all the same', () => {
    const known = der.sequence(der.integer(7));
    const input = around(der.context(0, known), der.utf8String('x'));
    const isKnown = (octets: Buffer): boolean => octets.equals(known);
    assert.equal(der.parseDer(input, { isKnown }).children[0]?.children[0]?.children.length, 2);
    input[input.length - 2] = 2;
    refused('der-malformed', () => der.parseDer(input, { isKnown }));
  });

  it('reads indefinite lengths and constructed octet strings', () => {
    const root = parse('30 80 24 80 04 02 68 65 24 05 04 03 6c 6c 6f 00 00 02 01 07 00 00');
    assert.equal(der.octetsOf(root.children[0]!).toString(), 'hello');
    assert.equal(root.children[0]?.raw.toString('hex'), '248004026865240504036c6c6f0000');
    assert.equal(root.raw.length, 22);
    assert.equal(der.smallIntegerOf(root.children[1]!), 7);
  });

  it('reads lengths that are longer than need be, but not in strict mode', () => {
    assert.equal(der.smallIntegerOf(parse('02 84 00 00 00 01 05')), 5);
    for (const hex of ['02 81 01 05', '02 82 00 01 05', '30 80 00 00', '24 03 04 01 00']) {
      parse(hex);
      refused('der-malformed', () => parse(hex, { strict: true }));
    }
    parse(`04 81 80 ${'00'.repeat(128)}`, { strict: true });
    refused('der-malformed', () => parse(`04 82 00 80 ${'00'.repeat(128)}`, { strict: true }));
  });

  for (const [fault, hex] of [
    ['nothing', ''],
    ['a tag alone', '30'],
    ['a cut-off length', '30 82 01'],
    ['a length beyond the input', '04 05 00'],
    ['a huge length', '04 84 ff ff ff ff 00'],
    ['a length of five octets', '04 85 00 00 00 00 01 00'],
    ['a length of 127 octets', `04 ff ${'ff'.repeat(127)}`],
    ['a value longer than its sequence', '30 03 04 05 00 00 00 00 00'],
    ['octets after the value', '05 00 00'],
    ['a second value', '05 00 05 00'],
    ['a long tag', '1f 81 01 00'],
    ['end-of-contents where none is due', '30 02 00 00'],
    ['end-of-contents alone', '00 00'],
    ['an indefinite length without its end', '30 80 05 00'],
    ['an indefinite length with half its end', '30 80 05 00 00'],
    ['an inner indefinite length that runs out of the outer value', '30 04 30 80 05 00 00 00'],
    ['a primitive of indefinite length', '04 80 00 00'],
    ['a primitive sequence', '10 00'],
    ['a primitive set', '11 00'],
    ['a BMPString of an odd number of octets', '30 07 1e 03 00 41 00 05 00'],
  ] as const) {
    it(`refuses ${fault}`, () => refused('der-malformed', () => parse(hex)));
  }

  it('refuses nesting beyond the limit, of either kind of length, without recursion', () => {
    const levels = 100_000;
    refused('limit-exceeded', () => der.parseDer(Buffer.alloc(2 * levels, '3080', 'hex')));
    let nested: Buffer = Buffer.from('0500', 'hex');
    for (let level = 0; level < 40; level += 1) nested = der.sequence(nested);
    refused('limit-exceeded', () => der.parseDer(nested));
    assert.doesNotThrow(() => der.parseDer(nested, { derDepth: 40 }));
    refused('limit-exceeded', () => der.parseDer(nested, { derDepth: 39 }));
  });

  it('refuses more values than the limit, and counts one for every 256 octets as free', () => {
    assert.doesNotThrow(() => der.parseDer(octetStrings(9, 0), { derValues: 10 }));
    refused('limit-exceeded', () => der.parseDer(octetStrings(10, 0), { derValues: 10 }));
    refused('limit-exceeded', () => der.parseDer(octetStrings(200_000, 0)));
    assert.doesNotThrow(() => der.parseDer(octetStrings(40_000, 1000)));
  });

  it('refuses a BMPString that would cost more than it is worth', () => {
    const long = Buffer.concat([bytes('1e 83 01 00 02'), Buffer.alloc(65_538)]);
    refused('limit-exceeded', () => der.parseDer(long));
  });

  it('takes or refuses any octets, without another kind of error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (input) => {
        try {
          assert.deepEqual(der.parseDer(input).raw, Buffer.from(input));
        } catch (error) {
          assert.ok(error instanceof EmpaError, String(error));
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('readers', () => {
  it('reads object identifiers', () => {
    assert.equal(der.oidOf(parse('06 09 2a 86 48 86 f7 0d 01 07 02')), '1.2.840.113549.1.7.2');
    assert.equal(der.oidOf(parse('06 02 88 37')), '2.999');
    assert.equal(der.oidOf(parse('06 01 27')), '0.39');
    assert.equal(der.oidOf(parse('06 14 69 83 f8 9e d4 9c da 96 a4 bb c3 b3 9e 8d e6 cb 8e 84 e2 42')).split('.')[1], '25');
    for (const hex of ['06 00', '06 01 80', '06 02 80 01', '06 02 2a 86', '06 03 2a 80 01', '04 01 2a', '86 01 2a']) {
      refused('der-malformed', () => der.oidOf(parse(hex)));
    }
  });

  it('reads arcs of any size exactly', () => {
    for (let power = 0n; power <= 130n; power += 1n)
      for (const arc of [2n ** power - 1n, 2n ** power, 2n ** power + 1n]) {
        const digits: number[] = [];
        for (let rest = arc; digits.length === 0 || rest > 0n; rest >>= 7n)
          digits.unshift(Number(rest & 0x7fn) | (digits.length === 0 ? 0 : 0x80));
        const value = der.octetString(Buffer.from([0x2a, ...digits]));
        value[0] = der.TAG.oid;
        assert.equal(der.oidOf(der.parseDer(value)), `1.2.${arc}`);
        const first = der.octetString(Buffer.from(digits));
        first[0] = der.TAG.oid;
        const expected = arc < 40n ? `0.${arc}` : arc < 80n ? `1.${arc - 40n}` : `2.${arc - 80n}`;
        assert.equal(der.oidOf(der.parseDer(first)), expected);
      }
  });

  it('reads an object identifier as before after many others', () => {
    for (let round = 1; round <= 2; round += 1)
      for (let arc = 0; arc < 1000; arc += 1) {
        const value = Uint8Array.of(der.TAG.oid, 3, 0x2a, 0x80 | (arc >> 7) | 0x40, arc & 0x7f);
        assert.equal(der.oidOf(der.parseDer(value)), `1.2.${0x2000 + arc}`);
      }
  });

  it('does not read object identifiers of any length', () => {
    assert.match(der.oidOf(longOid(128)), /^2\.\d{260,}$/u);
    for (const length of [129, 1_000_000]) refused('der-malformed', () => der.oidOf(longOid(length)));
  });

  it('reads integers', () => {
    assert.equal(der.integerHexOf(parse('02 03 00 ff 01')), '00ff01');
    assert.equal(der.smallIntegerOf(parse('02 01 ff')), -1);
    assert.equal(der.smallIntegerOf(parse('02 02 00 80')), 128);
    for (const hex of ['02 01 00', '02 01 7f', '02 01 80', '02 02 00 80', '02 02 ff 7f', '02 03 01 00 00'])
      assert.equal(der.integerHexOf(parse(hex)), bytes(hex).toString('hex', 2));
    for (const hex of ['02 00', '02 02 00 7f', '02 02 ff 80', '02 02 00 00', '02 02 ff ff', '0a 01 01'])
      refused('der-malformed', () => der.integerHexOf(parse(hex)));
    refused('der-malformed', () => der.smallIntegerOf(parse('02 05 01 00 00 00 00')));
  });

  it('reads booleans', () => {
    assert.equal(der.booleanOf(parse('01 01 ff')), true);
    assert.equal(der.booleanOf(parse('01 01 00')), false);
    for (const hex of ['01 00', '01 02 00 00']) refused('der-malformed', () => der.booleanOf(parse(hex)));
  });

  it('reads octet strings, tagged ones too', () => {
    assert.equal(der.octetsOf(parse('04 01 41')).toString(), 'A');
    assert.equal(der.octetsOf(parse('80 01 41')).toString(), 'A');
    assert.equal(der.octetsOf(parse('a0 80 04 01 41 04 01 42 00 00')).toString(), 'AB');
    assert.equal(der.octetsOf(parse('24 00')).length, 0);
    for (const hex of ['0c 01 41', '24 03 0c 01 41', 'a0 02 05 00']) refused('der-malformed', () => der.octetsOf(parse(hex)));
  });

  it('reads bit strings', () => {
    const { unusedBits, bytes: octets } = der.bitsOf(parse('03 02 07 80'));
    assert.deepEqual([unusedBits, [...octets]], [7, [0x80]]);
    assert.equal(der.bitsOf(parse('03 01 00')).bytes.length, 0);
    for (const hex of ['03 00', '03 01 01', '03 02 08 00', '23 04 03 02 00 00', '03 02 07 06', '03 03 01 ff 81'])
      refused('der-malformed', () => der.bitsOf(parse(hex)));
  });

  it('reads times', () => {
    assert.equal(timeIn(23, '491231235959Z').toISOString(), '2049-12-31T23:59:59.000Z');
    assert.equal(timeIn(23, '500101000000Z').toISOString(), '1950-01-01T00:00:00.000Z');
    assert.equal(timeIn(24, '99991231235959Z').toISOString(), '9999-12-31T23:59:59.000Z');
    assert.equal(timeIn(24, '00010101000000Z').getUTCFullYear(), 1);
    assert.equal(timeIn(23, '240229000000Z').getUTCDate(), 29);
    // Once more: neither what was done with the date nor the other type's form counts.
    timeIn(23, '240229000000Z').setUTCDate(1);
    assert.equal(timeIn(23, '240229000000Z').getUTCDate(), 29);
    refused('der-malformed', () => timeIn(24, '240229000000Z'));
    for (const text of [
      '2402290000Z',
      '230229000000Z',
      '241301000000Z',
      '240101240000Z',
      '240101006000Z',
      '240101000060Z',
      '240101000000',
      '240101000000+0100',
      '24010100000aZ',
      ' 40101000000Z',
    ]) {
      refused('der-malformed', () => timeIn(23, text));
    }
    refused('der-malformed', () => timeIn(24, '20240101000000.5Z'));
    refused('der-malformed', () => timeIn(4, '240101000000Z'));
  });

  it('reads text of every string type', () => {
    assert.equal(der.textOf(parse('0c 03 c3 bc 41')), 'üA');
    assert.equal(der.textOf(parse('13 01 41')), 'A');
    assert.equal(der.textOf(parse('16 01 40')), '@');
    assert.equal(der.textOf(parse('12 01 31')), '1');
    assert.equal(der.textOf(parse('1a 01 41')), 'A');
    assert.equal(der.textOf(parse('14 01 fc')), 'ü');
    assert.equal(der.textOf(parse('1e 06 00 fc d8 3d de 00')), 'ü😀');
    assert.equal(der.textOf(parse('1c 04 00 01 f6 00')), '😀');
    assert.equal(der.textOf(parse('0c 04 ef bb bf 41')), '\u{feff}A');
    assert.equal(der.textOf(parse('0c 02 41 00')), 'A\0');
    for (const hex of [
      '0c 01 ff',
      '0c 02 c0 80',
      '1e 02 d8 00',
      '1c 04 00 11 00 00',
      '1c 02 00 41',
      '04 01 41',
      '2c 03 0c 01 41',
      '8c 01 41',
    ]) {
      refused('der-malformed', () => der.textOf(parse(hex)));
    }
  });
});

describe('writers', () => {
  it('writes each type', () => {
    assert.equal(written(der.oid('1.2.840.113549.1.7.2')), '06092a864886f70d010702');
    assert.equal(written(der.nullValue()), '0500');
    assert.equal(written(der.boolean(true)), '0101ff');
    assert.equal(written(der.boolean(false)), '010100');
    assert.equal(written(der.octetString(bytes('00 01'))), '04020001');
    assert.equal(written(der.bitString(bytes('80'), 7)), '03020780');
    assert.equal(written(der.utf8String('ü')), '0c02c3bc');
    assert.equal(written(der.printableString('A')), '130141');
    assert.equal(written(der.ia5String('@')), '160140');
    assert.equal(written(der.sequence(der.nullValue(), der.boolean(true))), '300505000101ff');
    assert.equal(written(der.sequence()), '3000');
    assert.equal(written(der.context(0, der.nullValue())), 'a0020500');
    assert.equal(written(der.context(2, bytes('00 41'), false)), '82020041');
    assert.equal(written(der.context(1, [der.nullValue(), der.nullValue()])), 'a10405000500');
  });

  it('writes integers as short as they can be', () => {
    const cases = [
      [0, '020100'],
      [1, '020101'],
      [127, '02017f'],
      [128, '02020080'],
      [256, '02020100'],
      [-1, '0201ff'],
      [-128, '020180'],
      [-129, '0202ff7f'],
      [65_537, '0203010001'],
    ] as const;
    for (const [value, hex] of cases) assert.equal(written(der.integer(value)), hex);
    assert.equal(written(der.integer('00ff')), '020200ff');
    fc.assert(fc.property(fc.integer(), (value) => der.smallIntegerOf(der.parseDer(der.integer(value))) === value));
  });

  it('sorts a SET OF by encoding', () => {
    assert.equal(written(der.setOf(bytes('0c0142'), bytes('0401ff'), bytes('040100'), bytes('0c0141'))), '310c0401000401ff0c01410c0142');
  });

  it('writes times in the form that the year asks for', () => {
    assert.equal(der.time(new Date('2049-12-31T23:59:59.9Z')).toString('latin1', 2), '491231235959Z');
    assert.equal(der.time(new Date('2050-01-01T00:00:00Z')).toString('latin1', 2), '20500101000000Z');
    assert.equal(der.time(new Date('1949-12-31T00:00:00Z')).toString('latin1', 2), '19491231000000Z');
  });

  it('writes contents of any length so that they are read back', () => {
    for (const length of [0, 127, 128, 255, 256, 65_535, 65_536, 65_537, 16_777_215, 16_777_216]) {
      const value = der.octetString(Buffer.alloc(length, 7));
      const read = der.parseDer(value, { strict: true });
      assert.equal(read.content.length, length);
      assert.equal(read.raw.length, value.length);
    }
  });

  it('gives back any tree that it wrote', () => {
    const { tree } = fc.letrec<{ tree: Buffer }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.uint8Array({ maxLength: 300 }).map((octets) => der.octetString(octets)),
        fc.string().map((text) => der.utf8String(text)),
        fc.integer().map((value) => der.integer(value)),
        fc.array(tie('tree'), { maxLength: 5 }).map((items) => der.sequence(...items)),
        fc.array(tie('tree'), { maxLength: 5 }).map((items) => der.setOf(...items)),
        tie('tree').map((item) => der.context(3, item)),
      ),
    }));
    const rewrite = (node: der.DerNode): Buffer => {
      if (!node.constructed) return node.raw;
      const children = node.children.map(rewrite);
      if (node.tagClass === 'context') return der.context(node.tag, children);
      return node.tag === der.TAG.set ? der.setOf(...children) : der.sequence(...children);
    };
    fc.assert(
      fc.property(tree, (value) => rewrite(der.parseDer(value, { strict: true })).equals(value)),
      { numRuns: 300 },
    );
  });
});
