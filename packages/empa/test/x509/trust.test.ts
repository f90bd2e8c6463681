import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it } from 'node:test';
import { cachedKey, createCrl, signingPolicy } from '@ssm/test-support';
import { kindOfTrustFile } from '../../src/x509/trust.js';
import { accepted, type Case, hashOf, leafOf, make, refused, rootOf, subOf, trustOf } from './chains.js';

const root = rootOf();
const sub = subOf(root);
const leaf = leafOf(root);
const messages = (trust: ReturnType<typeof trustOf>): string[] => trust.problems.map(({ file }) => file);

const mode = (signingPolicyMode: 'ignore' | 'if-present' | 'require', more: Case = {}): Case => ({
  ...more,
  policy: { signingPolicy: signingPolicyMode },
});
const allowing = (...subjects: string[]): ReturnType<typeof trustOf> =>
  trustOf({ cas: [root], policies: [[root, signingPolicy(root, subjects)]] });

describe('kindOfTrustFile', () => {
  it('knows the files of a trust directory by their names', () => {
    const kinds = {
      '0a1b2c3d.0': 'certificates',
      '0A1B2C3D.12': 'certificates',
      'UKeScienceCA.pem': 'certificates',
      'ca.crt': 'certificates',
      '0a1b2c3d.r0': 'crl',
      'ca.crl': 'crl',
      '0a1b2c3d.signing_policy': 'signing-policy',
      'UKeScienceCA.signing_policy': 'signing-policy',
    };
    for (const [name, kind] of Object.entries(kinds)) assert.equal(kindOfTrustFile(name), kind, name);
    const others = [
      '.0a1b2c3d.0',
      '..data',
      '.ca.pem',
      '0a1b2c3d.namespaces',
      '0a1b2c3d.info',
      '0a1b2c3d.crl_url',
      'x.0',
      '0a1b2c3d.0.bak',
      'ca.pem~',
      'pem',
    ];
    for (const name of others) assert.equal(kindOfTrustFile(name), undefined, name);
  });
});

describe('trust material', () => {
  it('takes self-signed CAs for anchors and the others for help', () => {
    const trust = trustOf({ cas: [root, sub] });
    assert.deepEqual(
      trust.anchors.map((anchor) => anchor.subject.toString()),
      ['/C=UK/O=eScience/CN=Root'],
    );
    assert.deepEqual(trust.problems, []);
  });

  it('does not take a CA that bears its own name but another signature for an anchor', () => {
    const rollover = rootOf({ key: cachedKey('p256', 4), issuer: root });
    assert.equal(trustOf({ cas: [rollover] }).anchors.length, 0);
    assert.equal(trustOf({ cas: [rootOf({ issuerKey: cachedKey('p256', 4) })] }).anchors.length, 0);
  });

  it('finds a root that is signed with SHA-1 or MD5, also where OpenSSL does not verify such signatures', (context) => {
    const roots = (['sha1', 'md5'] as const).map((hash, at) => rootOf({ key: cachedKey('rsa2048', at), signature: hash }));
    const forged = rootOf({ key: cachedKey('rsa2048'), issuerKey: cachedKey('rsa2048', 1), signature: 'sha1' });
    const { verify } = crypto;
    // As the OpenSSL of Enterprise Linux 9 does by its default policy.
    context.mock.method(crypto, 'verify', (...given: Parameters<typeof verify>) => {
      if (given[0] === 'sha1' || given[0] === 'md5') throw new Error('invalid digest');
      return verify(...given);
    });
    syncBuiltinESMExports();
    try {
      assert.equal(trustOf({ cas: roots }).anchors.length, 2);
      assert.equal(trustOf({ cas: [forged] }).anchors.length, 0);
    } finally {
      context.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  it('reads the same certificate and CRL under several names once', () => {
    const crl = createCrl({ issuer: root });
    const files = [
      ['ca.pem', root.certificatePem],
      ['12345678.0', root.der],
      ['12345678.r0', crl.der],
      ['ca.crl', crl.pem],
    ] as const;
    const trust = trustOf({ cas: [root], crls: [crl], files });
    assert.equal(trust.anchors.length, 1);
    assert.equal(trust.crls.length, 1);
    assert.deepEqual(trust.problems, []);
  });

  it('reads bundles, and what is good in one that has a fault', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const trust = trustOf({ files: [['bundle.pem', `${broken}${root.certificatePem}${leaf.certificatePem}${sub.certificatePem}`]] });
    assert.equal(trust.anchors.length, 1);
    assert.deepEqual(messages(trust), ['bundle.pem', 'bundle.pem']);
    accepted(leafOf(sub), trust);
  });

  it('says what it left out, and what helps nobody', () => {
    const files = [
      ['a.pem', 'garbage'],
      ['b.crl', 'garbage'],
      ['c.signing_policy', 'garbage'],
      ['d.pem', leaf.certificatePem],
      ['e.pem', subOf(make('other', { subject: '/CN=elsewhere', ca: true })).certificatePem],
      ['f.crl', root.certificatePem],
      ['g.signing_policy', signingPolicy(make('other', { subject: '/CN=nobody', ca: true }), ['*'])],
      ['h.pem', rootOf({ key: cachedKey('rsa1024') }).certificatePem],
      ['i.crl', createCrl({ issuer: root, delta: true }).pem],
    ] as const;
    const trust = trustOf({ cas: [root], files });
    assert.deepEqual(
      messages(trust).toSorted(),
      files.map(([name]) => name),
    );
    assert.equal(
      trust.problems.every(({ message }) => message.length > 10),
      true,
    );
  });
});

describe('signing policies', () => {
  it('keep a CA to its subjects, unless they are ignored', () => {
    accepted(leaf, allowing('/C=UK/O=eScience/*'), mode('require'));
    accepted(leaf, allowing('/C=DE/*', '/c=uk/o=escience/ou=ral/cn=HOST.example.or?'));
    refused('signing-policy-refused', leaf, allowing('/C=DE/*'));
    refused('signing-policy-refused', leaf, allowing('/C=DE/*'), mode('require'));
    accepted(leaf, allowing('/C=DE/*'), mode('ignore'));
  });

  it('are asked for only with require', () => {
    const trust = trustOf({ cas: [root] });
    accepted(leaf, trust);
    accepted(leaf, trust, mode('ignore'));
    refused('signing-policy-missing', leaf, trust, mode('require'));
  });

  it('hold for every link of the chain', () => {
    const below = leafOf(sub);
    const rootPolicy = signingPolicy(root, ['/C=UK/O=eScience/CN=Sub']);
    const policies = [
      [root, rootPolicy],
      [sub, signingPolicy(sub, ['/C=UK/O=eScience/OU=RAL/*'])],
    ] as const;
    accepted(below, trustOf({ cas: [root, sub], policies }), mode('require'));
    refused('signing-policy-missing', below, trustOf({ cas: [root, sub], policies: [policies[0]] }), mode('require'));
    accepted(below, trustOf({ cas: [root, sub], policies: [policies[0]] }));
    refused(
      'signing-policy-refused',
      below,
      trustOf({ cas: [root, sub], policies: [[root, signingPolicy(root, ['/C=UK/O=eScience/OU=*'])]] }),
    );
  });

  it('are found by the CA that they name, not by the name of their file', () => {
    const files = [['deadbeef.signing_policy', signingPolicy(root, ['/C=DE/*'])]] as const;
    refused('signing-policy-refused', leaf, trustOf({ cas: [root], files }));
  });

  it('refuse for the CA beside which they lie when they do not name it: a mistake is not the lack of a policy', () => {
    const other = make('other', { subject: '/CN=Other', ca: true });
    for (const text of [signingPolicy(other, ['*']), '', signingPolicy(root, ['*']).replace(/CN=[^']*/u, (name) => name.toLowerCase())])
      refused('signing-policy-malformed', leaf, trustOf({ cas: [root, other], policies: [[root, text]] }));
  });

  it('of several for one CA the first counts', () => {
    const files = [
      ['a.signing_policy', signingPolicy(root, ['*'])],
      ['b.signing_policy', signingPolicy(root, ['/C=DE/*'])],
    ] as const;
    accepted(leaf, trustOf({ cas: [root], files }));
  });

  it('refuse for their CA when they cannot be read', () => {
    const named = signingPolicy(root, ['*']).replace('pos_rights', 'whatever');
    for (const one of ['if-present', 'require'] as const) {
      refused('signing-policy-malformed', leaf, trustOf({ cas: [root], policies: [[root, 'garbage']] }), mode(one));
      refused('signing-policy-malformed', leaf, trustOf({ cas: [root], files: [['deadbeef.signing_policy', named]] }), mode(one));
    }
    accepted(leaf, trustOf({ cas: [root], policies: [[root, 'garbage']] }), mode('ignore'));
    accepted(leaf, trustOf({ cas: [root], files: [['deadbeef.signing_policy', 'garbage']] }));
    const files = [['z.signing_policy', signingPolicy(root, ['*'])]] as const;
    accepted(leaf, trustOf({ cas: [root], policies: [[root, 'garbage']], files }));
  });

  it('are found under the hash of the CA, wherever the CA lies', () => {
    const bundle = ['bundle.pem', root.certificatePem] as const;
    refused('signing-policy-malformed', leaf, trustOf({ files: [bundle, [`${hashOf(root)}.signing_policy`, 'garbage']] }));
  });

  it('are found under the name of the CA as the IGTF distributes it', () => {
    const files = [
      ['Root-CA.pem', root.certificatePem],
      ['Root-CA.signing_policy', 'garbage'],
    ] as const;
    refused('signing-policy-malformed', leaf, trustOf({ files }));
    assert.notEqual(hashOf(root), 'Root-CA');
  });
});
