import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CipherName, cipherNamed, cipherOid, digestNamed, keyTransportNamed, oaepHashNamed } from '../../src/cms/algorithms.js';
import { refused } from '../refused.js';

const SHA1 = '1.3.14.3.2.26';

describe('digests', () => {
  it('are SHA-256, SHA-384 and SHA-512', () => {
    const names = [1, 2, 3].map((n) => digestNamed(`2.16.840.1.101.3.4.2.${n}`));
    assert.deepEqual(names, ['sha256', 'sha384', 'sha512']);
  });

  it('are refused otherwise: SHA-1, MD5, SHA-224, SHA3-256, unknown ones', () => {
    for (const oid of [SHA1, '1.2.840.113549.2.5', '2.16.840.1.101.3.4.2.4', '2.16.840.1.101.3.4.2.8', '1.2.3']) {
      refused('digest-refused', () => digestNamed(oid));
    }
  });

  it('of OAEP may be SHA-1', () => {
    assert.equal(oaepHashNamed(SHA1), 'sha1');
    refused('algorithm-unsupported', () => oaepHashNamed('1.2.840.113549.2.5'));
  });
});

describe('ciphers', () => {
  it('that are written are read', () => {
    const names: CipherName[] = ['aes128', 'aes192', 'aes256', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'];
    assert.deepEqual(
      names.map((name) => cipherNamed(cipherOid(name)).name),
      ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-192-gcm', 'aes-256-gcm'],
    );
  });

  it('include 3DES only when it is allowed', () => {
    refused('algorithm-unsupported', () => cipherNamed('1.2.840.113549.3.7'));
    assert.equal(cipherNamed('1.2.840.113549.3.7', true).keyLength, 24);
  });

  it('are no others: RC2, DES, AES-CCM', () => {
    for (const oid of ['1.2.840.113549.3.2', '1.3.14.3.2.7', '2.16.840.1.101.3.4.1.7'])
      refused('algorithm-unsupported', () => cipherNamed(oid, true));
  });
});

describe('key transport', () => {
  it('is PKCS#1 v1.5 or OAEP', () => {
    assert.equal(keyTransportNamed('1.2.840.113549.1.1.1'), 'pkcs1');
    assert.equal(keyTransportNamed('1.2.840.113549.1.1.7'), 'oaep');
    refused('algorithm-unsupported', () => keyTransportNamed('1.2.840.113549.1.1.10'));
  });
});
