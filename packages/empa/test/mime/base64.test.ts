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
    for (const length of [0, 1, 47, 48, 49, 49_151, 49_152, 49_153, 98_304, 100_001]) {
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

  for (const text of ['Y', 'YQ', 'YQ=', 'YQ===', 'YQ==YQ==', 'Y=Q=', '=', 'YWJj=', 'Y!Q=', 'Y-__', 'YQ==\0', 'YWJjZ']) {
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

  it('gives every octet back', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => decodeBase64(encodeBase64([bytes])).equals(bytes)));
  });
});
