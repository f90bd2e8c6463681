import assert from 'node:assert/strict';
import { constants, sign } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { cachedKey, createCertificate, type IssuedCertificate } from '@ssm/test-support';
import { writeEnvelopedData } from '../src/cms/enveloped-data.js';
import { writeSigningCertificate } from '../src/cms/signing-certificate.js';
import { context, integer, nullValue, octetString, parseDer, sequence } from '../src/der.js';
import type { EmpaError } from '../src/errors.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { readSmime, toCrlf, writeMultipartSigned, writePkcs7Mime } from '../src/mime.js';
import { loadTrustStore } from '../src/trust-store.js';
import { DistinguishedName } from '../src/x509/name.js';
import { exchanged } from './hostile.js';
import {
  algorithm,
  attribute,
  BODY,
  berOf,
  certificateOf,
  contentInfo,
  encryptContent,
  identityOf,
  issuerAndSerialOf,
  message,
  NOW,
  OIDS,
  PART,
  pkcs7Mime,
  type SignerRecipe,
  signedData,
  signerInfo,
  usualAttributes,
} from './recipe.js';
import { rejected } from './refused.js';
import { textOf, World } from './world.js';

const world = new World({ after });
const { site, server, authority } = world;

/** A signed message whose signed part is this. */
function signedPart(part: string, recipe: Partial<SignerRecipe> = {}): Buffer {
  const octets = Buffer.from(part, 'latin1');
  const cms = signedData({ signerInfos: [signerInfo(octets, { signer: site, ...recipe })], certificates: [site.der] });
  return writeMultipartSigned([octets], cms);
}

function opaque(part: string, cms = (der: Buffer): Buffer => der): Buffer {
  const content = Buffer.from(part, 'latin1');
  return pkcs7Mime(cms(signedData({ signerInfos: [signerInfo(content, { signer: site })], certificates: [site.der], content })));
}

/** Encrypts octets for the server, signed or not. */
function enveloped(plaintext: Buffer | string): Buffer {
  const octets = Buffer.isBuffer(plaintext) ? plaintext : Buffer.from(plaintext, 'latin1');
  return writePkcs7Mime(writeEnvelopedData(encryptContent(octets), [certificateOf(server)]), 'enveloped-data');
}

/** The same message with another certificate and its issuer and serial number in place of the signer's. */
function withCertificate(raw: Buffer, signer: IssuedCertificate, other: IssuedCertificate): Buffer {
  const entity = readSmime(raw, DEFAULT_LIMITS);
  assert.ok(entity.kind === 'multipart-signed');
  const changes = [
    [signer.der, other.der],
    [issuerAndSerialOf(signer), issuerAndSerialOf(other)],
  ] as const;
  return writeMultipartSigned([entity.signedPart], exchanged(parseDer(entity.cms), changes));
}

async function bodyOf(raw: Buffer): Promise<string> {
  return textOf(await world.open(raw));
}

/** A signed attribute with a value in a `[0]`. */
function attributeOf(value: Buffer): Buffer {
  return attribute('1.2.840.113549.1.9.16.2.20', sequence(context(0, [value])));
}

describe('openMessage', () => {
  it('judges signed attributes by their octets, whatever certificates it has seen before', async () => {
    const usual = usualAttributes(PART);
    const { ca } = authority;
    await world.open(message({ signer: site }));
    for (const { der } of [site, site, ca, ca]) await world.open(message({ signer: site, attributes: [...usual, attributeOf(der)] }));
    for (const { der } of [site, ca]) {
      const sent = (): Buffer => context(0, [...usual, attributeOf(der)]);
      await rejected('signature-invalid', world.open(message({ signer: site, attributes: [...usual, attributeOf(sequence())], sent })));
    }
  });

  it("reads a signer's certificate once for a trust snapshot, and verifies every message against it", async () => {
    const first = await world.open(await world.seal('a'));
    const second = await world.open(await world.seal('b'));
    assert.equal(second.certificate, first.certificate);
    const forged = message({ signer: site, signWith: (data) => sign('sha256', data, cachedKey('p256', 1).privateKey) });
    await rejected('signature-invalid', world.open(forged));
    const late = new Date(first.certificate.notAfter.getTime() + 1000);
    await rejected('certificate-expired', world.open(await world.seal('c'), { now: late }));
    const trust = await loadTrustStore(world.trustDirectory, { now: NOW, stabilityMs: 0 });
    assert.notEqual((await world.open(await world.seal('d'), { trust })).certificate, first.certificate);
  });

  it('gives what is known of a message', async () => {
    const { body, signer, certificate, deliveryId, signingTime, encrypted } = await world.open(
      await world.seal('a\n', { deliveryId: 'x' }),
    );
    assert.equal(Buffer.from(body).toString(), 'a\n');
    assert.equal(signer.toString(), site.dn);
    assert.deepEqual(certificate.raw, site.der);
    assert.equal(signingTime?.getTime(), Math.floor(NOW.getTime() / 1000) * 1000);
    assert.deepEqual([deliveryId, encrypted], ['x', false]);
  });

  it('reads every transfer encoding', async () => {
    for (const [part, body] of [
      ['Content-Type: text/plain\r\n\r\na\r\nb', 'a\nb'],
      ['Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u00c3\u00bc\r\n', '\u00c3\u00bc\n'],
      ['Content-Type: application/xml\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\na=3D=\r\nb\r\n', 'a=b\n'],
      ['Content-Transfer-Encoding: base64\r\nContent-Type: application/octet-stream\r\n\r\nAA0K\r\n', '\0\r\n'],
    ] as const) {
      assert.equal(await bodyOf(signedPart(part)), body);
      assert.equal(await bodyOf(opaque(part)), body);
      assert.equal(await bodyOf(enveloped(toCrlf(signedPart(part)))), body);
      assert.equal(await bodyOf(enveloped(opaque(part))), body);
    }
  });

  it('reads LF, CRLF and a mixture of both on the wire', async () => {
    const raw = message({ signer: site });
    const text = raw.toString('latin1').replaceAll('\r\n', '\n');
    for (const form of [raw, Buffer.from(text, 'latin1'), Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')]) {
      assert.equal(await bodyOf(form), BODY);
    }
  });

  it('reads a part that was digested as it is: what the signer did not see does not count', async () => {
    const part = 'Content-Type: text/plain\nContent-Transfer-Encoding: binary\n\na\r\nb\n';
    const raw = signedPart(part);
    assert.equal(await bodyOf(raw), 'a\r\nb\n');
    // Line ends of the canonical form are not the signer's to choose, so that no change of them shows.
    const canonical = signedPart(part.replaceAll(/\r?\n/gu, '\r\n')).toString('latin1');
    for (const form of [canonical, canonical.replaceAll('\r\n', '\n')])
      assert.equal(await bodyOf(Buffer.from(form, 'latin1')), 'a\r\nb\r\n');
    await rejected('digest-mismatch', world.open(toCrlf(raw)));
  });

  it('reads BER', async () => {
    assert.equal(await bodyOf(opaque(PART.toString('latin1'), (der) => berOf(der, [site.der]))), BODY);
    const cms = signedData({ signerInfos: [signerInfo(PART, { signer: site })], certificates: [site.der] });
    assert.equal(await bodyOf(writeMultipartSigned([PART], berOf(cms, [site.der]))), BODY);
  });

  it('does not believe micalg', async () => {
    assert.equal(
      await bodyOf(Buffer.from(message({ signer: site, hash: 'sha512' }).toString('latin1').replace('sha-256', 'md5'), 'latin1')),
      BODY,
    );
  });

  it('takes the certificate that the signer names, wherever it is in the bag', async () => {
    const intermediate = createCertificate({ subject: '/C=UK/CN=Sub', issuer: authority.ca, ca: true });
    const leaf = createCertificate({ subject: '/C=UK/CN=leaf', issuer: intermediate });
    const impostor = createCertificate({ subject: '/C=UK/CN=leaf', issuer: intermediate, serial: leaf.serial, key: cachedKey('p256', 7) });
    const bag = [leaf.der, intermediate.der, impostor.der, site.der, sequence(integer(1))];
    for (let turn = 0; turn < bag.length; turn += 1) {
      bag.push(bag.shift()!);
      const opened = await world.open(message({ signer: leaf }, { certificates: bag }));
      assert.equal(opened.signer.toString(), '/C=UK/CN=leaf');
      assert.deepEqual(opened.certificate.raw, leaf.der);
    }
  });

  it('finds the signer by key id', async () => {
    const raw = message({ signer: site, identifier: context(0, site.key.id, false) });
    assert.equal((await world.open(raw)).signer.toString(), site.dn);
  });

  it('takes of certificates with one key the one that was signed for', async () => {
    const renewed = authority.issue('renewed.example.org');
    const attributes = [...usualAttributes(PART), writeSigningCertificate(certificateOf(site))];
    const signer: SignerRecipe = { signer: site, attributes, identifier: context(0, site.key.id, false) };
    for (const bag of [
      [site, renewed],
      [renewed, site],
    ]) {
      const opened = await world.open(message(signer, { certificates: bag.map(({ der }) => der) }));
      assert.equal(opened.signer.toString(), site.dn);
    }
    await rejected('signature-invalid', world.open(message(signer, { certificates: [renewed.der] })));
  });

  it('reads RSA signatures, PKCS#1 v1.5 and PSS', async () => {
    const signer = server;
    assert.equal(await bodyOf(message({ signer })), BODY);
    const hash = algorithm(OIDS.sha384, nullValue());
    const pss = sequence(context(0, hash), context(1, algorithm(OIDS.mgf1, hash)), context(2, integer(48)));
    const raw = message({
      signer,
      hash: 'sha384',
      signatureAlgorithm: algorithm(OIDS.pss, pss),
      signWith: (data, key) => sign('sha384', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }),
    });
    assert.equal(await bodyOf(raw), BODY);
  });

  it('decrypts with any of several identities', async () => {
    const renewed = authority.issue('server.example.org', 'rsa2048', 1);
    const identities = [renewed, server].map((issued) => identityOf(issued));
    for (const issued of [renewed, server]) {
      const raw = await world.seal('a', { recipients: [certificateOf(issued)] });
      assert.equal((await world.open(raw, { identities })).encrypted, true);
    }
  });

  it('reads header names and types in any case, and both names of pkcs7-mime', async () => {
    const raw = (await world.sealFor('a')).toString('latin1');
    const forms = [
      raw.replace('application/x-pkcs7-mime', 'Application/PKCS7-mime'),
      raw.replace('Content-Type', 'CONTENT-TYPE').replace('Content-Transfer-Encoding: base64', 'content-transfer-encoding: BASE64'),
      raw.replaceAll('\n', '\r\n'),
    ];
    for (const form of forms) assert.equal(await bodyOf(Buffer.from(form, 'latin1')), 'a');
    const signed = (await world.seal('a'))
      .toString('latin1')
      .replaceAll('x-pkcs7', 'pkcs7')
      .replaceAll('Content-T', 'content-T')
      .replace('content-Type: text', 'Content-Type: text');
    assert.equal(await bodyOf(Buffer.from(signed, 'latin1')), 'a');
  });

  it('refuses what is signed too long ago, when told to', async () => {
    const raw = await world.seal('a\n', { now: new Date(NOW.getTime() - 10_000) });
    assert.equal(textOf(await world.open(raw, { maximumAgeMs: 12_000 })), 'a\n');
    const { step, partial } = await rejected('signing-time-too-old', world.open(raw, { maximumAgeMs: 9_000 }));
    assert.equal(step, 'signature');
    assert.deepEqual([partial.signer?.toString(), Buffer.from(partial.body ?? []).toString()], [site.dn, 'a\n']);
    const ahead = await world.seal('a\n', { now: new Date(NOW.getTime() + 3_600_000) });
    await rejected('signing-time-too-old', world.open(ahead, { maximumAgeMs: 12_000 }));
    const [type, , digest] = usualAttributes(PART);
    const timeless = message({ signer: site, attributes: [type, digest] });
    assert.equal((await world.open(timeless)).signingTime, undefined);
    await rejected('signing-time-too-old', world.open(timeless, { maximumAgeMs: 1e9 }));
  });
});

async function signedOf(raw: Buffer): Promise<string | undefined> {
  return (await rejected('chain-incomplete', world.open(raw))).partial.signed;
}

describe('openMessage refuses', () => {
  const malformedPart = 'Content-Transfer-Encoding: base64\r\n\r\n!\r\n';
  const signer = { signer: site };
  const info = signerInfo(PART, signer);
  const detached = signedData({ signerInfos: [info], certificates: [site.der] });
  for (const [fault, code, step, raw] of [
    ['nothing', 'not-signed', 'parse', Buffer.alloc(0)],
    ['plain text', 'not-signed', 'parse', Buffer.from('Content-Type: text/plain\n\nhello')],
    ['no header', 'message-malformed', 'parse', Buffer.from('hello\n')],
    ['a signature that is no DER', 'der-malformed', 'parse', writeMultipartSigned([PART], Buffer.from('hello'))],
    ['other CMS', 'not-signed', 'parse', pkcs7Mime(contentInfo(OIDS.data, octetString(PART)))],
    ['an encrypted signature part', 'not-signed', 'parse', writeMultipartSigned([PART], contentInfo(OIDS.envelopedData, sequence()))],
    ['a detached signature without what it signs', 'message-malformed', 'parse', pkcs7Mime(detached)],
    ['content in a detached signature', 'message-malformed', 'parse', message(signer, { content: PART })],
    ['no signer', 'signer-count', 'signer', message(signer, { signerInfos: [] })],
    ['two signers', 'signer-count', 'signer', message(signer, { signerInfos: [info, signerInfo(PART, { signer: server })] })],
    ['the same signer twice', 'signer-count', 'signer', message(signer, { signerInfos: [info, info] })],
    ['no signed attributes', 'signed-attributes-missing', 'signer', message({ ...signer, attributes: 'none' })],
    ['no certificates', 'signer-certificate-missing', 'signer', message(signer, { certificates: [] })],
    [
      'only the certificate of somebody else',
      'signer-certificate-missing',
      'signer',
      message(signer, { certificates: [server.der, authority.ca.der] }),
    ],
    ['only a certificate that cannot be read', 'signer-certificate-missing', 'signer', message(signer, { certificates: [sequence()] })],
    ['SHA-1', 'digest-refused', 'signer', message({ ...signer, hash: 'sha1' })],
    ['another type of content', 'content-type-mismatch', 'signature', message(signer, { contentType: OIDS.signedData })],
    ['another body', 'digest-mismatch', 'signature', Buffer.from(message(signer).toString('latin1').replace('hello', 'hellO'), 'latin1')],
    [
      'another header of the signed part',
      'digest-mismatch',
      'signature',
      Buffer.from(message(signer).toString('latin1').replace('text/plain', 'text/Plain'), 'latin1'),
    ],
    [
      'a wrong signature',
      'signature-invalid',
      'signature',
      message({ ...signer, signWith: (data) => sign('sha256', data, server.key.privateKey) }),
    ],
    ['a body that cannot be decoded', 'message-malformed', 'parse', signedPart(malformedPart)],
    [
      'a body of several parts',
      'message-malformed',
      'parse',
      signedPart('Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n--a--\r\n'),
    ],
  ] as const) {
    it(`${fault}: ${code}`, async () => {
      for (const form of [
        raw,
        ...(step === 'parse' && fault !== 'a body that cannot be decoded' && fault !== 'a body of several parts' ? [] : [enveloped(raw)]),
      ]) {
        const error = await rejected(code, world.open(form));
        assert.equal(error.step, step);
        assert.equal(error.partial.body, undefined);
        assert.equal(error.partial.signer?.toString(), fault.startsWith('a body') ? site.dn : undefined);
      }
    });
  }

  it('a certificate of the same key that the signer did not sign for: signature-invalid', async () => {
    const renewed = authority.issue('renewed.example.org');
    const raw = withCertificate(await world.seal('a'), site, renewed);
    const { step, partial, message: text } = await rejected('signature-invalid', world.open(raw));
    assert.deepEqual([step, partial, text], ['signature', {}, 'The signature was made for another certificate']);
    assert.equal((await world.open(withCertificate(raw, renewed, site))).signer.toString(), site.dn);
    // Of old senders nothing that is signed says which.
    assert.equal((await world.open(withCertificate(message({ signer: site }), site, renewed))).signer.toString(), renewed.dn);
  });

  it("a signer's certificate that is there and cannot be read, and says what is wrong with it", async () => {
    const { message: text } = await rejected(
      'signer-certificate-missing',
      world.open(message(signer, { certificates: [authority.ca.der, sequence()] })),
    );
    assert.match(text, /signer's certificate, or it is a certificate that cannot be read: DER: a Certificate expected$/u);
    const { message: other } = await rejected(
      'signer-certificate-missing',
      world.open(message(signer, { certificates: [authority.ca.der] })),
    );
    assert.match(other, /signer's certificate$/u);
  });

  it('what is over a limit', async () => {
    const raw = await world.seal('abc\0');
    await rejected('message-too-large', world.open(raw, { limits: { messageBytes: raw.length - 1 } }));
    assert.equal(textOf(await world.open(raw, { limits: { messageBytes: raw.length, bodyBytes: 4 } })), 'abc\0');
    const { step, partial } = await rejected('message-too-large', world.open(raw, { limits: { bodyBytes: 3 } }));
    assert.deepEqual([step, partial], ['parse', { signer: DistinguishedName.parse(site.dn) }]);
    await rejected('limit-exceeded', world.open(raw, { limits: { derDepth: 3 } }));
    await rejected('limit-exceeded', world.open(raw, { limits: { derValues: 10 } }));
    await rejected('limit-exceeded', world.open(raw, { limits: { headerBytes: 50 } }));
    await rejected('limit-exceeded', world.open(raw, { limits: { headerLineBytes: 50 } }));
    await rejected(
      'limit-exceeded',
      world.open(message(signer, { certificates: [site.der, server.der] }), { limits: { certificates: 1 } }),
    );
  });

  it('3DES, unless it is allowed', async () => {
    const raw = pkcs7Mime(contentInfo(OIDS.envelopedData, sequence(integer(0))));
    await rejected('der-malformed', world.open(raw));
  });

  it('a signer that is not trusted, and says who and what', async () => {
    const stranger = createCertificate({ subject: [['OU', 'a/CN=stranger']] });
    const { partial, step } = await rejected('chain-incomplete', world.open(message({ signer: stranger })));
    // The name itself: what is printed of this one reads as another's.
    assert.deepEqual(partial.signer?.attributes, [{ type: 'OU', value: 'a/CN=stranger' }]);
    assert.deepEqual([Buffer.from(partial.body ?? []).toString(), step], [BODY, 'chain']);
  });

  it('copies of a message, and tells that they are copies', async () => {
    const stranger = createCertificate({ subject: '/CN=stranger' });
    const original = message({ signer: stranger });
    const signed = await signedOf(original);
    assert.match(signed ?? '', /^[0-9a-f]{64}$/);
    assert.equal(await signedOf(Buffer.concat([Buffer.from('X-1: 1\n'), original])), signed);
    assert.equal(await signedOf(enveloped(original)), signed);
    assert.equal(await signedOf(message({ signer: stranger }, { certificates: [site.der, stranger.der] })), signed);
    const [type, , digest] = usualAttributes(PART);
    assert.notEqual(await signedOf(message({ signer: stranger, attributes: [type, digest] })), signed);
    const renewed = createCertificate({ subject: '/CN=stranger', key: stranger.key });
    assert.notEqual(await signedOf(message({ signer: renewed })), signed);
  });
});

/** What everybody sees of an error. */
function faceOf({ code, message: text, step, partial, stack, cause }: EmpaError): unknown[] {
  assert.ok(cause instanceof Error && cause.cause === undefined);
  // Where in the source it came from; what called is the test's affair.
  return [code, text, step, partial, stack?.split('\n').slice(0, 3), cause.message];
}

/** An encrypted message in which one bit so many octets from its end is another. */
function changed(cms: Buffer, fromEnd: number): Buffer {
  const bytes = Buffer.from(cms);
  bytes[bytes.length - fromEnd] = bytes.readUInt8(bytes.length - fromEnd) ^ 0x80;
  return writePkcs7Mime([bytes], 'enveloped-data');
}

describe('decryption', () => {
  it('fails in one way, whatever the reason', async () => {
    const signed = await world.seal('a');
    const good = Buffer.concat(writeEnvelopedData(encryptContent(signed), [certificateOf(server)]));
    const gcm = Buffer.concat(writeEnvelopedData(encryptContent(signed, 'aes128-gcm'), [certificateOf(server)]));
    const wrongKey = { ...identityOf(server), privateKey: cachedKey('rsa2048', 1).privateKey };
    const attempts: [string, Promise<unknown>][] = [
      ['key of somebody else', world.open(await world.sealFor('a'), { identities: [wrongKey] })],
      ['CBC padding', world.open(changed(good, 17))],
      ['CBC first block: no header', world.open(changed(good, signed.length - (signed.length % 16) + 16))],
      ['GCM tag', world.open(changed(gcm, 1))],
      ['GCM content', world.open(changed(gcm, 40))],
      ['encrypted key', world.open(changed(good, good.length - 200))],
      ['plain text in it', world.open(enveloped('Content-Type: text/plain\r\n\r\na'))],
      ['garbage in it', world.open(enveloped('\0\r\n'))],
      ['nothing in it', world.open(enveloped(''))],
      ['half a signed message in it', world.open(enveloped(signed.subarray(0, 500)))],
      ['a long header in it', world.open(enveloped('a'.repeat(100_000)))],
    ];
    const faces = new Set<string>();
    for (const [why, attempt] of attempts) {
      const error = await rejected('decryption-failed', attempt);
      assert.equal(error.step, 'decrypt', why);
      faces.add(JSON.stringify(faceOf(error)));
    }
    assert.equal(faces.size, 1, [...faces].join('\n'));
  });

  it('for somebody else names whom', async () => {
    const other = authority.issue('other', 'rsa2048', 1);
    const error = await rejected('no-matching-recipient', world.open(await world.seal('a', { recipients: [certificateOf(other)] })));
    assert.equal(error.step, 'decrypt');
    assert.match(error.message, new RegExp(`issuer ${authority.ca.dn} serial ${certificateOf(other).serialNumber}`, 'u'));
  });

  it('of what is signed wrongly says so: it was found', async () => {
    const raw = Buffer.from(message({ signer: site }).toString('latin1').replace('hello', 'hellO'), 'latin1');
    await rejected('digest-mismatch', world.open(enveloped(raw)));
  });

  it('does not go on with what is encrypted again', async () => {
    await rejected('not-signed', world.open(enveloped(await world.sealFor('a'))));
  });
});

const stepsOf = async (raw: Uint8Array, options: Parameters<World['open']>[1] = {}): Promise<string[]> => {
  const steps: string[] = [];
  await world.open(raw, { ...options, onStep: ({ step }) => steps.push(step) }).catch(() => undefined);
  return steps;
};

describe('the steps that a message passes', () => {
  it('are told in order, with what is known', async () => {
    const facts: unknown[] = [];
    await world.open(await world.sealFor('a'), { onStep: (passed) => facts.push(passed) });
    const [parse, decrypt, , signature, contents] = facts;
    assert.deepEqual(
      facts.map((passed) => (passed as { step: string }).step),
      ['parse', 'decrypt', 'signer', 'signature', 'contents', 'chain', 'revocation', 'signing-policy'],
    );
    assert.equal((parse as { facts: { encrypted: boolean } }).facts.encrypted, true);
    assert.deepEqual(decrypt, { step: 'decrypt', facts: { encrypted: true } });
    assert.equal((signature as { facts: { signer: string } }).facts.signer, site.dn);
    assert.deepEqual((contents as { facts: { bytes: number } }).facts.bytes, 1);
  });

  it('end before the one that it fails', async () => {
    assert.deepEqual(await stepsOf(Buffer.from('x')), []);
    assert.deepEqual(await stepsOf(await world.sealFor('a'), { identities: [] }), ['parse']);
    const sealed = await world.seal('a');
    assert.deepEqual(await stepsOf(Buffer.from(Buffer.from(sealed).toString('latin1').replace('\n\na\n', '\n\nb\n'), 'latin1')), [
      'parse',
      'decrypt',
      'signer',
    ]);
    assert.deepEqual((await stepsOf(sealed, { now: new Date(0) })).at(-1), 'contents');
  });
});
