import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CrlOptions, createCrl } from '@ssm/test-support';
import { bitString, context, integer, nullValue, oid, parseDer, sequence, utf8String } from '../../src/der.js';
import { type Crl, parseCrls } from '../../src/x509/crl.js';
import { readTlv } from '../../src/x509/tlv.js';
import { day, leafOf, parsed, rootOf } from './chains.js';

const root = rootOf();
const dates = { thisUpdate: day(-1), nextUpdate: day(6) };
const crlOf = (options: Partial<CrlOptions> = {}): Buffer => createCrl({ issuer: root, ...dates, ...options }).der;

function one(bytes: Uint8Array): Crl {
  const [crl, ...rest] = parseCrls(bytes);
  assert.ok(crl !== undefined && rest.length === 0);
  return crl;
}

/** The CRL with other fields in its signed part. */
function withFields(change: (fields: Buffer[]) => Buffer[], options: Partial<CrlOptions> = { revoked: [5] }): Buffer {
  const [tbs, ...rest] = parseDer(crlOf(options)).children;
  return sequence(sequence(...change((tbs?.children ?? []).map((field) => field.raw))), ...rest.map((node) => node.raw));
}

function malformed(bytes: Uint8Array, what: string): void {
  assert.throws(() => parseCrls(bytes), { name: 'EmpaError', code: 'crl-invalid' }, what);
}

/** IssuingDistributionPoint with those fields. */
const scoped = (...fields: Buffer[]): Crl => one(crlOf({ extensions: [{ oid: '2.5.29.28', critical: true, der: sequence(...fields) }] }));
const flag = (n: number): Buffer => context(n, Uint8Array.of(0xff), false);
const point = (...urls: string[]): Buffer =>
  context(0, [
    context(
      0,
      urls.map((url) => context(6, Buffer.from(url), false)),
    ),
  ]);

describe('parseCrls', () => {
  it('reads the fields of a CRL', () => {
    const crl = one(crlOf({ revoked: [1, 0x8f01n, 2n ** 150n] }));
    assert.equal(crl.issuer.toString(), '/C=UK/O=eScience/CN=Root');
    assert.deepEqual(crl.thisUpdate, day(-1));
    assert.deepEqual(crl.nextUpdate, day(6));
    assert.deepEqual([...crl.revoked], ['01', '008f01', `40${'00'.repeat(18)}`]);
    assert.equal(crl.refusal, undefined);
    assert.equal(one(crlOf()).revoked.size, 0);
  });

  it('reads PEM, with several in one text or none', () => {
    const text = `x\n${createCrl({ issuer: root }).pem}${root.certificatePem}${createCrl({ issuer: root }).pem}`;
    assert.equal(parseCrls(Buffer.from(text)).length, 2);
    assert.equal(parseCrls(Buffer.from(root.certificatePem)).length, 0);
  });

  it('reads a CRL of version 1', () => {
    assert.equal(one(withFields((fields) => fields.slice(1, -1))).refusal, undefined);
  });

  it('reads fifty thousand entries with their reasons', () => {
    const reason = { oid: '2.5.29.21', critical: false, der: Buffer.from([0x0a, 1, 1]) };
    const revoked = Array.from({ length: 50_000 }, (_, index) => 2n ** 64n + BigInt(index));
    const crl = one(crlOf({ revoked, entryExtensions: [reason] }));
    assert.equal(crl.revoked.size, 50_000);
    assert.equal(crl.refusal, undefined);
    assert.ok(crl.revoked.has('01000000000000c34f'));
    assert.ok(!crl.revoked.has('01000000000000c350'));
  });

  it('notes which CRLs must not be used', () => {
    const unknown = [{ oid: '1.2.3.4', critical: true, der: nullValue() }];
    const refusals = {
      delta: one(crlOf({ delta: true })),
      indirect: one(crlOf({ indirect: true })),
      extension: one(crlOf({ extensions: unknown })),
      entry: one(crlOf({ revoked: [1], entryExtensions: unknown })),
      sha1: one(crlOf({ signature: 'sha1' })),
      'no end': one(crlOf({ nextUpdate: null })),
      reasons: scoped(context(3, Uint8Array.of(0, 0x40), false)),
      'attribute certificates': scoped(flag(5)),
      relative: scoped(context(0, [context(1, [sequence(oid('2.5.4.3'), utf8String('x'))])])),
      algorithms: one(withFields((fields) => fields.with(1, sequence(oid('1.2.840.10045.4.3.3'))))),
    };
    for (const [what, crl] of Object.entries(refusals)) assert.notEqual(crl.refusal, undefined, what);
    assert.equal(one(crlOf({ extensions: unknown.map((extension) => ({ ...extension, critical: false })) })).refusal, undefined);
  });

  it('knows which certificates it speaks of', () => {
    const leaf = parsed(leafOf(root, { crlDistribution: 'http://ca.example.org/1' }));
    const ca = parsed(root);
    const verdict = (crl: Crl): [boolean, boolean] => [crl.covers(leaf), crl.covers(ca)];
    assert.deepEqual(verdict(one(crlOf())), [true, true]);
    assert.deepEqual(verdict(scoped(flag(1))), [true, false]);
    assert.deepEqual(verdict(scoped(flag(2))), [false, true]);
    assert.deepEqual(verdict(scoped(point('http://ca.example.org/1'))), [true, false]);
    assert.deepEqual(verdict(scoped(point('http://ca.example.org/0', 'http://ca.example.org/1'))), [true, false]);
    assert.deepEqual(verdict(scoped(point('http://ca.example.org/2'))), [false, false]);
  });

  it('refuses what is no CRL', () => {
    const whole = crlOf({ revoked: [1, 2], entryExtensions: [{ oid: '2.5.29.21', critical: false, der: Buffer.from([0x0a, 1, 1]) }] });
    for (let length = 0; length < whole.length; length += 1) malformed(whole.subarray(0, length), `${length} octets`);
    malformed(Buffer.concat([whole, nullValue()]), 'octets behind it');
    malformed(root.der, 'a certificate');
    malformed(Buffer.from('-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----'), 'PEM of something else');
    malformed(
      withFields((fields) => fields.with(0, integer(2))),
      'version 3',
    );
    malformed(
      withFields((fields) => fields.slice(1)),
      'extensions in version 1',
    );
    malformed(
      withFields((fields) => fields.slice(0, 3)),
      'no date',
    );
    malformed(
      withFields((fields) => fields.with(5, sequence(sequence(integer(1))))),
      'an entry without a date',
    );
    malformed(
      withFields((fields) => fields.with(5, sequence(sequence(bitString(Buffer.from([1])), fields[3] ?? nullValue())))),
      'no serial',
    );
    malformed(
      withFields((fields) => fields.with(5, sequence(sequence(integer(1), fields[3] ?? nullValue(), nullValue())))),
      'no extensions',
    );
    const listing = (serial: string): Buffer =>
      withFields((fields) => fields.with(5, sequence(sequence(integer(serial), fields[3] ?? nullValue()))));
    for (const serial of ['', '007f', '0000', 'ff80', 'ffff']) malformed(listing(serial), `serial number ${serial}`);
    for (const serial of ['00', '7f', '80', '0080', 'ff7f']) assert.deepEqual([...one(listing(serial)).revoked], [serial]);
    malformed(
      withFields((fields) => [...fields, nullValue()]),
      'a field too much',
    );
  });
});

describe('readTlv', () => {
  it('refuses lengths that are indefinite, not minimal, too long, or beyond the end', () => {
    for (const hex of [
      '',
      '30',
      '3080',
      '308101',
      '30817f',
      '30820080',
      '3085ffffffffff',
      '3084ffffffff',
      '3002ff',
      '1f8101',
      '04810100',
      '0482000100',
    ]) {
      const bytes = Buffer.from(hex, 'hex');
      assert.throws(() => readTlv(bytes, 0, bytes.length), { code: 'der-malformed' }, hex);
    }
    const bytes = Buffer.concat([Buffer.from([0x04, 0x81, 0x80]), Buffer.alloc(0x80)]);
    assert.deepEqual(readTlv(bytes, 0, bytes.length), { identifier: 4, start: 0, contentStart: 3, end: 131 });
  });
});
