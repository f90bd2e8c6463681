import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { cachedKey, createCertificate } from '@ssm/test-support';
import { boolean, context, integer, nullValue, octetString, oid, parseDer, sequence, utf8String } from '../../src/der.js';
import { type Certificate, parseCertificates } from '../../src/x509/certificate.js';

const key = cachedKey('p256');
const KEY_USAGE = '2.5.29.15';
const issued = createCertificate({
  subject: '/C=UK/O=eScience/CN=host.example.org',
  issuer: createCertificate({ subject: '/C=UK/O=eScience/CN=CA', key, ca: true }),
  key: cachedKey('rsa2048'),
  serial: 0x8f01n,
  notBefore: new Date('2024-02-29T12:00:00Z'),
  notAfter: new Date('2051-01-01T00:00:00Z'),
  eku: ['serverAuth', 'emailProtection'],
  san: ['DNS:host.example.org', 'IP:127.0.0.1', 'email:a@example.org', 'URI:http://example.org/', 'dirName:/C=UK'],
  crlDistribution: 'http://ca.example.org/crl',
});

function one(bytes: Uint8Array): Certificate {
  const [certificate, ...rest] = parseCertificates(bytes);
  assert.ok(certificate !== undefined && rest.length === 0);
  return certificate;
}

/** The certificate with other fields in its signed part; its signature is then wrong, which parsing does not see. */
function withFields(change: (fields: Buffer[]) => Buffer[]): Buffer {
  const [tbs, ...rest] = parseDer(issued.der).children;
  const fields = (tbs?.children ?? []).map((field) => field.raw);
  return sequence(sequence(...change(fields)), ...rest.map((node) => node.raw));
}

const withExtensions = (...list: Buffer[]): Buffer => withFields((fields) => [...fields.slice(0, 7), context(3, [sequence(...list)])]);
const extension = (id: string, der: Uint8Array, critical?: boolean): Buffer =>
  sequence(oid(id), ...(critical === undefined ? [] : [boolean(critical)]), octetString(der));

const unknownCritical = (...entries: Buffer[]): readonly string[] => one(withExtensions(...entries)).extensions.unknownCritical;
const version = (n: number): Buffer => context(0, [integer(n)]);

function refused(bytes: Uint8Array, what?: string): void {
  assert.throws(() => parseCertificates(bytes), { name: 'EmpaError', code: 'certificate-malformed' }, what);
}

const usageOf = (hex: string): string[] => [
  ...(one(withExtensions(extension(KEY_USAGE, Buffer.from(hex, 'hex')))).extensions.keyUsage ?? []),
];

describe('parseCertificates', () => {
  it('reads the fields of a certificate', () => {
    const certificate = one(issued.der);
    const reference = new X509Certificate(issued.der);
    assert.equal(certificate.subject.toString(), '/C=UK/O=eScience/CN=host.example.org');
    assert.equal(certificate.issuer.toString(), '/C=UK/O=eScience/CN=CA');
    assert.equal(certificate.serialNumber, '008f01');
    assert.equal(certificate.notBefore.toISOString(), '2024-02-29T12:00:00.000Z');
    assert.equal(certificate.notAfter.toISOString(), '2051-01-01T00:00:00.000Z');
    assert.equal(certificate.version, 3);
    assert.equal(certificate.isCa, false);
    assert.equal(certificate.algorithmsAgree, true);
    assert.deepEqual(certificate.raw, issued.der);
    assert.deepEqual(certificate.subjectDer, issued.subject);
    assert.ok(certificate.publicKey.equals(reference.publicKey));
    assert.equal(certificate.publicKey, certificate.publicKey);
  });

  it('reads the extensions', () => {
    const { extensions } = one(issued.der);
    assert.deepEqual([...(extensions.keyUsage ?? [])], ['digitalSignature', 'keyEncipherment']);
    assert.deepEqual(extensions.extendedKeyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.4']);
    assert.deepEqual(extensions.subjectKeyId, cachedKey('rsa2048').id);
    assert.deepEqual(extensions.authorityKeyId, key.id);
    const names = extensions.subjectAltNames.map((entry) => ('text' in entry ? `${entry.kind} ${entry.text}` : entry.kind));
    assert.deepEqual(names, ['dns host.example.org', 'ip', 'email a@example.org', 'uri http://example.org/', 'directory']);
    assert.equal(extensions.crlDistributionPoints.length, 1);
    assert.deepEqual(extensions.unknownCritical, []);
  });

  it('reads the constraints of a CA', () => {
    const nameConstraints = { permitted: ['dirName:/C=UK', 'DNS:example.org'], excluded: ['IP:10.0.0.0/255.0.0.0'] };
    const ca = one(createCertificate({ subject: '/CN=CA', key, ca: true, pathLen: 0, nameConstraints }).der);
    assert.equal(ca.isCa, true);
    assert.deepEqual(ca.extensions.basicConstraints, { ca: true, pathLength: 0 });
    assert.deepEqual(
      ca.extensions.nameConstraints?.permitted.map(({ kind }) => kind),
      ['directory', 'dns'],
    );
    assert.deepEqual(
      ca.extensions.nameConstraints?.excluded.map(({ kind }) => kind),
      ['ip'],
    );
  });

  it('knows old and odd CAs', () => {
    const isCa = (options: object): boolean => one(createCertificate({ subject: '/CN=x', key, ...options }).der).isCa;
    assert.equal(isCa({ version: 1 }), true);
    assert.equal(isCa({ version: 1, issuer: '/CN=y', issuerKey: key }), false);
    assert.equal(isCa({ withoutBasicConstraints: true, keyUsage: ['keyCertSign'] }), true);
    assert.equal(isCa({ withoutBasicConstraints: true, keyUsage: ['digitalSignature'] }), false);
    assert.equal(isCa({ withoutBasicConstraints: true, keyUsage: [] }), false);
    assert.equal(isCa({ ca: false, keyUsage: ['keyCertSign'] }), false);
  });

  it('reads every certificate of a PEM text, and nothing else of it', () => {
    const other = createCertificate({ subject: '/CN=other', key });
    const text = `subject=/CN=x\n${issued.certificatePem}${issued.keyPem}\nmore\r\n${other.certificatePem.replaceAll('\n', ' \r\n')}`;
    assert.deepEqual(
      parseCertificates(Buffer.from(text)).map((certificate) => certificate.subject.toString()),
      ['/C=UK/O=eScience/CN=host.example.org', '/CN=other'],
    );
  });

  it('does not change when its source does', () => {
    const bytes = Buffer.from(issued.der);
    const certificate = one(bytes);
    bytes.fill(0);
    assert.deepEqual(certificate.raw, issued.der);
  });

  it('sees that inner and outer algorithm differ', () => {
    assert.equal(one(createCertificate({ subject: '/CN=x', key, innerAlgorithm: 'sha384' }).der).algorithmsAgree, false);
  });

  it('records critical extensions that it does not understand, and only those', () => {
    const unknown = '1.2.3.4';
    const policies = sequence(sequence(oid('2.5.29.32.0')));
    assert.deepEqual(unknownCritical(extension(unknown, nullValue(), true)), [unknown]);
    assert.deepEqual(unknownCritical(extension(unknown, nullValue()), extension('1.2.3.5', Buffer.from('no DER'))), []);
    assert.deepEqual(unknownCritical(extension(unknown, nullValue(), false)), []);
    assert.deepEqual(unknownCritical(extension('2.5.29.32', policies, true), extension('2.5.29.54', integer(0), true)), []);
    assert.deepEqual(unknownCritical(extension('2.5.29.36', sequence(context(1, Uint8Array.of(0), false)), true)), []);
    assert.deepEqual(unknownCritical(extension('2.5.29.36', sequence(context(0, Uint8Array.of(0), false)), true)), ['2.5.29.36']);
  });

  it('recognises proxies of every generation', () => {
    const isProxy = (...entries: Buffer[]): boolean => one(withExtensions(...entries)).extensions.isProxy;
    assert.ok(one(createCertificate({ subject: '/CN=x', key, proxyCertInfo: {} }).der).extensions.isProxy);
    assert.ok(isProxy(extension('1.3.6.1.4.1.3536.1.222', sequence(), true)));
    assert.ok(!isProxy(extension('1.2.3', sequence())));
  });

  it('throws at the first use of a key that it cannot read', () => {
    const curve = createCertificate({ subject: '/CN=x', key: cachedKey('p521') });
    assert.equal(one(curve.der).publicKey.asymmetricKeyDetails?.namedCurve, 'secp521r1');
    const unknown = withFields((fields) =>
      fields.with(6, sequence(sequence(oid('1.2.3')), parseDer(issued.der).children[2]?.raw ?? nullValue())),
    );
    const explicit = withFields((fields) =>
      fields.with(6, sequence(sequence(oid('1.2.840.10045.2.1'), sequence(integer(1))), nullValue())),
    );
    for (const bytes of [unknown, explicit]) assert.throws(() => one(bytes).publicKey, { code: 'key-unsupported' });
  });

  it('refuses what is no certificate', () => {
    refused(Buffer.alloc(0), 'nothing');
    refused(Buffer.from('hello'), 'text');
    refused(sequence(), 'an empty sequence');
    refused(Buffer.concat([issued.der, nullValue()]), 'octets behind it');
    refused(Buffer.from(issued.keyPem), 'a key');
    refused(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA'), 'no END');
    refused(Buffer.from('-----BEGIN CERTIFICATE-----\nA*AA\n-----END CERTIFICATE-----\n'), 'no base64');
    refused(Buffer.from('-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n'), 'cut-off base64');
    for (let length = 1; length < issued.der.length; length += 1) refused(issued.der.subarray(0, length), `${length} octets`);
  });

  it('refuses fields that break the rules of their version', () => {
    refused(
      withFields((fields) => fields.with(0, version(0))),
      'extensions in version 1',
    );
    refused(
      withFields((fields) => fields.with(0, version(1))),
      'extensions in version 2',
    );
    refused(
      withFields((fields) => fields.with(0, version(3))),
      'version 4',
    );
    refused(
      withFields((fields) => fields.with(0, version(-1))),
      'version 0',
    );
    refused(
      withFields((fields) => fields.slice(1)),
      'extensions without a version',
    );
    refused(
      withFields((fields) => fields.toSpliced(7, 0, context(2, Uint8Array.of(0, 1), false), context(1, Uint8Array.of(0, 1), false))),
      'order',
    );
    refused(
      withFields((fields) => [...fields, context(3, [sequence()])]),
      'a second list of extensions',
    );
    refused(
      withFields((fields) => fields.slice(0, 6)),
      'no key',
    );
    refused(
      withFields((fields) => fields.with(4, sequence(utf8String('240101000000Z')))),
      'half a validity',
    );
    assert.equal(one(withFields((fields) => fields.toSpliced(7, 0, context(1, Uint8Array.of(0, 1), false)))).version, 3);
  });

  it('counts no key usage in bits that the BIT STRING declares unused', () => {
    assert.deepEqual(usageOf('03020706'), []);
    assert.deepEqual(usageOf('03020107'), ['keyCertSign', 'cRLSign']);
    assert.deepEqual(usageOf('03020780'), ['digitalSignature']);
  });

  it('refuses extensions that are malformed or there twice', () => {
    const usage = extension(KEY_USAGE, Buffer.from([3, 2, 0, 0x80]));
    refused(withExtensions(), 'an empty list');
    refused(withExtensions(usage, usage), 'twice');
    refused(withExtensions(extension('1.2.3', nullValue()), extension('1.2.3', nullValue(), true)), 'an unknown one twice');
    refused(withExtensions(extension(KEY_USAGE, nullValue())), 'keyUsage');
    refused(withExtensions(extension(KEY_USAGE, Buffer.alloc(0))), 'an empty value');
    refused(withExtensions(extension('2.5.29.19', sequence(boolean(true), integer(-1)))), 'a negative length');
    refused(withExtensions(extension('2.5.29.19', sequence(integer(1), boolean(true)))), 'basicConstraints');
    refused(withExtensions(extension('2.5.29.17', sequence(utf8String('x')))), 'a subject alternative name');
    refused(withExtensions(extension('2.5.29.30', sequence(context(2, [])))), 'name constraints');
    refused(
      withExtensions(
        extension('2.5.29.30', sequence(context(0, [sequence(context(2, Buffer.from('x'), false), context(0, Uint8Array.of(1), false))]))),
      ),
      'bounds',
    );
    refused(withExtensions(extension('2.5.29.30', sequence(context(0, [sequence(context(7, Buffer.alloc(4), false))])))), 'a mask');
    refused(withExtensions(sequence(oid('1.2.3'))), 'no value');
    refused(withExtensions(sequence(oid('1.2.3'), boolean(true), boolean(true), octetString(nullValue()))), 'too much');
  });
});
