import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  readSignedAttributes,
  type SignedAttributes,
  type WrittenAttributes,
  writeSignedAttributes,
} from '../../src/cms/signed-attributes.js';
import { writeSigningCertificate } from '../../src/cms/signing-certificate.js';
import { context, integer, octetString, oid, parseDer, sequence, setInOrder, setOf, time, utf8String } from '../../src/der.js';
import { Authority, attribute, berOf, certificateOf, OIDS, split, usualAttributes } from '../recipe.js';
import { refused } from '../refused.js';

const TIME = new Date('2026-05-04T03:02:01Z');
const DIGEST = Buffer.alloc(32, 7);
const authority = new Authority();
const [SIGNER, OTHER] = ['signer', 'other'].map((name) => writeSigningCertificate(certificateOf(authority.issue(name)))) as [
  Buffer,
  Buffer,
];

function write(change: Partial<WrittenAttributes> = {}): ReturnType<typeof writeSignedAttributes> {
  return writeSignedAttributes({ messageDigest: DIGEST, signingTime: TIME, signingCertificate: SIGNER, ...change });
}

function read(...attributes: Buffer[]): SignedAttributes {
  return readSignedAttributes(parseDer(context(0, attributes)));
}

describe('signed attributes', () => {
  const { signed: written, sent } = write();
  const items = split(parseDer(written).content);

  it('are read as they were written', () => {
    const { contentType, messageDigest, signingTime, signingCertificate, signed } = read(...items);
    assert.equal(contentType, OIDS.data);
    assert.deepEqual(messageDigest, DIGEST);
    assert.deepEqual(signingTime, TIME);
    assert.deepEqual(items.at(-1), SIGNER);
    assert.equal(signingCertificate?.hash, 'sha256');
    assert.deepEqual(signed, written);
  });

  it('are those of the message, whatever was written before', () => {
    const changes = [{}, { signingCertificate: OTHER }, { signingTime: new Date(0) }, { messageDigest: Buffer.alloc(32, 8) }];
    const once = changes.map((change) => write(change).signed);
    assert.equal(new Set(once.map(String)).size, changes.length);
    for (const [index, change] of changes.entries()) {
      write();
      assert.deepEqual(write(change).signed, once[index]);
    }
  });

  it('are written in DER order', () => {
    for (const signingTime of [TIME, new Date('2061-01-01T00:00:00Z')]) {
      const { signed } = write({ signingTime });
      assert.deepEqual(parseDer(signed, { strict: true }).raw, setOf(...split(parseDer(signed).content)));
    }
  });

  it('are sent with the tag of their field in place of that of a SET', () => {
    assert.deepEqual(sent, context(0, items));
    assert.deepEqual(readSignedAttributes(parseDer(sent)).signed, written);
  });

  it('are digested in the order in which they came', () => {
    const reversed = items.toReversed();
    assert.deepEqual(read(...reversed).signed, setInOrder(...reversed));
  });

  it('are digested as DER when they came as BER', () => {
    assert.deepEqual(readSignedAttributes(parseDer(berOf(context(0, items)))).signed, written);
  });

  it('may have no time, or one after 2049, and no certificate', () => {
    const [type, , digest] = usualAttributes(Buffer.alloc(0));
    assert.equal(read(type, digest).signingTime, undefined);
    assert.equal(read(type, digest).signingCertificate, undefined);
    const late = new Date('2061-01-01T00:00:00Z');
    assert.deepEqual(read(type, digest, attribute(OIDS.signingTime, time(late))).signingTime, late);
  });

  it('may have others, of any kind', () => {
    assert.equal(read(...items, attribute('1.2.3.4', integer(1), utf8String('x')), attribute('1.2.3.5')).contentType, OIDS.data);
  });

  const [type, at, digest] = usualAttributes(Buffer.alloc(0));
  for (const [fault, attributes] of [
    ['none at all', []],
    ['no contentType', [at, digest]],
    ['no messageDigest', [type, at]],
    ['two contentTypes', [type, at, digest, type]],
    ['two messageDigests', [type, at, digest, attribute(OIDS.messageDigest, octetString(DIGEST))]],
    ['two signingTimes', [type, at, digest, at]],
    ['two signingCertificates', [type, at, digest, SIGNER, OTHER]],
    ['a signingCertificate twice', [type, at, digest, SIGNER, SIGNER]],
    ['a signingCertificate with two values', [type, digest, attribute(OIDS.signingCertificateV2, sequence(), sequence())]],
    ['a signingCertificate without value', [type, digest, attribute(OIDS.signingCertificateV2)]],
    ['another one twice', [type, digest, attribute('1.2.3.4'), attribute('1.2.3.4', integer(1))]],
    ['a messageDigest with two values', [type, attribute(OIDS.messageDigest, octetString(DIGEST), octetString(Buffer.alloc(32)))]],
    ['a contentType with two values', [attribute(OIDS.contentType, oid(OIDS.data), oid(OIDS.signedData)), digest]],
    ['a contentType without value', [attribute(OIDS.contentType), digest]],
    ['a signingTime with two values', [type, digest, attribute(OIDS.signingTime, time(TIME), time(new Date(0)))]],
  ] as const) {
    it(`are refused with ${fault}`, () => refused('signed-attributes-missing', () => read(...attributes)));
  }

  for (const [fault, attributes] of [
    ['a messageDigest that is a UTF8String', [type, attribute(OIDS.messageDigest, utf8String('x'))]],
    ['a contentType that is an INTEGER', [attribute(OIDS.contentType, integer(1)), digest]],
    ['a signingTime that is none', [type, digest, attribute(OIDS.signingTime, integer(1))]],
    ['a signingCertificate that is none', [type, digest, attribute(OIDS.signingCertificateV2, integer(1))]],
    ['an attribute that is no SEQUENCE', [type, digest, integer(1)]],
    ['an attribute without a SET', [type, digest, sequence(oid('1.2.3'))]],
    ['an attribute with more than type and values', [type, digest, sequence(oid('1.2.3'), setOf(), setOf())]],
  ] as const) {
    it(`are refused with ${fault}`, () => refused('der-malformed', () => read(...attributes)));
  }
});
