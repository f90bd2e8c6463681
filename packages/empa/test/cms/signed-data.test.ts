import assert from 'node:assert/strict';
import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { cachedKey, createCertificate, type IssuedCertificate } from '@ssm/test-support';
import {
  certificateThatSigned,
  contentDigest,
  digestedContent,
  readSignedData,
  readSignerInfo,
  type SignerInfo,
  writeSignedData,
} from '../../src/cms/signed-data.js';
import { readContentInfo } from '../../src/cms/structure.js';
import { bitString, context, integer, nullValue, octetString, oid, parseDer, sequence, setOf, utf8String } from '../../src/der.js';
import { DEFAULT_LIMITS } from '../../src/limits.js';
import {
  Authority,
  algorithm,
  attribute,
  berOf,
  certificateOf,
  identityOf,
  NOW,
  OIDS,
  type SignerRecipe,
  signedData,
  signerInfo,
  usualAttributes,
} from '../recipe.js';
import { refused, rejected } from '../refused.js';

const CONTENT = Buffer.from('content');
const authority = new Authority();
const rsa = authority.issue('rsa', 'rsa2048');
const p256 = authority.issue('p256');

function read(cms: Buffer): ReturnType<typeof readSignedData> {
  return readSignedData(readContentInfo(cms, DEFAULT_LIMITS).content, DEFAULT_LIMITS);
}

function info(recipe: SignerRecipe): SignerInfo {
  return readSignerInfo(parseDer(signerInfo(CONTENT, recipe)));
}

function flipLastBit(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]);
}

/** A SignedData with so many certificates. */
function bagOf(count: number): Buffer {
  return signedData({ signerInfos: [], certificates: Array.from({ length: count }, () => p256.der) });
}

/** A SignedData with something for a certificate that holds so many octets. */
function holding(length: number): Buffer {
  return signedData({ signerInfos: [], certificates: [sequence(octetString(Buffer.alloc(length)))] });
}

/** All that is checked of a signature. */
function verify(signer: SignerInfo, candidates: readonly IssuedCertificate[], contents = [CONTENT]): Buffer {
  const content = digestedContent(signer, OIDS.data, contents);
  certificateThatSigned(signer, candidates.map(certificateOf));
  return content;
}

describe('readSignedData', () => {
  const der = signedData({
    signerInfos: [signerInfo(CONTENT, { signer: p256 })],
    certificates: [p256.der, authority.ca.der],
    content: CONTENT,
  });

  it('gives its fields, from DER and BER', () => {
    for (const cms of [der, berOf(der, [p256.der, authority.ca.der])]) {
      const { contentType, content, certificates, signerInfos } = read(cms);
      assert.equal(contentType, OIDS.data);
      assert.deepEqual(content, CONTENT);
      assert.equal(certificates.length, 2);
      assert.equal(signerInfos.length, 1);
    }
    assert.deepEqual(read(der).certificates, [p256.der, authority.ca.der]);
  });

  it('leaves out what is no X.509 certificate, and CRLs', () => {
    const fields = [
      integer(5),
      setOf(),
      sequence(oid(OIDS.data)),
      context(0, [context(3, sequence()), p256.der]),
      context(1, sequence()),
      setOf(),
    ];
    const { certificates, content } = readSignedData(parseDer(sequence(...fields)), DEFAULT_LIMITS);
    assert.deepEqual(certificates, [p256.der]);
    assert.equal(content, undefined);
  });

  it('is held to a number of certificates', () => {
    assert.equal(read(bagOf(DEFAULT_LIMITS.certificates)).certificates.length, 32);
    refused('limit-exceeded', () => read(bagOf(DEFAULT_LIMITS.certificates + 1)));
  });

  it('is held to a length of certificates', () => {
    assert.equal(read(holding(DEFAULT_LIMITS.certificateBytes - 10)).certificates.length, 1);
    refused('limit-exceeded', () => read(holding(DEFAULT_LIMITS.certificateBytes)));
  });

  const encapsulated = sequence(oid(OIDS.data));
  for (const [fault, fields] of [
    ['no fields', []],
    ['no version', [setOf(), encapsulated, setOf()]],
    ['no signerInfos', [integer(1), setOf(), encapsulated]],
    ['signerInfos that are a SEQUENCE', [integer(1), setOf(), encapsulated, sequence()]],
    ['something after signerInfos', [integer(1), setOf(), encapsulated, setOf(), nullValue()]],
    ['content that is no OCTET STRING', [integer(1), setOf(), sequence(oid(OIDS.data), context(0, utf8String('a'))), setOf()]],
    ['content twice', [integer(1), setOf(), sequence(oid(OIDS.data), context(0, [octetString(CONTENT), octetString(CONTENT)])), setOf()]],
  ] as const) {
    it(`is refused with ${fault}`, () => refused('der-malformed', () => readSignedData(parseDer(sequence(...fields)), DEFAULT_LIMITS)));
  }
});

describe('signatures', () => {
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
    for (const signer of [rsa, p256, authority.issue('p384', 'p384'), authority.issue('p521', 'p521')]) {
      it(`verify: ${signer.dn} with ${hash}`, () => assert.deepEqual(verify(info({ signer, hash }), [signer]), CONTENT));
    }
  }

  it('verify with the algorithm of key and hash together', () => {
    const signatureAlgorithm = algorithm('1.2.840.113549.1.1.12', nullValue());
    verify(info({ signer: rsa, hash: 'sha384', signatureAlgorithm }), [rsa]);
  });

  it('verify over attributes that came as BER', () => {
    verify(info({ signer: p256, sent: berOf }), [p256]);
  });

  it('verify over attributes in no order', () => {
    verify(info({ signer: p256, attributes: usualAttributes(CONTENT).toReversed() }), [p256]);
  });

  it('verify when the signer is named by key id, and with unsigned attributes', () => {
    const fields = parseDer(signerInfo(CONTENT, { signer: p256, identifier: context(0, p256.key.id, false) })).children.map(
      (child) => child.raw,
    );
    verify(readSignerInfo(parseDer(sequence(...fields, context(1, sequence())))), [p256]);
  });

  it('are found by key among certificates of one id', () => {
    const impostor = createCertificate({ subject: p256.dn, issuer: authority.ca, serial: p256.serial, key: cachedKey('p256', 5) });
    const signer = info({ signer: p256 });
    for (const candidates of [
      [impostor, p256],
      [p256, impostor],
      [rsa, impostor, p256],
    ]) {
      assert.deepEqual(certificateThatSigned(signer, candidates.map(certificateOf)).raw, p256.der);
    }
    refused('signature-invalid', () => verify(signer, [impostor]));
    refused('signature-invalid', () => verify(signer, [rsa]));
  });

  it('do not verify over other content, type or attributes', () => {
    refused('digest-mismatch', () => verify(info({ signer: p256 }), [p256], [Buffer.from('contenT')]));
    refused('digest-mismatch', () => verify(info({ signer: p256 }), [p256], []));
    refused('content-type-mismatch', () => digestedContent(info({ signer: p256 }), OIDS.signedData, [CONTENT]));
    const [, time, digest] = usualAttributes(CONTENT);
    const attributes = [attribute(OIDS.contentType, oid(OIDS.signedData)), time, digest];
    refused('content-type-mismatch', () => verify(info({ signer: p256, attributes }), [p256]));
    const short = [
      usualAttributes(CONTENT)[0],
      time,
      attribute(OIDS.messageDigest, octetString(createHash('sha256').update(CONTENT).digest().subarray(0, 31))),
    ];
    refused('digest-mismatch', () => verify(info({ signer: p256, attributes: short }), [p256]));
    refused('digest-mismatch', () => verify(info({ signer: p256, sent: flipLastBit }), [p256]));
  });

  it('take the first of several forms of the content that was digested', () => {
    assert.deepEqual(verify(info({ signer: p256 }), [p256], [Buffer.from('other'), CONTENT]), CONTENT);
  });

  it('are not looked for in unsigned content', () => {
    refused('signed-attributes-missing', () => info({ signer: p256, attributes: 'none' }));
    refused('signed-attributes-missing', () => info({ signer: p256, attributes: [] }));
  });

  it('are refused with SHA-1', () => {
    refused('digest-refused', () => info({ signer: rsa, hash: 'sha1' }));
    refused('digest-refused', () => info({ signer: p256, hash: 'sha1' }));
    for (const weak of ['1.2.840.113549.1.1.5', '1.2.840.113549.1.1.4', '1.2.840.10045.4.1']) {
      refused('digest-refused', () => info({ signer: rsa, signatureAlgorithm: algorithm(weak) }));
    }
  });

  it('are refused when the hash of the signature is another one', () => {
    for (const named of ['1.2.840.113549.1.1.13', '1.2.840.10045.4.3.3', '1.3.101.112', '1.2.3.4']) {
      refused('algorithm-unsupported', () => info({ signer: rsa, signatureAlgorithm: algorithm(named) }));
    }
  });

  it('do not verify with an algorithm of another kind of key', () => {
    refused('signature-invalid', () => verify(info({ signer: p256, signatureAlgorithm: algorithm(OIDS.rsaEncryption) }), [p256]));
    refused('signature-invalid', () => verify(info({ signer: rsa, signatureAlgorithm: algorithm(OIDS.ecdsaWithSha256) }), [rsa]));
  });

  it('do not verify when they are none', () => {
    for (const signature of [
      Buffer.alloc(0),
      Buffer.alloc(256),
      Buffer.alloc(255, 1),
      Buffer.from('3006020100020100', 'hex'),
      Buffer.from('30060201010201', 'hex'),
    ]) {
      for (const signer of [rsa, p256]) refused('signature-invalid', () => verify(info({ signer, signWith: () => signature }), [signer]));
    }
  });

  it('of a key that cannot be read are key-unsupported, unless another certificate has the key', () => {
    // An unknown kind of key: the last octet of the algorithm of an EC key is changed.
    const der = Buffer.from(p256.der);
    der[der.indexOf(Buffer.from('2a8648ce3d0201', 'hex')) + 6] = 0x7f;
    const unreadable = { ...p256, der };
    refused('key-unsupported', () => verify(info({ signer: p256 }), [unreadable]));
    verify(info({ signer: p256 }), [unreadable, p256]);
  });

  it('of a key that would take long to verify with are not tried', () => {
    const numbers = sequence(integer(`00${'ff'.repeat(384)}`), integer(`00${'ff'.repeat(384)}`));
    const spki = sequence(algorithm(OIDS.rsaEncryption, nullValue()), bitString(numbers));
    const slow = createCertificate({ subject: '/CN=slow', issuer: authority.ca, key: { ...rsa.key, spki } });
    refused('key-unsupported', () => verify(info({ signer: rsa }), [slow, slow]));
    verify(info({ signer: rsa }), [slow, rsa]);
  });

  it('are verified with the keys of four certificates at most', () => {
    verify(info({ signer: p256 }), [rsa, rsa, rsa, p256]);
    refused('limit-exceeded', () => verify(info({ signer: p256 }), [rsa, rsa, rsa, rsa, p256]));
  });
});

type Hash = 'sha1' | 'sha256' | 'sha384';

function mask(hash: Hash): Buffer {
  return context(1, algorithm(OIDS.mgf1, algorithm(OIDS[hash])));
}

function hashed(hash: Hash): Buffer {
  return context(0, algorithm(OIDS[hash]));
}

function pss(...fields: Buffer[]): Buffer {
  return algorithm(OIDS.pss, sequence(...fields));
}

function pssParameters(saltLength: number): Buffer {
  return pss(hashed('sha256'), mask('sha256'), context(2, integer(saltLength)));
}

function salted(saltLength: number): (data: Buffer, key: KeyObject) => Buffer {
  return (data, key) => sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

describe('RSASSA-PSS', () => {
  it('verifies with any salt length that it names', () => {
    for (const saltLength of [0, 20, 32, 222]) {
      verify(info({ signer: rsa, signatureAlgorithm: pssParameters(saltLength), signWith: salted(saltLength) }), [rsa]);
    }
  });

  it('does not verify with another salt length than it names', () => {
    refused('signature-invalid', () => verify(info({ signer: rsa, signatureAlgorithm: pssParameters(32), signWith: salted(20) }), [rsa]));
  });

  it('does not verify what is PKCS#1 v1.5', () => {
    refused('signature-invalid', () => verify(info({ signer: rsa, signatureAlgorithm: pssParameters(32) }), [rsa]));
    refused('signature-invalid', () => verify(info({ signer: rsa, signWith: salted(32) }), [rsa]));
  });

  it('is refused with SHA-1 as hash or in the mask, by name or by default, and with another hash than the digest', () => {
    for (const signatureAlgorithm of [
      algorithm(OIDS.pss),
      pss(),
      pss(hashed('sha1'), mask('sha1'), context(2, integer(20))),
      pss(hashed('sha256')),
      pss(hashed('sha256'), mask('sha1')),
      pss(mask('sha256')),
      pss(hashed('sha256'), mask('sha384')),
      pss(hashed('sha384'), mask('sha384')),
      pss(hashed('sha256'), mask('sha256'), context(2, integer(-1))),
    ]) {
      refused('algorithm-unsupported', () => info({ signer: rsa, signatureAlgorithm, signWith: salted(20) }));
    }
  });
});

describe('writeSignedData', () => {
  for (const issued of [rsa, p256, authority.issue('p384', 'p384')]) {
    it(`is what is read: ${issued.dn}`, async () => {
      const cms = await writeSignedData(contentDigest().update(CONTENT), identityOf(issued, [authority.ca]), NOW);
      parseDer(cms, { strict: true });
      const { content, contentType, certificates, signerInfos } = read(cms);
      assert.equal(content, undefined);
      assert.equal(contentType, OIDS.data);
      assert.deepEqual(certificates, [issued.der, authority.ca.der]);
      assert.equal(signerInfos.length, 1);
      const signer = readSignerInfo(signerInfos[0]!);
      verify(signer, [issued]);
      assert.equal(signer.attributes.signingTime?.getTime(), Math.floor(NOW.getTime() / 1000) * 1000);
    });
  }

  it('is refused for other kinds of key', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    await rejected('key-unsupported', writeSignedData(contentDigest().update(CONTENT), { ...identityOf(p256), privateKey }, NOW));
  });
});
