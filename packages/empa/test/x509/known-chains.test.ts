import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCrl, type IssuedCertificate } from '@ssm/test-support';
import type { EmpaErrorCode } from '../../src/errors.js';
import type { Certificate } from '../../src/x509/certificate.js';
import { KnownChains } from '../../src/x509/known-chains.js';
import type { TrustMaterial } from '../../src/x509/trust.js';
import { type VerifyOptions, verifyWith } from '../../src/x509/verify.js';
import { day, leafOf, NOW, parsed, rootOf, subOf, trustOf } from './chains.js';

const root = rootOf();
const sub = subOf(root);
const leaf = leafOf(root);
const below = leafOf(sub);

/** As a message has it read: what is known is not read again. */
const read = (trust: TrustMaterial, { der }: IssuedCertificate): Certificate => trust.known.certificates.read(der);

interface Message {
  readonly signer?: IssuedCertificate;
  readonly intermediates?: readonly IssuedCertificate[];
  readonly options?: Partial<VerifyOptions>;
}

function verify(trust: TrustMaterial, { signer = leaf, intermediates = [], options = {} }: Message = {}): void {
  const bag = intermediates.map((one) => read(trust, one));
  verifyWith(read(trust, signer), bag, trust, { now: NOW, ...options });
}

function refused(code: EmpaErrorCode, trust: TrustMaterial, message: Message): void {
  assert.throws(() => verify(trust, message), { name: 'EmpaError', code });
}

describe('KnownChains', () => {
  it('knows the certificates of a chain that was good, by their octets', () => {
    const trust = trustOf({ cas: [root] });
    assert.equal(trust.known.certificates.find(leaf.der), undefined);
    verify(trust);
    const known = trust.known.certificates.find(leaf.der);
    assert.equal(known?.toString(), parsed(leaf).toString());
    assert.equal(trust.known.certificates.find(Buffer.from(leaf.der)), known);
    const other = Buffer.from(leaf.der);
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
    assert.equal(trust.known.certificates.find(other), undefined);
    verify(trust);
    assert.equal(trust.known.certificates.find(leaf.der), known);
  });

  it('takes no certificate for another one that ends like it', () => {
    const trust = trustOf({ cas: [root] });
    verify(trust);
    const { certificates } = trust.known;
    const known = certificates.find(leaf.der);
    for (const at of [20, leaf.der.length - 40]) {
      const other = Buffer.from(leaf.der);
      other.writeUInt8(other.readUInt8(at) ^ 1, at);
      assert.equal(certificates.find(other), undefined);
      assert.equal(certificates.has(other), false);
    }
    const shorter = leaf.der.subarray(-20);
    assert.equal(certificates.find(Buffer.from(shorter)), undefined);
    assert.equal(certificates.find(leaf.der), known);
    assert.equal(certificates.has(leaf.der), true);
  });

  it('knows nothing of what was refused', () => {
    const trust = trustOf({ cas: [rootOf({ subject: '/C=UK/O=eScience/CN=Other' })] });
    refused('chain-incomplete', trust, {});
    assert.equal(trust.known.certificates.find(leaf.der), undefined);
  });

  it('leaves every judgement that depends on time to each message', () => {
    const trust = trustOf({ cas: [root], crls: [createCrl({ issuer: root, thisUpdate: day(-1), nextUpdate: day(10) })] });
    verify(trust);
    refused('certificate-expired', trust, { options: { now: day(101) } });
    refused('certificate-not-yet-valid', trust, { options: { now: day(-101) } });
    refused('crl-expired', trust, { options: { now: day(11) } });
    verify(trust);
  });

  it('leaves the rules to each message too', () => {
    const trust = trustOf({ cas: [root, sub] });
    verify(trust, { signer: below });
    refused('crl-missing', trust, { signer: below, options: { policy: { crl: 'require' } } });
    refused('signing-policy-missing', trust, { signer: below, options: { policy: { signingPolicy: 'require' } } });
    refused('chain-incomplete', trust, { signer: below, options: { limits: { chainLength: 2 } } });
  });

  it('ends with the snapshot: who was revoked since is refused', () => {
    verify(trustOf({ cas: [root] }));
    const renewed = trustOf({
      cas: [root],
      crls: [createCrl({ issuer: root, revoked: [leaf], thisUpdate: day(-1), nextUpdate: day(10) })],
    });
    assert.equal(renewed.known.certificates.find(leaf.der), undefined);
    refused('certificate-revoked', renewed, {});
  });

  it('does not lend to a message the intermediate that an earlier one brought', () => {
    const trust = trustOf({ cas: [root] });
    verify(trust, { signer: below, intermediates: [sub] });
    refused('chain-incomplete', trust, { signer: below });
    verify(trust, { signer: below, intermediates: [sub] });
  });

  it('gives the chain again where the same certificates came with the message', () => {
    const trust = trustOf({ cas: [root] });
    verify(trust, { signer: below, intermediates: [sub] });
    const chain = trust.known.chainFrom(read(trust, below), [read(trust, sub)]);
    assert.deepEqual(chain?.map(String), [parsed(below), parsed(sub), parsed(root)].map(String));
    assert.equal(trust.known.chainFrom(read(trust, below), [parsed(sub)]), undefined);
    assert.equal(trust.known.chainFrom(parsed(below), [read(trust, sub)]), undefined);
  });

  it('forgets what was not used for the longest time', () => {
    const known = new KnownChains(2);
    const certificates = ['a', 'b', 'c'].map((name) => parsed(leafOf(root, { subject: `/C=UK/O=eScience/CN=${name}` })));
    const [a, b, c] = certificates;
    assert.ok(a && b && c);
    for (const one of [a, b]) known.remember([one], () => true);
    assert.equal(known.certificates.find(a.raw), a);
    known.remember([c], () => true);
    assert.deepEqual(
      certificates.map(({ raw }) => known.certificates.find(raw)),
      [a, undefined, c],
    );
  });
});
