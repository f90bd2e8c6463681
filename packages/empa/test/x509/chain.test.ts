import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { type CertificateOptions, cachedKey, createCrl, type IssuedCertificate } from '@ssm/test-support';
import { bitString, integer, oid, parseDer, sequence } from '../../src/der.js';
import type { Certificate } from '../../src/x509/certificate.js';
import { type Chain, findChains } from '../../src/x509/chain.js';
import { accepted, day, leafOf, make, parsed, refused, rootOf, subOf, trustOf } from './chains.js';

const root = rootOf();
const sub = subOf(root);
const trust = trustOf({ cas: [root] });
const lengths = (leaf: IssuedCertificate, intermediates: readonly IssuedCertificate[], cas: readonly IssuedCertificate[]): number[] =>
  Array.from(
    findChains(parsed(leaf), { intermediates: intermediates.map(parsed), trust: trustOf({ cas }), maximumLength: 10 }),
    (chain) => chain.length,
  );

/** The certificate with one field of its signed part replaced, signed by the root with that hash. */
function reissued(issued: IssuedCertificate, change: { field: number; der: Buffer }, hash = 'sha256'): IssuedCertificate {
  const fields = parseDer(issued.der).children[0]?.children.map((field) => field.raw) ?? [];
  const signed = sequence(...fields.with(change.field, change.der));
  const algorithm = parseDer(signed).children[2]?.raw ?? signed;
  return { ...issued, der: sequence(signed, algorithm, bitString(sign(hash, signed, root.key.privateKey))) };
}

/** On a key of no known kind. */
const withUnknownKey = (issued: IssuedCertificate): IssuedCertificate =>
  reissued(issued, { field: 6, der: sequence(sequence(oid('1.2.3.4')), bitString(Buffer.from([1]))) });

/** When the certificate of that index ends, of all that a CA has had: the last one is in use. */
const ends = (count: number, index: number): Partial<CertificateOptions> => ({
  notBefore: day(-1000),
  notAfter: day(index === count - 1 ? 100 : index - count),
});

describe('finding chains', () => {
  it('goes to an anchor directly, through the message, and through the directory', () => {
    accepted(leafOf(root), trust);
    accepted(leafOf(sub), trust, { intermediates: [sub] });
    accepted(leafOf(sub), trustOf({ cas: [root, sub] }));
    accepted(leafOf(sub), trust, { intermediates: [root, leafOf(root), sub, sub] });
  });

  it('needs a self-signed certificate of the directory at the end', () => {
    refused('chain-incomplete', leafOf(sub), trust);
    refused('chain-incomplete', leafOf(sub), trustOf({ cas: [sub] }));
    refused('chain-incomplete', leafOf(root), trustOf({ cas: [rootOf({ subject: '/CN=Another' })] }), { intermediates: [root] });
    refused('chain-incomplete', make('leaf', { subject: '/CN=self-signed' }), trust);
  });

  it('does not take an end entity in the directory for an anchor', () => {
    const own = make('leaf', { subject: '/CN=self-signed' });
    const directory = trustOf({ cas: [root, own] });
    refused('chain-incomplete', own, directory);
    assert.equal(directory.anchors.length, 1);
    assert.equal(directory.problems.length, 1);
  });

  it('matches names as RFC 5280 does, not by their octets', () => {
    const spelled = make('sub', {
      subject: [
        ['C', 'UK'],
        ['O', ' ESCIENCE ', 'printable'],
        ['CN', 'sub', 'bmp'],
      ],
      ca: true,
      issuer: root,
    });
    accepted(leafOf(sub), trustOf({ cas: [root, spelled] }));
  });

  it('tells a forged signature from a missing CA', () => {
    const other = cachedKey('p256', 4);
    refused('chain-signature-invalid', leafOf(root, { issuerKey: other }), trust);
    refused('chain-signature-invalid', leafOf(rootOf({ key: other })), trust, { intermediates: [rootOf({ key: other })] });
    refused('chain-signature-invalid', leafOf(sub), trust, { intermediates: [subOf(root, { issuerKey: other })] });
    refused('chain-signature-invalid', leafOf(sub, { issuerKey: other }), trust, { intermediates: [sub] });
  });

  it('tries every CA with the right name: an old and a new key', () => {
    const renewed = rootOf({ key: cachedKey('p256', 4) });
    const both = trustOf({ cas: [renewed, root] });
    for (const withoutAki of [false, true]) {
      accepted(leafOf(root, { withoutAki }), both);
      accepted(leafOf(renewed, { withoutAki }), both);
    }
    const wrongHint = leafOf(root, {
      withoutAki: true,
      extensions: [
        { oid: '2.5.29.35', critical: false, der: Buffer.concat([Buffer.from([0x30, 0x16, 0x80, 0x14]), cachedKey('p256', 4).id]) },
      ],
    });
    accepted(wrongHint, both);
  });

  it('uses another chain when one is bad', () => {
    const otherRoot = rootOf({ subject: '/CN=Other root', key: cachedKey('p256', 4) });
    const expired = subOf(root, { notAfter: new Date('2030-05-01T00:00:00Z') });
    const cross = subOf(otherRoot);
    for (const intermediates of [
      [expired, cross],
      [cross, expired],
    ])
      accepted(leafOf(sub), trustOf({ cas: [root, otherRoot] }), { intermediates });
    refused('certificate-expired', leafOf(sub), trust, { intermediates: [cross, expired] });
  });

  it('tells of several bad chains the fault of the one that came farthest', () => {
    const expired = subOf(root, { notAfter: new Date('2030-05-01T00:00:00Z') });
    const revoked = subOf(root, { serial: 77 });
    const crl = createCrl({ issuer: root, revoked: [77], thisUpdate: day(-1), nextUpdate: day(6) });
    for (const intermediates of [
      [expired, revoked],
      [revoked, expired],
    ]) {
      refused('certificate-revoked', leafOf(sub), trustOf({ cas: [root], crls: [crl] }), { intermediates });
    }
  });

  it('ends on loops of cross-certificates', () => {
    const a = make('root', { subject: '/CN=A', ca: true, issuer: '/CN=B', issuerKey: cachedKey('p256', 2) });
    const b = make('sub', { subject: '/CN=B', ca: true, issuer: '/CN=A', issuerKey: cachedKey('p256', 1) });
    refused('chain-incomplete', leafOf(a), trust, { intermediates: [a, b] });
    const rootA = rootOf({ subject: '/CN=A' });
    assert.deepEqual(lengths(leafOf(a), [a, b], [rootA]), [2]);
    assert.deepEqual(lengths(leafOf(b), [a, b], [rootA]), [3]);
  });

  it('gives up on a mesh of CAs that all issue one another', () => {
    const names = Array.from({ length: 6 }, (_, index) => `/CN=M${index}`);
    const member = (index: number, issuer: Partial<CertificateOptions>): IssuedCertificate =>
      make('other', { subject: names[index] ?? '', key: cachedKey('p256', 10 + index), ca: true, ...issuer });
    const mesh = names.flatMap((_, index) =>
      names.flatMap((issuer, other) => (other === index ? [] : [member(index, { issuer, issuerKey: cachedKey('p256', 10 + other) })])),
    );
    const leaf = leafOf(mesh[0] ?? root, { notAfter: day(-1) });
    refused('chain-incomplete', leaf, trust, { intermediates: mesh });
    const intermediates = [...mesh, member(5, { issuer: root })];
    refused('certificate-expired', leaf, trust, { intermediates });
    assert.ok(lengths(leaf, intermediates, [root]).length < 256);
    const unknown = reissued(leaf, { field: 2, der: sequence(oid('1.2.840.10045.4.3.1')) }, 'sha224');
    refused('signature-algorithm-refused', unknown, trust, { intermediates });
  });

  it('uses no key that no anchor vouches for, whatever names lead to it', () => {
    const forger = cachedKey('p256', 4);
    const asked: string[] = [];
    const watched = (issued: IssuedCertificate): Certificate => {
      const certificate = parsed(issued);
      const get = (): KeyObject => {
        asked.push(issued.dn);
        return createPublicKey(forger.pem);
      };
      return Object.defineProperty(certificate, 'publicKey', { get });
    };
    const signer = leafOf(sub, { issuerKey: forger });
    const ofAnchor = Array.from({ length: 20 }, () => subOf(root, { issuerKey: forger, key: forger }));
    const ofOneAnother = [subOf(sub, { issuerKey: forger }), subOf(root, { issuer: '/CN=Nobody', issuerKey: forger, key: forger })];
    const cases = [
      { fakes: ofAnchor, code: 'chain-signature-invalid' },
      { fakes: ofOneAnother, code: 'chain-incomplete' },
      { fakes: [...ofAnchor, ...ofOneAnother], code: 'chain-signature-invalid' },
    ] as const;
    for (const { fakes, code } of cases) {
      const search = (): Chain[] => [...findChains(watched(signer), { intermediates: fakes.map(watched), trust, maximumLength: 10 })];
      assert.throws(search, { name: 'EmpaError', code });
    }
    assert.deepEqual(asked, []);
    // The real one is found among them, and the signer's signature is checked with its key alone.
    const real = leafOf(sub);
    const among = [...ofAnchor.map(watched), parsed(sub)];
    assert.equal([...findChains(watched(real), { intermediates: among, trust, maximumLength: 10 })].length, 1);
    assert.deepEqual(asked, []);
  });

  it('keeps to the greatest length', () => {
    const chain = [root];
    for (let index = 0; index < 3; index += 1) {
      const issuer = chain.at(-1) ?? root;
      chain.push(subOf(issuer, { subject: `/CN=Sub ${index}`, key: cachedKey('p256', 10 + index) }));
    }
    const leaf = leafOf(chain.at(-1) ?? root);
    accepted(leaf, trust, { intermediates: chain, limits: { chainLength: 5 } });
    refused('chain-incomplete', leaf, trust, { intermediates: chain, limits: { chainLength: 4 } });
  });

  it('names an algorithm that is unknown', () => {
    const ecdsaWithSha224 = sequence(oid('1.2.840.10045.4.3.1'));
    refused('signature-algorithm-refused', reissued(leafOf(root), { field: 2, der: ecdsaWithSha224 }, 'sha224'), trust);
    accepted(reissued(leafOf(root), { field: 2, der: sequence(oid('1.2.840.10045.4.3.3')) }, 'sha384'), trust);
  });

  it('does not follow a CA, nor take a signer, whose key is of an unknown kind', () => {
    const unknownSub = withUnknownKey(sub);
    refused('key-unsupported', leafOf(sub), trust, { intermediates: [unknownSub] });
    refused('key-unsupported', withUnknownKey(leafOf(root)), trust);
    const numbers = sequence(integer(`00${'ff'.repeat(256)}`), integer('7f'.repeat(10)));
    const spki = sequence(sequence(oid('1.2.840.113549.1.1.1')), bitString(numbers));
    const slowSub = subOf(root, { key: { ...cachedKey('p256', 2), spki } });
    assert.throws(() => parsed(slowSub).publicKey, { code: 'key-unsupported' });
    refused('key-unsupported', leafOf(sub), trust, { intermediates: [slowSub] });
  });

  it('does not follow a CA whose key is too weak', () => {
    const weak = rootOf({ key: cachedKey('rsa1024') });
    refused('key-too-weak', leafOf(weak), trustOf({ cas: [weak] }));
    const weakSub = subOf(root, { key: cachedKey('rsa1024') });
    refused('key-too-weak', leafOf(weakSub), trust, { intermediates: [weakSub] });
  });

  it('finds the chain of today among all that a CA has had, renewed with their keys', () => {
    for (const [roots, subs] of [
      [4, 4],
      [5, 4],
      [6, 6],
    ] as const) {
      const [first, ...others] = Array.from({ length: roots }, (_, index) => rootOf(ends(roots, index)));
      const below = Array.from({ length: subs }, (_, index) => subOf(first!, ends(subs, index)));
      const all = trustOf({ cas: [first!, ...others, ...below] });
      const leaf = leafOf(below[0]!);
      for (const intermediates of [[], [below.at(-1)!], [below.at(-1)!, others.at(-1)!]]) accepted(leaf, all, { intermediates });
    }
  });
});
