import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CrlOptions, cachedKey, createCrl, type IssuedCertificate, type IssuedCrl, nameHashOld } from '@ssm/test-support';
import { context, sequence } from '../../src/der.js';
import { accepted, type Case, day, hashOf, leafOf, make, refused, rootOf, subOf, type TrustFiles, trustOf } from './chains.js';

const root = rootOf();
const sub = subOf(root);
const leaf = leafOf(root, { serial: 7 });
const crlOf = (issuer: IssuedCertificate, options: Partial<CrlOptions> = {}): IssuedCrl =>
  createCrl({ issuer, thisUpdate: day(-1), nextUpdate: day(6), ...options });
const mode = (crl: 'off' | 'if-present' | 'require', more: Case = {}): Case => ({ ...more, policy: { crl } });
const withCrls = (...crls: NonNullable<TrustFiles['crls']>): ReturnType<typeof trustOf> => trustOf({ cas: [root], crls });
/** Of an IssuingDistributionPoint. */
const point = (url: string): Buffer => context(0, [context(0, [context(6, Buffer.from(url), false)])]);
const flag = (n: number): Buffer => context(n, Buffer.from([0xff]), false);

describe('revocation', () => {
  it('refuses a certificate that its CRL lists, unless it is off', () => {
    const trust = withCrls(crlOf(root, { revoked: [3, leaf, 9] }));
    refused('certificate-revoked', leaf, trust);
    refused('certificate-revoked', leaf, trust, mode('require'));
    accepted(leaf, trust, mode('off'));
    accepted(leafOf(root, { serial: 8 }), trust, mode('require'));
  });

  it('asks for a CRL only with require', () => {
    accepted(leaf, withCrls());
    accepted(leaf, withCrls(), mode('if-present'));
    refused('crl-missing', leaf, withCrls(), mode('require'));
    refused('crl-missing', leaf, withCrls(crlOf(sub)), mode('require'));
  });

  it('covers the whole chain except the anchor', () => {
    const below = leafOf(sub);
    const intermediates = [sub];
    refused('certificate-revoked', below, withCrls(crlOf(root, { revoked: [sub] })), { intermediates });
    refused('crl-missing', below, withCrls(crlOf(root)), mode('require', { intermediates }));
    refused('crl-missing', below, withCrls(crlOf(sub)), mode('require', { intermediates }));
    accepted(below, withCrls(crlOf(root), crlOf(sub)), mode('require', { intermediates }));
    refused('certificate-revoked', below, withCrls(crlOf(root), crlOf(sub, { revoked: [below] })), mode('require', { intermediates }));
    accepted(leaf, withCrls(crlOf(root, { revoked: [root] })));
  });

  it('refuses when the newest CRL is out of date', () => {
    const expired = crlOf(root, { nextUpdate: day(-0.5) });
    for (const one of ['if-present', 'require'] as const) refused('crl-expired', leaf, withCrls(expired), mode(one));
    accepted(leaf, withCrls(expired), mode('off'));
    accepted(leaf, withCrls(crlOf(root)), { now: day(6) });
    refused('certificate-revoked', leaf, withCrls(crlOf(root, { nextUpdate: day(-0.5), revoked: [leaf] })));
  });

  it('takes the newest of several that count', () => {
    const old = crlOf(root, { thisUpdate: day(-8), nextUpdate: day(-1), revoked: [leaf] });
    const current = crlOf(root);
    const future = crlOf(root, { thisUpdate: day(1), nextUpdate: day(9), revoked: [leaf] });
    const forged = crlOf(root, { thisUpdate: day(-0.1), issuerKey: cachedKey('p256', 4), revoked: [leaf] });
    accepted(leaf, withCrls(old, current, future, forged, crlOf(root, { delta: true, revoked: [leaf] })));
    accepted(leaf, withCrls(current, old));
    refused('certificate-revoked', leaf, withCrls(old, crlOf(root, { revoked: [leaf] })));
    // RFC 5280 has times in seconds.
    const second = [crlOf(root, { number: 2 }), crlOf(root, { number: 3, revoked: [leaf] })];
    for (const both of [second, second.toReversed()]) refused('certificate-revoked', leaf, withCrls(...both));
  });

  it('refuses when there is one, but none that counts', () => {
    const unusable = {
      forged: crlOf(root, { issuerKey: cachedKey('p256', 4) }),
      future: crlOf(root, { thisUpdate: day(1), nextUpdate: day(9) }),
      delta: crlOf(root, { delta: true }),
      indirect: crlOf(root, { indirect: true }),
      critical: crlOf(root, { extensions: [{ oid: '1.2.3', critical: true, der: Buffer.from([5, 0]) }] }),
      sha1: crlOf(root, { signature: 'sha1' }),
      endless: crlOf(root, { nextUpdate: null }),
    };
    for (const crl of Object.values(unusable)) {
      for (const one of ['if-present', 'require'] as const) refused('crl-invalid', leaf, withCrls(crl), mode(one));
      accepted(leaf, withCrls(crl), mode('off'));
    }
  });

  describe('by a file that should have been a CRL', () => {
    const other = make('other', { subject: '/CN=Other', ca: true });
    const bundle = ['bundle.pem', root.certificatePem + other.certificatePem] as const;
    const bundled = (...files: NonNullable<TrustFiles['files']>): ReturnType<typeof trustOf> => trustOf({ files: [bundle, ...files] });
    const good = crlOf(root).der;
    const ofOther = crlOf(other).der;

    it('refuses when it lies beside the CA and cannot be read', () => {
      const files = [[`${hashOf(root)}.r0`, 'garbage']] as const;
      refused('crl-invalid', leaf, trustOf({ cas: [root], files }));
      accepted(leaf, trustOf({ cas: [root], files: [['0badcafe.r0', 'garbage']] }));
      accepted(leaf, trustOf({ cas: [root], files: [...files, ['x.crl', good]] }), mode('require'));
    });

    it('refuses when it is named after the CA, wherever the CA lies', () => {
      for (const name of [hashOf(root), nameHashOld(root.subject), 'bundle']) {
        const extension = name === 'bundle' ? 'crl' : 'r0';
        refused('crl-invalid', leaf, bundled([`${name}.${extension}`, crlOf(root).pem.slice(0, 300)]));
        accepted(leaf, bundled([`${name}.${extension}`, 'garbage'], ['x.crl', good]), mode('require'));
      }
      accepted(leaf, bundled([`${hashOf(other)}.r0`, 'garbage']));
      const below = leafOf(sub);
      refused('crl-invalid', below, bundled([`${hashOf(sub)}.r0`, 'garbage']), { intermediates: [sub] });
    });

    it('refuses for every CA without a CRL when its name does not say of which it is', () => {
      refused('crl-invalid', leaf, bundled(['my.crl', 'garbage']));
      refused('crl-invalid', leaf, bundled(['my.crl', 'garbage'], ['other.crl', ofOther]));
      accepted(leaf, bundled(['my.crl', 'garbage'], ['root.crl', good]));
      accepted(leaf, bundled(['my.crl', 'garbage']), mode('off'));
    });

    it('refuses when it has the CRL of another CA', () => {
      for (const trust of [
        trustOf({ cas: [root], files: [[`${hashOf(root)}.r0`, ofOther]] }),
        trustOf({ files: [bundle, [`${hashOf(root)}.r0`, ofOther]] }),
        trustOf({
          files: [
            ['Root-CA.pem', root.certificatePem],
            ['Root-CA.crl', ofOther],
          ],
        }),
      ]) {
        refused('crl-invalid', leaf, trust);
        assert.equal(trust.problems.length, 1);
      }
      accepted(leaf, trustOf({ cas: [root], crls: [crlOf(root)], files: [[`${hashOf(root)}.r1`, ofOther]] }), mode('require'));
    });

    it('takes CAs that share a hash, old names and new ones, and the CRLs of CAs that are not there', () => {
      const shared = hashOf(root);
      const old = nameHashOld(root.subject);
      for (const files of [
        [
          [`${shared}.1`, other.certificatePem],
          [`${shared}.r0`, good],
          [`${shared}.r1`, ofOther],
        ],
        [
          [`${shared}.1`, other.certificatePem],
          [`${shared}.r1`, ofOther],
        ],
        [
          [`${old}.0`, root.certificatePem],
          [`${old}.r0`, good],
          [`${shared}.r0`, good],
        ],
        [[`${old}.r0`, good]],
        [
          ['other.crl', ofOther],
          [`${hashOf(other)}.r0`, ofOther],
        ],
        [bundle, ['bundle.crl', ofOther]],
      ] as const) {
        const trust = trustOf({ cas: [root], files });
        accepted(leaf, trust);
        assert.deepEqual(trust.problems, []);
      }
    });
  });

  it('needs a key that may sign CRLs', () => {
    const silent = rootOf({ keyUsage: ['keyCertSign'] });
    refused('crl-invalid', leaf, trustOf({ cas: [silent], crls: [crlOf(silent)] }));
    const unsaid = rootOf({ keyUsage: [] });
    accepted(leaf, trustOf({ cas: [unsaid], crls: [crlOf(unsaid)] }), mode('require'));
  });

  it('takes CRLs that a CA signs with its other key', () => {
    const renewed = rootOf({ key: cachedKey('p256', 4) });
    const cas = [root, renewed];
    accepted(leaf, trustOf({ cas, crls: [crlOf(renewed)] }), mode('require'));
    refused('certificate-revoked', leaf, trustOf({ cas, crls: [crlOf(renewed, { revoked: [leaf] })] }));
    refused('certificate-revoked', leaf, trustOf({ cas, crls: [crlOf(root), crlOf(renewed, { revoked: [leaf] })] }));
    // How fresh it must be is said by the one that the issuer's own key signed.
    accepted(leaf, trustOf({ cas, crls: [crlOf(root), crlOf(renewed, { nextUpdate: day(-0.5) })] }));
    refused('crl-expired', leaf, trustOf({ cas, crls: [crlOf(root, { nextUpdate: day(-0.5) }), crlOf(renewed)] }));
  });

  it('does not take the CRL of another CA', () => {
    const other = make('other', { subject: '/CN=Other', ca: true });
    accepted(leaf, trustOf({ cas: [root, other], crls: [crlOf(other, { revoked: [leaf] })] }));
  });

  describe('by CRLs of some certificates only', () => {
    const here = 'http://ca.example.org/1';
    const elsewhere = 'http://ca.example.org/2';
    const pointed = leafOf(root, { serial: 7, crlDistribution: here });
    const scoped = (fields: readonly Buffer[], options: Partial<CrlOptions>): IssuedCrl =>
      crlOf(root, { ...options, extensions: [{ oid: '2.5.29.28', critical: true, der: sequence(...fields) }] });
    const ofPoint = (url: string, options: Partial<CrlOptions> = {}): IssuedCrl => scoped([point(url)], options);

    it('asks for the one that would list the certificate', () => {
      refused('certificate-revoked', pointed, withCrls(ofPoint(here, { revoked: [7] })));
      accepted(pointed, withCrls(ofPoint(here)), mode('require'));
      accepted(pointed, withCrls(ofPoint(elsewhere, { revoked: [8] })));
      refused('crl-missing', pointed, withCrls(ofPoint(elsewhere, { revoked: [8] })), mode('require'));
      accepted(pointed, withCrls(ofPoint(here), ofPoint(elsewhere, { nextUpdate: day(-0.5) })), mode('require'));
      refused('crl-expired', pointed, withCrls(ofPoint(here, { nextUpdate: day(-0.5) }), ofPoint(elsewhere)));
    });

    it('believes any that lists it', () => {
      for (const crl of [
        ofPoint(elsewhere, { revoked: [7] }),
        ofPoint('http://ca.example.org:80/1', { revoked: [7] }),
        scoped([flag(2)], { revoked: [7] }),
      ]) {
        refused('certificate-revoked', pointed, withCrls(crl));
        refused('certificate-revoked', pointed, withCrls(crl, crlOf(root, { thisUpdate: day(-0.1) })), mode('require'));
      }
    });

    it('but none that is superseded, from the future, forged, or about something else', () => {
      const listing = { revoked: [7] };
      for (const crl of [
        ofPoint(elsewhere, { ...listing, thisUpdate: day(1) }),
        ofPoint(elsewhere, { ...listing, issuerKey: cachedKey('p256', 4) }),
        scoped([point(elsewhere), flag(4)], listing),
        scoped([point(elsewhere), flag(5)], listing),
        scoped([point(elsewhere), context(3, Buffer.from([6, 0x40]), false)], listing),
        ofPoint(elsewhere, { ...listing, delta: true }),
      ]) {
        accepted(pointed, withCrls(crl, crlOf(root)), mode('require'));
      }
      accepted(pointed, withCrls(ofPoint(elsewhere, { ...listing, thisUpdate: day(-2) }), ofPoint(elsewhere), crlOf(root)));
    });
  });
});
