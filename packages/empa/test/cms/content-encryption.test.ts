import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type CipherName, cipherNamed } from '../../src/cms/algorithms.js';
import { type ContentEncryption, decryptCbc, decryptGcm, readContentEncryption } from '../../src/cms/content-encryption.js';
import { readAlgorithm } from '../../src/cms/structure.js';
import { integer, octetString, parseDer, sequence, utf8String } from '../../src/der.js';
import { algorithm, encryptContent } from '../recipe.js';
import { refused } from '../refused.js';

const AES = '2.16.840.1.101.3.4.1';
const PLAINTEXT = Buffer.from('Content-Type: text/plain');

function encryption(encoded: Buffer, allowTripleDes = false): ContentEncryption {
  return readContentEncryption(readAlgorithm(parseDer(encoded)), allowTripleDes);
}

const CIPHERS: readonly CipherName[] = ['aes128', 'aes192', 'aes256', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'];

describe('key and IV', () => {
  for (const name of CIPHERS)
    it(`are other ones each time, and tell nothing of each other: ${name}`, () => {
      const drawn = Array.from({ length: 20 }, () => {
        const { key, algorithm: encoded } = encryptContent(PLAINTEXT, name);
        const { cipher, iv } = encryption(encoded);
        assert.deepEqual([key.length, iv.length], [cipher.keyLength, cipher.ivLength]);
        return [key, iv] as const;
      });
      // Eight octets of one in another: by chance never.
      const all = drawn.flat();
      for (const [index, one] of all.entries())
        for (let at = 0; at + 8 <= one.length; at += 4)
          assert.ok(!all.some((other, which) => which !== index && other.includes(one.subarray(at, at + 8))));
    });
});

describe('AES-CBC', () => {
  for (const name of ['aes128', 'aes192', 'aes256'] as const) {
    it(`gives back what ${name} took, of any length`, () => {
      for (let length = 0; length < 40; length += 1) {
        const plaintext = randomBytes(length);
        const { key, algorithm: encoded, ciphertext: parts, tag } = encryptContent(plaintext, name);
        const ciphertext = Buffer.concat(parts);
        assert.equal(tag, undefined);
        assert.deepEqual(decryptCbc(encryption(encoded), key, ciphertext), { plaintext, good: true });
      }
    });
  }

  const key = randomBytes(16);
  const iv = randomBytes(16);
  const cbc: ContentEncryption = { cipher: cipherNamed(`${AES}.2`), iv, tagLength: 0 };
  const raw = (padded: Buffer): Buffer => createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(padded);

  it('finds every fault of padding, and throws for none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 17 }), { minLength: 16, maxLength: 16 }), (octets) => {
        const count = octets[15] ?? 0;
        const right = count >= 1 && count <= 16 && octets.slice(16 - count).every((octet) => octet === count);
        const { plaintext, good } = decryptCbc(cbc, key, raw(Buffer.from(octets)));
        assert.equal(good, right);
        assert.equal(plaintext.length, right ? 16 - count : 16);
      }),
      { numRuns: 2000 },
    );
    for (let count = 1; count <= 16; count += 1) {
      const padded = Buffer.concat([Buffer.alloc(16 - count, 0x20), Buffer.alloc(count, count)]);
      assert.ok(decryptCbc(cbc, key, raw(padded)).good, `${count}`);
      if (count === 1) continue;
      padded[16 - count] = count - 1;
      assert.ok(!decryptCbc(cbc, key, raw(padded)).good, `${count}`);
    }
    for (const count of [0, 17, 32, 128, 255]) assert.ok(!decryptCbc(cbc, key, raw(Buffer.alloc(32, count))).good, `${count}`);
  });

  it('does not take nothing, or part of a block', () => {
    assert.ok(!decryptCbc(cbc, key, Buffer.alloc(0)).good);
    const whole = raw(Buffer.alloc(32, 16));
    assert.ok(decryptCbc(cbc, key, whole).good);
    assert.ok(!decryptCbc(cbc, key, whole.subarray(0, 31)).good);
    assert.ok(!decryptCbc(cbc, key, Buffer.concat([whole, Buffer.alloc(1)])).good);
  });
});

describe('3DES', () => {
  it('is read when it is allowed', () => {
    const [key, iv] = [randomBytes(24), randomBytes(8)];
    const encipher = createCipheriv('des-ede3-cbc', key, iv);
    const ciphertext = Buffer.concat([encipher.update(PLAINTEXT), encipher.final()]);
    const encoded = algorithm('1.2.840.113549.3.7', octetString(iv));
    refused('algorithm-unsupported', () => encryption(encoded));
    assert.deepEqual(decryptCbc(encryption(encoded, true), key, ciphertext), { plaintext: PLAINTEXT, good: true });
  });
});

describe('AES-GCM', () => {
  for (const name of ['aes128-gcm', 'aes192-gcm', 'aes256-gcm'] as const satisfies readonly CipherName[]) {
    it(`gives back what ${name} took, and finds every change`, () => {
      const { key, algorithm: encoded, ciphertext: parts, tag } = encryptContent(PLAINTEXT, name);
      const ciphertext = Buffer.concat(parts);
      assert.ok(tag?.length === 16);
      const gcm = encryption(encoded);
      assert.deepEqual(decryptGcm(gcm, key, ciphertext, { tag, attributes: undefined }), { plaintext: PLAINTEXT, good: true });
      const flipped = Buffer.from(ciphertext);
      flipped[0] = flipped.readUInt8(0) ^ 1;
      for (const [text, authentication] of [
        [flipped, { tag, attributes: undefined }],
        [ciphertext, { tag: randomBytes(16), attributes: undefined }],
        [ciphertext, { tag: tag.subarray(0, 12), attributes: undefined }],
        [ciphertext, { tag: Buffer.alloc(0), attributes: undefined }],
        [ciphertext, { tag, attributes: Buffer.from('x') }],
      ] as const) {
        const { plaintext, good } = decryptGcm(gcm, key, text, authentication);
        assert.ok(!good);
        assert.equal(plaintext.length, PLAINTEXT.length);
      }
    });
  }

  it('reads the lengths of tags that the parameters can name', () => {
    const iv = octetString(randomBytes(12));
    const tagLength = (...fields: Buffer[]): number => encryption(algorithm(`${AES}.6`, sequence(iv, ...fields))).tagLength;
    assert.equal(tagLength(), 12);
    for (const length of [12, 13, 14, 15, 16]) assert.equal(tagLength(integer(length)), length);
    for (const length of [-1, 0, 4, 11, 17, 128]) refused('der-malformed', () => tagLength(integer(length)));
  });
});

describe('parameters', () => {
  it('are refused when they are none of the cipher', () => {
    refused('der-malformed', () => encryption(algorithm(`${AES}.2`)));
    refused('der-malformed', () => encryption(algorithm(`${AES}.2`, utf8String('x'))));
    refused('der-malformed', () => encryption(algorithm(`${AES}.6`, octetString(randomBytes(12)))));
    refused('algorithm-unsupported', () => encryption(algorithm(`${AES}.2`, octetString(randomBytes(8)))));
    refused('algorithm-unsupported', () => encryption(algorithm(`${AES}.6`, sequence(octetString(randomBytes(16))))));
    refused('algorithm-unsupported', () => encryption(algorithm(`${AES}.7`, octetString(randomBytes(16)))));
  });
});
