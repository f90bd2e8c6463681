import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { cachedKey } from '@ssm/test-support';
import { context, integer, nullValue, oid, parseDer, sequence } from '../../src/der.js';
import { isAcceptable, isSignedBy, readSignatureAlgorithm, type SignatureAlgorithm } from '../../src/x509/signature.js';
import { refused } from '../refused.js';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const SHA384 = '2.16.840.1.101.3.4.2.2';
const SHA1 = '1.3.14.3.2.26';
const read = (der: Buffer): SignatureAlgorithm => readSignatureAlgorithm(parseDer(der));
const hash = (id: string): Buffer => sequence(oid(id), nullValue());
const mgf = (id: string, function_ = '1.2.840.113549.1.1.8'): Buffer => sequence(oid(function_), hash(id));
const pss = (...fields: Buffer[]): SignatureAlgorithm => read(sequence(oid('1.2.840.113549.1.1.10'), sequence(...fields)));
const known = (algorithm: SignatureAlgorithm): boolean => algorithm.keyTypes.length > 0;

const verdict = (id: string): [boolean, boolean] => {
  const algorithm = read(sequence(oid(id), nullValue()));
  return [known(algorithm), isAcceptable(algorithm)];
};

const rsa = cachedKey('rsa2048');
const ec = cachedKey('p256');
const signed = Buffer.from('what is signed');

describe('readSignatureAlgorithm', () => {
  it('tells good algorithms from weak and unknown ones', () => {
    for (const id of ['1.2.840.113549.1.1.11', '1.2.840.113549.1.1.13', '1.2.840.10045.4.3.2', '1.3.101.112'])
      assert.deepEqual(verdict(id), [true, true]);
    for (const id of ['1.2.840.113549.1.1.4', '1.2.840.113549.1.1.5', '1.3.14.3.2.29', '1.2.840.10045.4.1'])
      assert.deepEqual(verdict(id), [true, false]);
    for (const id of ['1.2.840.113549.1.1.2', '1.2.840.113549.1.1.14', '1.2.3', SHA256]) assert.deepEqual(verdict(id), [false, false]);
  });

  it('takes parameters that are absent or NULL, and no others', () => {
    assert.ok(known(read(sequence(oid('1.2.840.113549.1.1.11')))));
    assert.ok(!known(read(sequence(oid('1.2.840.113549.1.1.11'), integer(1)))));
    refused('der-malformed', () => read(sequence(oid('1.2.840.113549.1.1.11'), nullValue(), nullValue())));
    refused('der-malformed', () => read(sequence()));
    refused('der-malformed', () => read(nullValue()));
  });

  it('reads PSS with one SHA-2 hash for both purposes', () => {
    const salt = context(2, [integer(32)]);
    const algorithm = pss(context(0, [hash(SHA256)]), context(1, [mgf(SHA256)]), salt);
    assert.deepEqual([algorithm.hash, algorithm.saltLength, isAcceptable(algorithm)], ['sha256', 32, true]);
    assert.equal(pss(context(0, [hash(SHA256)]), context(1, [mgf(SHA256)])).saltLength, 20);
    const others = [
      pss(),
      pss(context(0, [hash(SHA256)]), salt),
      pss(context(0, [hash(SHA256)]), context(1, [mgf(SHA384)]), salt),
      pss(context(0, [hash(SHA1)]), context(1, [mgf(SHA1)]), salt),
      pss(context(0, [hash(SHA256)]), context(1, [mgf(SHA256, '1.2.3')]), salt),
      pss(context(0, [hash(SHA256)]), context(1, [mgf(SHA256)]), context(2, [integer(-1)])),
      pss(context(0, [hash(SHA256)]), context(1, [mgf(SHA256)]), salt, context(3, [integer(2)])),
      read(sequence(oid('1.2.840.113549.1.1.10'))),
    ];
    for (const [index, other] of others.entries()) assert.ok(!known(other), String(index));
  });
});

describe('isSignedBy', () => {
  const SIGNATURE = sign('sha256', signed, rsa.privateKey);
  const algorithm = read(sequence(oid('1.2.840.113549.1.1.11'), nullValue()));

  it('is true for the key, the octets and the algorithm, and for no others', () => {
    const whole = { signed, signatureAlgorithm: algorithm, signature: SIGNATURE };
    assert.ok(isSignedBy(whole, rsa.publicKey));
    assert.ok(!isSignedBy(whole, cachedKey('rsa2048', 1).publicKey));
    assert.ok(!isSignedBy(whole, ec.publicKey));
    assert.ok(!isSignedBy({ ...whole, signed: Buffer.from('something else') }, rsa.publicKey));
    assert.ok(!isSignedBy({ ...whole, signature: SIGNATURE.subarray(1) }, rsa.publicKey));
    assert.ok(!isSignedBy({ ...whole, signature: Buffer.alloc(0) }, rsa.publicKey));
    assert.ok(!isSignedBy({ ...whole, signatureAlgorithm: read(sequence(oid('1.2.840.113549.1.1.12'))) }, rsa.publicKey));
    assert.ok(!isSignedBy({ ...whole, signatureAlgorithm: read(sequence(oid('1.2.3'))) }, rsa.publicKey));
  });

  it('does not take a signature with one padding for one with another', () => {
    const parameters = [context(0, [hash(SHA256)]), context(1, [mgf(SHA256)]), context(2, [integer(32)])];
    const padded = sign('sha256', signed, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    const good = { signed, signatureAlgorithm: pss(...parameters), signature: padded };
    assert.ok(isSignedBy(good, rsa.publicKey));
    assert.ok(!isSignedBy({ ...good, signature: SIGNATURE }, rsa.publicKey));
    assert.ok(!isSignedBy({ ...good, signatureAlgorithm: algorithm }, rsa.publicKey));
    assert.ok(!isSignedBy({ ...good, signatureAlgorithm: pss(...parameters.slice(0, 2)) }, rsa.publicKey));
  });

  it('does not throw on a key that must not be used so', () => {
    const { publicKey } = generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha512', mgf1HashAlgorithm: 'sha512' });
    const parameters = [context(0, [hash(SHA256)]), context(1, [mgf(SHA256)]), context(2, [integer(32)])];
    assert.ok(!isSignedBy({ signed, signatureAlgorithm: pss(...parameters), signature: SIGNATURE }, publicKey));
  });

  it('reads Ed25519', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const whole = { signed, signatureAlgorithm: read(sequence(oid('1.3.101.112'))), signature: sign(null, signed, privateKey) };
    assert.ok(isSignedBy(whole, publicKey));
    assert.ok(!isSignedBy(whole, generateKeyPairSync('ed25519').publicKey));
  });
});
