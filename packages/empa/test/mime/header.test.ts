import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_LIMITS } from '../../src/limits.js';
import { type Entity, parseContentType, parseEntity } from '../../src/mime/header.js';
import { refused } from '../refused.js';

function parse(text: string, limits = DEFAULT_LIMITS): Entity {
  return parseEntity(Buffer.from(text, 'latin1'), limits);
}

describe('parseEntity', () => {
  for (const [name, eol] of [
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ] as const) {
    it(`splits header and body at the first blank line, ${name}`, () => {
      const entity = parse(['CONTENT-Type: text/plain;', '\tcharset=utf-8', 'X-Other : a', 'Content-id:<a>', '', '', 'body: x'].join(eol));
      assert.deepEqual(
        [...entity.fields],
        [
          ['content-type', 'text/plain;\tcharset=utf-8'],
          ['content-id', '<a>'],
        ],
      );
      assert.equal(entity.body.toString(), `${eol}body: x`);
    });
  }

  it('takes line ends of both kinds in one header', () => {
    assert.equal(parse('Content-Type: a/b\nContent-ID: <x>\r\n\nbody').body.toString(), 'body');
  });

  it('takes an entity without a body, and one without a header', () => {
    assert.equal(parse('Content-Type: a/b\n').body.length, 0);
    assert.equal(parse('Content-Type: a/b').fields.size, 1);
    assert.equal(parse('').fields.size, 0);
    assert.equal(parse('\nbody').body.toString(), 'body');
  });

  it('lets other fields be repeated', () => {
    assert.equal(parse('Received: a\nReceived: b\nContent-Type: a/b\n\n').fields.size, 1);
  });

  for (const [fault, text] of [
    ['a Content-Type that is there twice', 'Content-Type: a/b\ncontent-type: a/c\n\n'],
    ['a transfer encoding that is there twice', 'Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit\n\n'],
    ['a line without a colon', 'Content-Type: a/b\nnothing\n\n'],
    ['a field name with a blank', 'Content Type: a/b\n\n'],
    ['a field without a name', ': a\n\n'],
    ['a continuation of nothing', ' a: b\n\n'],
    ['NUL', 'Content-Type: a/b\0\n\n'],
    ['NUL in another field', 'X: \0\n\n'],
    ['a lone CR', 'Content-Type: a/b\rContent-ID: <x>\n\n'],
    ['CR CR LF', 'Content-Type: a/b\r\r\n\r\n'],
    ['an escape', 'X: \u001b[0m\n\n'],
    ['DEL', 'X: \u007f\n\n'],
  ] as const) {
    it(`refuses ${fault}`, () => refused('message-malformed', () => parse(text)));
  }

  it('refuses long lines and long headers at their limits', () => {
    const limits = { ...DEFAULT_LIMITS, headerBytes: 40, headerLineBytes: 10 };
    assert.ok(parse('X: 4567890\n\n', limits));
    refused('limit-exceeded', () => parse('X: 45678901\n\n', limits));
    refused('limit-exceeded', () => parse('X: 4\n 678901\n\n', limits));
    assert.ok(parse(`${'X: 4\n'.repeat(7)}X:5\n\n`, limits));
    refused('limit-exceeded', () => parse(`${'X: 4\n'.repeat(8)}\n`, limits));
    refused('limit-exceeded', () => parse(`${'X: 4\n'.repeat(7)}X: 4567890`, limits));
  });
});

describe('parseContentType', () => {
  it('reads type and parameters', () => {
    const { type, parameters } = parseContentType('Multipart/Signed ; protocol="application/x-pkcs7-signature";Boundary="a\\"b; c";x=y;');
    assert.equal(type, 'multipart/signed');
    assert.deepEqual(
      [...parameters],
      [
        ['protocol', 'application/x-pkcs7-signature'],
        ['boundary', 'a"b; c'],
        ['x', 'y'],
      ],
    );
  });

  it('reads unquoted values that should be quoted', () => {
    const { parameters } = parseContentType('multipart/signed;\tprotocol=application/pkcs7-signature; boundary=----=_Part_1.2');
    assert.deepEqual([...parameters.values()], ['application/pkcs7-signature', '----=_Part_1.2']);
  });

  for (const value of [
    '',
    'text',
    'text/',
    '/plain',
    'text/plain x',
    'text/plain; =a',
    'text/plain; a',
    'text/plain; a="b',
    'a/b; c=d; C=e',
    'a/b; c="d"e',
    'a/b (comment)',
  ]) {
    it(`refuses ${JSON.stringify(value)}`, () => refused('message-malformed', () => parseContentType(value)));
  }
});
