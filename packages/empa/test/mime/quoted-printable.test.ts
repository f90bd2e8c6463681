import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { toCrlf } from '../../src/mime/line-ends.js';
import { decodeQuotedPrintable, encodeQuotedPrintable } from '../../src/mime/quoted-printable.js';
import { refused } from '../refused.js';

function encode(text: string): string {
  return encodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1');
}

function decode(text: string): string {
  return decodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1');
}

describe('encodeQuotedPrintable', () => {
  it('leaves text readable', () => {
    assert.equal(encode('Site: A=B\n\n%%\n'), 'Site: A=3DB\n\n%%\n');
  });

  it('escapes what would not arrive', () => {
    assert.equal(encode('a\r\nb \n\t\nc\u0000\u00fc\u007f '), 'a=0D\nb=20\n=09\nc=00=FC=7F=20');
  });

  it('escapes a letter of the mark of encrypted messages', () => {
    assert.equal(encode('x-pkcs7-mime pkcs7-mim pkcs7-mime'), 'x-=70kcs7-mime pkcs7-mim =70kcs7-mime');
  });

  it('keeps lines within 76 characters', () => {
    assert.equal(encode('a'.repeat(75)), 'a'.repeat(75));
    assert.equal(encode('a'.repeat(76)), `${'a'.repeat(75)}=\na`);
    assert.equal(encode(`${'a'.repeat(73)}=`), `${'a'.repeat(73)}=\n=3D`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        for (const line of encodeQuotedPrintable(bytes).toString('latin1').split('\n')) assert.match(line, /^[\t -~]{0,76}$/u);
      }),
    );
  });
});

describe('decodeQuotedPrintable', () => {
  it('reads escapes of both cases, soft line ends, and line ends of both kinds', () => {
    assert.equal(decode('a=3d=3D=\nb=\r\nc= \t\nd\r\ne\n'), 'a==bcd\ne\n');
  });

  it('drops blanks that transport has put at the end of a line, and no others', () => {
    assert.equal(decode('a \t\nb=20 \r\nc d =\ne  '), 'a\nb \nc d e');
  });

  it('takes a soft line end at the end of the text', () => {
    assert.equal(decode('a=\n'), 'a');
    assert.equal(decode('a='), 'a');
  });

  it('leaves other octets as they are', () => {
    assert.equal(decode('a\rb\u0000\u00fc'), 'a\rb\u0000\u00fc');
  });

  for (const text of ['=', '=a', '=4', '=g0', '=0g', '= a', '=\r', '==']) {
    it(`refuses ${JSON.stringify(`${text}x`)}`, () => refused('message-malformed', () => decode(`${text}x`)));
  }

  it('gives every octet back, whatever the line ends on the way', () => {
    const awkward = fc.array(fc.constantFrom(10, 13, 32, 9, 61, 0, 65, 255), { maxLength: 200 }).map((values) => Uint8Array.from(values));
    fc.assert(
      fc.property(fc.oneof(awkward, fc.uint8Array({ maxLength: 500 })), (bytes) => {
        const encoded = encodeQuotedPrintable(bytes);
        assert.deepEqual(decodeQuotedPrintable(encoded), Buffer.from(bytes));
        assert.deepEqual(decodeQuotedPrintable(toCrlf(encoded)), Buffer.from(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});
