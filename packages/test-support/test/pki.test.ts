import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { cachedKey, createCertificate, createCrl, createDemoPki, nameHash, signingPolicy, writeTrustDirectory } from '../src/index.js';
import { createKey } from '../src/pki/keys.js';
import { subjectHash } from '../src/pki/subject-hash.js';

const directory = mkdtempSync(path.join(tmpdir(), 'ssm-pki-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const ca = createCertificate({ subject: '/C=UK/O=eScience/CN=Test CA', key: cachedKey('p256'), ca: true });

describe('keys', () => {
  it('come in every kind and from the cache only once', () => {
    for (const kind of ['rsa1024', 'rsa2048', 'p256', 'p384'] as const) {
      const key = cachedKey(kind);
      assert.equal(key, cachedKey(kind));
      assert.equal(createPublicKey(key.pem).export({ type: 'spki', format: 'der' }).equals(key.spki), true);
    }
    assert.notEqual(cachedKey('p256', 0), cachedKey('p256', 1));
    assert.notEqual(createKey('p256').pem, createKey('p256').pem);
  });
});

describe('createCertificate', () => {
  it('makes a certificate that Node reads back', () => {
    const notBefore = new Date('2026-01-02T03:04:05Z');
    const notAfter = new Date('2051-02-03T04:05:06Z');
    const made = createCertificate({
      subject: '/C=UK/O=eScience/CN=host.example.org',
      key: cachedKey('rsa2048'),
      issuer: ca,
      san: ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1', 'email:root@localhost'],
      eku: ['serverAuth'],
      serial: 0x80n,
      notBefore,
      notAfter,
    });
    const read = new X509Certificate(made.certificatePem);
    assert.equal(read.subject, 'C=UK\nO=eScience\nCN=host.example.org');
    assert.equal(read.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, email:root@localhost');
    assert.equal(read.serialNumber, '80');
    assert.deepEqual([new Date(read.validFrom), new Date(read.validTo)], [notBefore, notAfter]);
    assert.equal(read.ca, false);
    assert.equal(read.checkIssued(new X509Certificate(ca.der)), true);
    assert.equal(read.verify(ca.key.publicKey), true);
    assert.equal(made.dn, '/C=UK/O=eScience/CN=host.example.org');
  });

  it('signs with every algorithm and both kinds of keys', () => {
    const rsa = createCertificate({ subject: '/CN=RSA CA', key: cachedKey('rsa2048'), ca: true });
    for (const signature of ['md5', 'sha1', 'sha256', 'sha384', 'sha512', 'pss-sha256', 'pss-sha384', 'pss-sha512'] as const) {
      const made = new X509Certificate(createCertificate({ subject: '/CN=x', issuer: rsa, signature }).der);
      assert.equal(made.verify(rsa.key.publicKey), true, signature);
    }
    for (const signature of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const made = new X509Certificate(createCertificate({ subject: '/CN=x', issuer: ca, signature }).der);
      assert.equal(made.verify(ca.key.publicKey), true, signature);
    }
    assert.throws(() => createCertificate({ subject: '/CN=x', issuer: ca, signature: 'md5' }), RangeError);
  });

  it('makes what is wrong on purpose', () => {
    const forged = new X509Certificate(createCertificate({ subject: '/CN=x', issuer: ca, issuerKey: cachedKey('p256', 1) }).der);
    assert.equal(forged.verify(ca.key.publicKey), false);
    const old = createCertificate({ subject: '/CN=x', issuer: ca, version: 1, san: ['DNS:never'] });
    assert.equal(new X509Certificate(old.der).subjectAltName, undefined);
    const mixed = createCertificate({ subject: '/CN=x', issuer: ca, innerAlgorithm: 'sha512' });
    assert.equal(mixed.der.includes(Buffer.from('2a8648ce3d040304', 'hex')), true);
    assert.throws(() => createCertificate({ subject: '/CN=x', issuer: '/CN=only a name' }), TypeError);
  });

  it('encodes names as they are given', () => {
    const made = createCertificate({
      subject: [
        ['DC', 'org'],
        [
          ['UID', 'z'],
          ['CN', 'a/b', 'bmp'],
        ],
        ['1.2.3.4', new Uint8Array([0x41, 0]), 'printable'],
      ],
    });
    assert.equal(made.dn, '/DC=org/UID=z/CN=a/b/1.2.3.4=A\0');
    assert.equal(createCertificate({ subject: made.subject }).subject.equals(made.subject), true);
    assert.equal(createCertificate({ subject: '/O=a/b/CN=c/d=e' }).dn, '/O=a/b/CN=c/d=e');
  });
});

describe('subjectHash', () => {
  it('is the same for names that differ only in case, blanks and string type', () => {
    const one = createCertificate({ subject: [['O', 'e Science', 'printable']] });
    const other = createCertificate({ subject: [['O', '  E   SCIENCE ', 'bmp']] });
    assert.match(subjectHash(one.der), /^[0-9a-f]{8}$/);
    assert.equal(subjectHash(one.der), subjectHash(other.der));
    assert.notEqual(subjectHash(one.der), subjectHash(ca.der));
    assert.equal(nameHash(one.subject), subjectHash(one.der));
  });
});

describe('writeTrustDirectory', () => {
  it('numbers what has the same hash', () => {
    const twin = createCertificate({ subject: ca.subject, ca: true });
    const policies = [{ ca, text: signingPolicy(ca, ['/C=UK/*']) }];
    const target = path.join(directory, 'trust');
    const written = writeTrustDirectory(target, {
      cas: [ca, twin],
      crls: [createCrl({ issuer: ca }), createCrl({ issuer: twin })],
      policies,
    });
    const hash = subjectHash(ca.der);
    const names = ['0', '1', 'r0', 'r1', 'signing_policy'].map((end) => `${hash}.${end}`);
    assert.deepEqual(readdirSync(target), names);
    assert.deepEqual(
      written.map((file) => path.basename(file)),
      names,
    );
    assert.match(
      readFileSync(path.join(target, `${hash}.signing_policy`), 'utf8'),
      /^access_id_CA X509 '\/C=UK\/O=eScience\/CN=Test CA'$/m,
    );
  });
});

describe('createDemoPki', () => {
  it('writes identities that match, with closed keys', () => {
    const pki = createDemoPki(path.join(directory, 'demo'), { key: 'p256' });
    for (const identity of [pki.broker, ...pki.sites, pki.server]) {
      const certificate = new X509Certificate(readFileSync(identity.certificatePath));
      assert.equal(certificate.verify(pki.ca.key.publicKey), true);
      assert.equal(certificate.checkPrivateKey(identity.issued.key.privateKey), true);
      assert.equal(readFileSync(identity.keyPath, 'utf8'), identity.issued.keyPem);
      assert.equal(statSync(identity.keyPath).mode & 0o777, 0o600);
    }
    assert.equal(new X509Certificate(pki.untrusted.issued.der).verify(pki.ca.key.publicKey), false);
    assert.equal(new X509Certificate(pki.broker.issued.der).checkHost('localhost'), 'localhost');
    assert.equal(readdirSync(pki.trustDirectory).length, 3);
  });
});
