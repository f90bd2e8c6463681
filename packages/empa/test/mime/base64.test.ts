import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { decodeBase64, encodeBase64 } from '../../src/mime/base64.js';
import { refused } from '../refused.js';

function decode(text: string): Buffer {
  return decodeBase64(Buffer.from(text, 'latin1'));
}

describe('base64', () => {
  it('writes the same lines whatever the length, behind what comes first', () => {
    for (const length of [0, 1, 47, 48, 49, 65_519, 65_520, 65_521, 65_536, 131_040, 200_001]) {
      const octets = randomBytes(length);
      const lines = octets.toString('base64').replaceAll(/.{1,64}/gu, '$&\n');
      assert.equal(encodeBase64([octets]).toString(), lines);
      const pieces = [octets.subarray(0, 5), octets.subarray(5, 5), octets.subarray(5)];
      assert.equal(encodeBase64(pieces).toString(), lines);
      assert.equal(encodeBase64([octets], Buffer.from('head\n')).toString(), `head\n${lines}`);
    }
  });

  it('writes lines of 64 characters', () => {
    assert.equal(encodeBase64([Buffer.alloc(0)]).toString(), '');
    assert.equal(encodeBase64([Buffer.from('a')]).toString(), 'YQ==\n');
    assert.equal(encodeBase64([Buffer.alloc(48)]).toString(), `${'A'.repeat(64)}\n`);
    assert.equal(encodeBase64([Buffer.alloc(49)]).toString(), `${'A'.repeat(64)}\nAA==\n`);
  });

  it('skips white space', () => {
    assert.equal(decode(' Y\r\nWI\t= \n').toString(), 'ab');
  });

  for (const text of [
    'Y',
    'YQ',
    'YQ=',
    'YQ===',
    'YQ==YQ==',
    'Y=Q=',
    '=',
    'YWJj=',
    'Y!Q=',
    'Y-__',
    'YQ==\0',
    'YWJjZ',
    'Y===',
    'YWJjY===',
    'YWJjYQ=',
    'YWJjYWI==',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => refused('message-malformed', () => decode(text)));
  }

  it('finds a fault and white space wherever they are', () => {
    const text = Buffer.from('abcdefghijklmnop').toString('base64');
    for (let at = 0; at <= text.length; at += 1) {
      const [before, after] = [text.slice(0, at), text.slice(at)];
      assert.equal(decode(`${before} \n${after}`).toString(), 'abcdefghijklmnop');
      refused('message-malformed', () => decode(`${before}!${after}`));
      refused('message-malformed', () => decode(`${before}\x80${after}`));
      if (at < text.length - 2) refused('message-malformed', () => decode(`${before}=${after}`));
    }
  });

  it('takes any two octets as others do', () => {
    for (let first = 0; first < 256; first += 1)
      for (let second = 0; second < 256; second += 1) {
        const group = Buffer.from([0x41, first, second, 0x41]);
        const good = /^[A-Za-z0-9+/]{4}$/u.test(group.toString('latin1'));
        if (good) assert.deepEqual(decodeBase64(group), Buffer.from(group.toString('latin1'), 'base64'));
        else if (!/[\s=]/u.test(group.toString('latin1'))) refused('message-malformed', () => decodeBase64(group));
      }
  });

  it('takes any octet at any place of a block as others do', () => {
    const text = Buffer.alloc(72, 'abcdefghijklmnopqrstuvwxyz0123456789+/AZ');
    for (let at = 0; at < 32; at += 1)
      for (let octet = 0; octet < 256; octet += 1) {
        const characters = Buffer.from(text).fill(octet, at, at + 1);
        const shown = characters.toString('latin1');
        // White space leaves a number of characters that does not come out even.
        if (/^[A-Za-z0-9+/]+$/u.test(shown)) assert.deepEqual(decodeBase64(characters), Buffer.from(shown, 'base64'));
        else refused('message-malformed', () => decodeBase64(characters));
      }
  });

  it('takes blocks of one character as others do', () => {
    for (let octet = 0; octet < 256; octet += 1) {
      const characters = Buffer.alloc(48, octet);
      const shown = characters.toString('latin1');
      if (/^[A-Za-z0-9+/]+$/u.test(shown)) assert.deepEqual(decodeBase64(characters), Buffer.from(shown, 'base64'));
      else if (/^[ \t\r\n]+$/u.test(shown)) assert.equal(decodeBase64(characters).length, 0);
      else refused('message-malformed', () => decodeBase64(characters));
    }
  });

  it('skips white space between groups, and nothing else', () => {
    for (const before of ['YWJj', 'YWJj'.repeat(16)])
      for (let octet = 0; octet < 256; octet += 1) {
        const between = String.fromCharCode(octet);
        const text = `${before}${between}ZGVm`;
        // One more character of the alphabet is one too many.
        if (' \t\r\n'.includes(between)) assert.deepEqual(decode(text), Buffer.from(`${before}ZGVm`, 'base64'));
        else refused('message-malformed', () => decode(text));
      }
  });

  it('reads lines of any length, and of any end, as others do', () => {
    const lines = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 100 }), fc.constantFrom('\n', '\r\n', ' \t\r\n'));
    fc.assert(
      fc.property(lines, fc.boolean(), ([octets, length, end], closed) => {
        const text = Buffer.from(octets)
          .toString('base64')
          .replaceAll(new RegExp(`.{${length}}`, 'gu'), `$&${end}`);
        assert.deepEqual(decode(`${text}${closed ? end : ''}`), Buffer.from(octets));
      }),
      { numRuns: 2000 },
    );
  });

  it('goes on where a long text is looked at in pieces', () => {
    for (let before = 65_530; before < 65_542; before += 1) {
      const octets = randomBytes(60_000);
      const text = ' '.repeat(before % 8) + octets.toString('base64');
      for (const between of ['\n', '\r\n', '']) {
        const parted = `${text.slice(0, before)}${between}${text.slice(before)}`;
        assert.ok(decode(parted).equals(octets));
        refused('message-malformed', () => decode(`${text.slice(0, before)}=${between}${text.slice(before)}`));
      }
    }
  });

  it('knows nothing of what it read before', () => {
    refused('message-malformed', () => decode('YQ='));
    refused('message-malformed', () => decode('YWJ'));
    assert.equal(decode('YWJj').toString(), 'abc');
  });

  it('gives every octet back', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => decodeBase64(encodeBase64([bytes])).equals(bytes)));
  });
});
