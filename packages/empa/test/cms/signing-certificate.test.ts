import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeName } from '@ssm/test-support';
import { isMeant, readSigningCertificate, type SigningCertificate, writeSigningCertificate } from '../../src/cms/signing-certificate.js';
import { context, integer, nullValue, octetString, parseDer, sequence, setOf, utf8String } from '../../src/der.js';
import { Authority, algorithm, attribute, berOf, certificateOf, OIDS } from '../recipe.js';
import { refused } from '../refused.js';

const authority = new Authority();
const certificate = certificateOf(authority.issue('host'));
const sameKey = certificateOf(authority.issue('other'));

function hashOf(hash: string, of = certificate): Buffer {
  return createHash(hash).update(of.raw).digest();
}

/** The value of the attribute with this ESSCertIDv2, and what else may be in it. */
function holding(id: Buffer, more: readonly Buffer[] = [], policies: readonly Buffer[] = []): Buffer {
  return sequence(sequence(id, ...more), ...policies);
}

function read(value: Buffer): SigningCertificate {
  return readSigningCertificate(parseDer(value));
}

const DIGEST = octetString(hashOf('sha256'));
const SERIAL = integer(certificate.serialNumber);

function issuerSerial(issuer = certificate.issuerDer, serial = SERIAL): Buffer {
  return sequence(sequence(context(4, issuer)), serial);
}

const HASHES = ['sha256', 'sha384', 'sha512'] as const;

describe('signingCertificateV2', () => {
  it('is written in DER with the digest of the certificate, and nothing that is so by default or elsewhere', () => {
    const value = holding(sequence(DIGEST));
    assert.deepEqual(writeSigningCertificate(certificate), attribute(OIDS.signingCertificateV2, value));
    const { hash, digest, identifier } = read(value);
    assert.deepEqual([hash, digest, identifier], ['sha256', hashOf('sha256'), undefined]);
  });

  it('means its certificate, and none that has the same key', () => {
    for (const value of [
      holding(sequence(DIGEST)),
      berOf(holding(sequence(DIGEST))),
      ...HASHES.map((hash) => holding(sequence(algorithm(OIDS[hash]), octetString(hashOf(hash))))),
      ...HASHES.map((hash) => holding(sequence(algorithm(OIDS[hash], nullValue()), octetString(hashOf(hash)), issuerSerial()))),
      holding(sequence(DIGEST, issuerSerial())),
      holding(sequence(DIGEST, issuerSerial(encodeName([[['C', 'UK', 'printable']], [['O', 'eScience']], [['CN', 'Test CA']]])))),
      holding(sequence(DIGEST), [sequence(octetString(hashOf('sha256', sameKey)))], [sequence()]),
    ]) {
      assert.ok(isMeant(read(value), certificate));
      assert.ok(!isMeant(read(value), sameKey));
    }
  });

  for (const [fault, id] of [
    ['the digest of another', sequence(octetString(hashOf('sha256', sameKey)))],
    ['a digest with another hash than it names', sequence(algorithm(OIDS.sha384), DIGEST)],
    ['a digest with another hash than the default', sequence(octetString(hashOf('sha384')))],
    ['a digest that is cut off', sequence(octetString(hashOf('sha256').subarray(0, 31)))],
    ['no octets', sequence(octetString(Buffer.alloc(0)))],
    ['the issuer of another', sequence(DIGEST, issuerSerial(encodeName('/C=UK/O=eScience/CN=Other CA')))],
    ['the serial number of another', sequence(DIGEST, issuerSerial(certificate.issuerDer, integer(1)))],
  ] as const) {
    it(`does not mean a certificate by ${fault}`, () => assert.ok(!isMeant(read(holding(id)), certificate)));
  }

  it('means no certificate by any but the first', () => {
    assert.ok(!isMeant(read(holding(sequence(octetString(hashOf('sha256', sameKey))), [sequence(DIGEST)])), certificate));
  });

  it('is refused with a hash that is refused elsewhere', () => {
    for (const hash of [OIDS.sha1, '2.16.840.1.101.3.4.2.4', '1.2.840.113549.2.5', '1.2.3.4']) {
      refused('digest-refused', () => read(holding(sequence(algorithm(hash), octetString(hashOf('sha1'))))));
    }
  });

  for (const [fault, value] of [
    ['nothing in it', sequence()],
    ['no certificate in it', sequence(sequence())],
    ['certificates in a SET', sequence(setOf(sequence(DIGEST)))],
    ['something after its policies', holding(sequence(DIGEST), [], [sequence(), sequence()])],
    ['an empty certificate id', holding(sequence())],
    ['a digest alone', holding(DIGEST)],
    ['an algorithm alone', holding(sequence(algorithm(OIDS.sha256)))],
    ['an algorithm behind the digest', holding(sequence(DIGEST, algorithm(OIDS.sha256)))],
    ['a digest that is a text', holding(sequence(utf8String('a')))],
    ['something after issuer and serial number', holding(sequence(DIGEST, issuerSerial(), integer(1)))],
    ['a serial number without issuer', holding(sequence(DIGEST, sequence(SERIAL)))],
    ['an issuer without serial number', holding(sequence(DIGEST, sequence(sequence(context(4, certificate.issuerDer)))))],
    ['an issuer that is a bare name', holding(sequence(DIGEST, sequence(certificate.issuerDer, SERIAL)))],
    ['no issuer among the names', holding(sequence(DIGEST, sequence(sequence(), SERIAL)))],
    ['two issuers', holding(sequence(DIGEST, sequence(sequence(...[0, 0].map(() => context(4, certificate.issuerDer))), SERIAL)))],
    ['an issuer that is a host', holding(sequence(DIGEST, sequence(sequence(context(2, Buffer.from('a.b'), false)), SERIAL)))],
    ['an issuer of octets', holding(sequence(DIGEST, sequence(sequence(context(4, Buffer.from('a'), false)), SERIAL)))],
  ] as const) {
    it(`is refused with ${fault}`, () => refused('der-malformed', () => read(value)));
  }

  it('is refused with an issuer that is very long, before anybody compares it', () => {
    const long = encodeName([[['CN', '\u{FDFA}'.repeat(3_000)]]]);
    refused('limit-exceeded', () => read(holding(sequence(DIGEST, issuerSerial(long)))));
  });
});
