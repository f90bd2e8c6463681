import assert from 'node:assert/strict';
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { cachedKey } from '@ssm/test-support';
import { type KeyTransport, prepareUnwrap, readKeyTransport, writeKeyTransport } from '../../src/cms/key-transport.js';
import { context, integer, nullValue, octetString, parseDer, sequence } from '../../src/der.js';
import { Authority, algorithm, certificateOf, issuerAndSerialOf, OIDS } from '../recipe.js';
import { refused } from '../refused.js';

const KEY = randomBytes(16);
const OAEP = '1.2.840.113549.1.1.7';
const P_SPECIFIED = '1.2.840.113549.1.1.9';
const authority = new Authority();
const issued = authority.issue('server', 'rsa2048');
const { privateKey } = issued.key;
const publicKey = createPublicKey(privateKey);
const SIZE = 256;

function info(encryptedKey: Buffer, wrap = algorithm(OIDS.rsaEncryption, nullValue())): KeyTransport {
  const recipient = readKeyTransport(parseDer(sequence(integer(0), issuerAndSerialOf(issued), wrap, octetString(encryptedKey))));
  assert.ok(recipient !== undefined);
  return recipient;
}

/** Encrypts a block as it is. */
function rawBlock(octets: Buffer): Buffer {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, octets);
}

/** A block that is right for KEY, with these octets in other places. */
function block(changes: Record<number, number> = {}): Buffer {
  const bytes = Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(SIZE - 3 - KEY.length, 0xff), Buffer.alloc(1), KEY]);
  for (const [at, octet] of Object.entries(changes)) bytes[Number(at)] = octet;
  return bytes;
}

describe('PKCS#1 v1.5', () => {
  it('gives back the key', () => {
    for (const kind of ['rsa2048', 'rsa3072'] as const) {
      const certificate = certificateOf(authority.issue('x', kind));
      for (const length of [16, 24, 32]) {
        const key = randomBytes(length);
        const recipient = readKeyTransport(parseDer(writeKeyTransport(key, certificate)));
        assert.ok(recipient !== undefined);
        assert.deepEqual(prepareUnwrap(recipient)(cachedKey(kind).privateKey, length), key);
      }
    }
    assert.deepEqual(prepareUnwrap(info(rawBlock(block())))(privateKey, 16), KEY);
  });

  for (const [fault, encryptedKey] of [
    ['a first octet that is not 0', rawBlock(block({ 0: 1 }))],
    ['a second octet that is not 2', rawBlock(block({ 1: 1 }))],
    ['a second octet with another bit', rawBlock(block({ 1: 0x82 }))],
    ['a zero at the begin of the padding', rawBlock(block({ 2: 0 }))],
    ['a zero in the padding', rawBlock(block({ 100: 0 }))],
    ['a zero at the end of the padding', rawBlock(block({ [SIZE - 18]: 0 }))],
    ['no zero after the padding', rawBlock(block({ [SIZE - 17]: 1 }))],
    ['a zero far from the end only: a longer key', rawBlock(block({ [SIZE - 17]: 1, 50: 0 }))],
    ['a key that is a block of zeros', rawBlock(Buffer.alloc(SIZE))],
    ['nothing', Buffer.alloc(0)],
    // Not the first: without one that happens to be 0 it would be the same number.
    ['too few octets', rawBlock(block()).subarray(0, -1)],
    ['too many octets', Buffer.concat([Buffer.alloc(1), rawBlock(block())])],
    ['a number that is not below the modulus', Buffer.alloc(SIZE, 0xff)],
    ['a key for somebody else', publicEncrypt({ key: cachedKey('rsa2048', 1).publicKey, padding: constants.RSA_PKCS1_PADDING }, KEY)],
    ['OAEP', publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING }, KEY)],
    ['a shorter key', publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, KEY.subarray(1))],
  ] as const) {
    it(`gives another key each time for ${fault}`, () => {
      const unwrap = prepareUnwrap(info(encryptedKey));
      const [first, second] = [unwrap(privateKey, 16), unwrap(privateKey, 16)];
      assert.equal(first.length, 16);
      assert.notDeepEqual(first, second);
      assert.notDeepEqual(first, KEY);
    });
  }

  it('is refused for a recipient without an RSA key', () => {
    refused('key-unsupported', () => writeKeyTransport(KEY, certificateOf(authority.issue('ec'))));
  });
});

function hash(n: 0 | 1 | 2 | 3): Buffer {
  return algorithm(n === 0 ? OIDS.sha1 : `2.16.840.1.101.3.4.2.${n}`, nullValue());
}

function parameters(n: 1 | 2 | 3, ...rest: Buffer[]): Buffer {
  return algorithm(OAEP, sequence(context(0, hash(n)), context(1, algorithm(OIDS.mgf1, hash(n))), ...rest));
}

function label(octets: Buffer): Buffer {
  return context(2, algorithm(P_SPECIFIED, octetString(octets)));
}

function encrypt(oaepHash: string, oaepLabel = Buffer.alloc(0)): Buffer {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash, oaepLabel }, KEY);
}

describe('OAEP', () => {
  it('gives back the key, with every hash and with a label', () => {
    assert.deepEqual(prepareUnwrap(info(encrypt('sha1'), algorithm(OAEP, sequence())))(privateKey, 16), KEY);
    for (const [n, name] of [
      [1, 'sha256'],
      [2, 'sha384'],
      [3, 'sha512'],
    ] as const) {
      assert.deepEqual(prepareUnwrap(info(encrypt(name), parameters(n)))(privateKey, 16), KEY);
    }
    const marked = info(encrypt('sha256', Buffer.from('label')), parameters(1, label(Buffer.from('label'))));
    assert.deepEqual(prepareUnwrap(marked)(privateKey, 16), KEY);
  });

  it('gives another key each time for one that does not come out', () => {
    const wrong = [encrypt('sha1'), encrypt('sha256', Buffer.from('x')), rawBlock(block()), Buffer.alloc(SIZE, 0xff), Buffer.alloc(0)];
    for (const encryptedKey of wrong) {
      const unwrap = prepareUnwrap(info(encryptedKey, parameters(1)));
      assert.notDeepEqual(unwrap(privateKey, 16), unwrap(privateKey, 16));
    }
    const longer = prepareUnwrap(info(encrypt('sha256'), parameters(1)));
    assert.equal(longer(privateKey, 32).length, 32);
  });

  it('is refused with algorithms that are not known, or differ', () => {
    for (const wrap of [
      algorithm(OAEP, sequence(context(0, hash(1)))),
      algorithm(OAEP, sequence(context(0, algorithm('1.2.3')))),
      algorithm(OAEP, sequence(context(1, algorithm('1.2.3', hash(0))))),
      algorithm(OAEP, sequence(context(2, algorithm('1.2.3', octetString(KEY))))),
      algorithm('1.2.3'),
    ]) {
      refused('algorithm-unsupported', () => prepareUnwrap(info(Buffer.alloc(SIZE), wrap)));
    }
    for (const wrap of [algorithm(OAEP), algorithm(OAEP, nullValue()), algorithm(OAEP, sequence(integer(1)))]) {
      refused('der-malformed', () => prepareUnwrap(info(Buffer.alloc(SIZE), wrap)));
    }
  });
});

describe('readKeyTransport', () => {
  it('leaves other kinds of recipients out', () => {
    for (const n of [1, 2, 3, 4]) assert.equal(readKeyTransport(parseDer(context(n, integer(3)))), undefined);
  });

  it('refuses what is not whole', () => {
    for (const fields of [
      [],
      [integer(0)],
      [integer(0), issuerAndSerialOf(issued), algorithm('1.2.3')],
      [integer(0), issuerAndSerialOf(issued), algorithm('1.2.3'), nullValue()],
    ]) {
      refused('der-malformed', () => readKeyTransport(parseDer(sequence(...fields))));
    }
  });
});
