import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { bitString, integer, nullValue, octetString, oid, parseDer, sequence } from '../../src/der.js';
import { keyFault, readPublicKey } from '../../src/x509/key.js';
import { refused } from '../refused.js';

const RSA = sequence(oid('1.2.840.113549.1.1.1'), nullValue());
const EC = '1.2.840.10045.2.1';
const P256 = oid('1.2.840.10045.3.1.7');
const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const read = (der: Buffer): KeyObject => readPublicKey(parseDer(der));
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).publicKey;
const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).publicKey;

/** An RSA key with those numbers, as nobody would make one. */
const oddDer = (bits: number, exponent: string, algorithm = RSA): Buffer =>
  sequence(algorithm, bitString(sequence(integer(`00${'ff'.repeat(bits / 8)}`), integer(exponent))));
const odd = (bits: number, exponent: string): KeyObject => read(oddDer(bits, exponent));

describe('readPublicKey', () => {
  it('reads every kind of key as Node does', () => {
    const keys = [rsa(2048), ec('P-256'), ec('P-384'), ec('P-521'), ec('secp256k1'), generateKeyPairSync('ed25519').publicKey];
    for (const key of keys) assert.ok(read(spki(key)).equals(key), key.asymmetricKeyType);
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256' }).publicKey;
    assert.equal(read(spki(pss)).asymmetricKeyType, 'rsa-pss');
  });

  it('reads a compressed point', () => {
    const key = ec('P-256');
    const point = spki(key).subarray(-65);
    const compressed = Buffer.concat([Buffer.from([2 + ((point.at(-1) ?? 0) & 1)]), point.subarray(1, 33)]);
    assert.ok(read(sequence(sequence(oid(EC), P256), bitString(compressed))).equals(key));
  });

  it('refuses what is no key', () => {
    const point = spki(ec('P-256')).subarray(-65);
    const off = Buffer.from(point);
    off.writeUInt8((off.at(-1) ?? 0) ^ 1, 64);
    const wrong = {
      'no sequence': octetString(point),
      'an unknown algorithm': sequence(sequence(oid('1.2.3')), bitString(point)),
      'no numbers': sequence(RSA, bitString(sequence())),
      'no DER': sequence(RSA, bitString(point)),
      'a negative number': sequence(RSA, bitString(sequence(integer(-5), integer(3)))),
      'three numbers': sequence(RSA, bitString(sequence(integer(7), integer(3), integer(1)))),
      'a point off the curve': sequence(sequence(oid(EC), P256), bitString(off)),
      'half a point': sequence(sequence(oid(EC), P256), bitString(point.subarray(0, 40))),
      'bits left over': sequence(RSA, Buffer.concat([Buffer.from([3, 3, 1]), Buffer.from('0500', 'hex')])),
      'a curve by its parameters': sequence(sequence(oid(EC), sequence(integer(1))), bitString(point)),
      'a curve that is not there': sequence(sequence(oid(EC)), bitString(point)),
      'an unknown curve': sequence(sequence(oid(EC), oid('1.2.3')), bitString(point)),
      'something long': sequence(sequence(oid('1.2.840.10040.4.1'), octetString(Buffer.alloc(4096))), bitString(integer(7))),
    };
    for (const [what, der] of Object.entries(wrong)) refused('key-unsupported', () => assert.ok(read(der) === undefined, what));
  });
});

describe('an RSA key with too large numbers', () => {
  const types = ['1.2.840.113549.1.1.1', '1.2.840.113549.1.1.10', '2.5.8.1.1'].flatMap((type) => [
    sequence(oid(type), nullValue()),
    sequence(oid(type)),
    sequence(oid(type), sequence()),
  ]);

  it('is refused before Node looks at it, whatever its parameters', () => {
    for (const algorithm of types) {
      for (const der of [
        oddDer(2048, '7f'.repeat(10), algorithm),
        oddDer(2048, '7f'.repeat(60_000), algorithm),
        oddDer(16_384 + 8, '010001', algorithm),
        oddDer(2048, `00${'ff'.repeat(9)}`, algorithm),
      ]) {
        refused('key-unsupported', () => read(der));
      }
    }
    for (const algorithm of types.slice(0, 3)) assert.equal(keyFault(read(oddDer(16_384, `00${'ff'.repeat(8)}`, algorithm))), undefined);
  });
});

describe('keyFault', () => {
  it('lets through what is strong enough', () => {
    for (const key of [rsa(2048), ec('P-256'), ec('P-384'), ec('P-521'), generateKeyPairSync('ed448').publicKey]) {
      assert.equal(keyFault(key), undefined);
    }
  });

  it('says what is too weak', () => {
    assert.equal(keyFault(rsa(1024))?.code, 'key-too-weak');
    assert.equal(keyFault(odd(2048 - 8, '010001'))?.code, 'key-too-weak');
    assert.equal(keyFault(odd(2048, '01'))?.code, 'key-too-weak');
    assert.equal(keyFault(odd(2048, '04'))?.code, 'key-too-weak');
    assert.equal(keyFault(odd(2048, '03')), undefined);
  });

  it('says what costs too much or is not supported', () => {
    assert.equal(keyFault(odd(2048, `01${'00'.repeat(7)}01`))?.code, 'key-unsupported');
    assert.equal(keyFault(ec('secp256k1'))?.code, 'key-unsupported');
    assert.equal(keyFault(generateKeyPairSync('x25519').publicKey)?.code, 'key-unsupported');
  });
});
