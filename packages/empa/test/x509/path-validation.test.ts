import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CertificateOptions, cachedKey, type NameConstraints } from '@ssm/test-support';
import { verifyWith } from '../../src/x509/verify.js';
import { accepted, type Case, day, leafOf, make, NOW, parsed, refused, rootOf, subOf, trustOf } from './chains.js';

const root = rootOf();
const sub = subOf(root);
const trust = trustOf({ cas: [root] });
const second = (date: Date, seconds: number): Date => new Date(date.getTime() + seconds * 1000);

const below = (constraints: NameConstraints, options: Partial<CertificateOptions>, code?: 'chain-constraint'): void => {
  const intermediates = [subOf(root, { nameConstraints: constraints })];
  const leaf = leafOf(sub, options);
  if (code === undefined) accepted(leaf, trust, { intermediates });
  else refused(code, leaf, trust, { intermediates });
};
const subject = (dn: string): Partial<CertificateOptions> => ({ subject: dn });
const san = (...names: string[]): Partial<CertificateOptions> => ({ subject: '/C=UK/O=eScience/CN=Robot', san: names });

describe('validity', () => {
  it('counts both ends in', () => {
    const leaf = leafOf(root, { notBefore: day(-1), notAfter: day(1) });
    accepted(leaf, trust, { now: day(-1) });
    accepted(leaf, trust, { now: day(1) });
    refused('certificate-not-yet-valid', leaf, trust, { now: second(day(-1), -1) });
    refused('certificate-expired', leaf, trust, { now: second(day(1), 1) });
  });

  it('is asked of every certificate, the anchor included', () => {
    const old = subOf(root, { notAfter: day(-1) });
    refused('certificate-expired', leafOf(sub), trust, { intermediates: [old] });
    refused('certificate-expired', leafOf(root), trustOf({ cas: [rootOf({ notAfter: day(-1) })] }));
    refused('certificate-not-yet-valid', leafOf(root), trustOf({ cas: [rootOf({ notBefore: day(1) })] }));
  });
});

describe('signers', () => {
  it('are no CAs', () => {
    refused('signer-is-ca', root, trust);
    refused('signer-is-ca', sub, trust);
    refused('signer-is-ca', subOf(root, { withoutBasicConstraints: true }), trust);
    refused('signer-is-ca', make('other', { subject: '/CN=x', version: 1 }), trust);
  });

  it('are no proxies, of whatever generation', () => {
    const user = leafOf(root);
    const proxy = (cn: string, options: Partial<CertificateOptions> = {}): ReturnType<typeof make> =>
      make('other', { subject: `${user.dn}/CN=${cn}`, issuer: user, ...options });
    const intermediates = [user];
    refused('signer-is-proxy', proxy('12345', { proxyCertInfo: {} }), trust, { intermediates });
    refused(
      'signer-is-proxy',
      proxy('12345', { extensions: [{ oid: '1.3.6.1.4.1.3536.1.222', critical: true, der: Buffer.from([0x30, 0]) }] }),
      trust,
    );
    refused('signer-is-proxy', proxy('proxy'), trust, { intermediates });
    refused('signer-is-proxy', proxy('limited proxy'), trust);
    refused('signer-is-proxy', proxy('12345'), trust, { intermediates });
    refused('chain-constraint', make('other', { subject: '/CN=somebody else', issuer: user }), trust, { intermediates });
    accepted(leafOf(root, { subject: '/C=UK/O=eScience/CN=proxy' }), trust);
  });
});

describe('issuers', () => {
  it('say that they are CAs', () => {
    const cases: Partial<CertificateOptions>[] = [
      { ca: false },
      { ca: false, keyUsage: ['keyCertSign'] },
      { version: 1 },
      { withoutBasicConstraints: true },
    ];
    for (const options of cases) refused('chain-constraint', leafOf(sub), trust, { intermediates: [subOf(root, options)] });
  });

  it('may sign certificates', () => {
    refused('chain-constraint', leafOf(sub), trust, { intermediates: [subOf(root, { keyUsage: ['cRLSign', 'digitalSignature'] })] });
    accepted(leafOf(sub), trust, { intermediates: [subOf(root, { keyUsage: [] })] });
    refused('chain-constraint', leafOf(root), trustOf({ cas: [rootOf({ keyUsage: ['cRLSign'] })] }));
  });

  it('may be old roots, which say it otherwise', () => {
    accepted(leafOf(root), trustOf({ cas: [rootOf({ version: 1 })] }));
    accepted(leafOf(root), trustOf({ cas: [rootOf({ withoutBasicConstraints: true, keyUsage: ['keyCertSign'] })] }));
    refused(
      'chain-incomplete',
      leafOf(root),
      trustOf({ cas: [rootOf({ withoutBasicConstraints: true, keyUsage: [] }), rootOf({ subject: '/CN=x' })] }),
    );
  });

  it('keep to the length that is allowed below them', () => {
    const lower = subOf(sub, { subject: '/CN=Lower', key: cachedKey('p256', 4) });
    const leaf = leafOf(lower);
    const through = (pathLen: number | undefined, limited: 'root' | 'sub'): [ReturnType<typeof trustOf>, Case] => {
      const length = pathLen === undefined ? {} : { pathLen };
      const top = rootOf(limited === 'root' ? length : {});
      return [trustOf({ cas: [top] }), { intermediates: [subOf(root, limited === 'sub' ? length : {}), lower] }];
    };
    accepted(leaf, ...through(undefined, 'root'));
    accepted(leaf, ...through(2, 'root'));
    refused('chain-constraint', leaf, ...through(1, 'root'));
    accepted(leaf, ...through(1, 'sub'));
    refused('chain-constraint', leaf, ...through(0, 'sub'));
    accepted(leafOf(root), trustOf({ cas: [rootOf({ pathLen: 0 })] }));
  });

  it('do not count as further CAs where they are self-issued', () => {
    const rollover = rootOf({ key: cachedKey('p256', 4), issuer: root });
    accepted(leafOf(rollover), trustOf({ cas: [rootOf({ pathLen: 0 })] }), { intermediates: [rollover] });
  });
});

describe('algorithms and keys', () => {
  it('inner and outer algorithm are the same', () => {
    refused('signature-algorithm-refused', leafOf(root, { innerAlgorithm: 'sha384' }), trust);
    refused('signature-algorithm-refused', leafOf(sub), trust, { intermediates: [subOf(root, { innerAlgorithm: 'sha512' })] });
  });

  it('SHA-1 and MD5 are refused, but not of a root over itself', () => {
    refused('signature-algorithm-refused', leafOf(root, { signature: 'sha1' }), trust);
    refused('signature-algorithm-refused', leafOf(sub), trust, { intermediates: [subOf(root, { signature: 'sha1' })] });
    accepted(leafOf(root), trustOf({ cas: [rootOf({ signature: 'sha1' })] }));
    const rsa = rootOf({ key: cachedKey('rsa2048'), signature: 'md5' });
    accepted(leafOf(rsa), trustOf({ cas: [rsa] }));
    refused('signature-algorithm-refused', leafOf(rsa, { signature: 'md5' }), trustOf({ cas: [rsa] }));
    refused('signature-algorithm-refused', leafOf(rsa, { signature: 'sha1' }), trustOf({ cas: [rsa] }));
  });

  it('reads every signature that is in use', () => {
    const rsa = rootOf({ key: cachedKey('rsa2048') });
    for (const signature of ['sha256', 'sha384', 'sha512', 'pss-sha256', 'pss-sha384', 'pss-sha512'] as const) {
      accepted(leafOf(rsa, { signature }), trustOf({ cas: [rsa] }));
    }
    for (const kind of ['p256', 'p384', 'p521'] as const) {
      for (const signature of ['sha256', 'sha384', 'sha512'] as const) {
        const ec = rootOf({ key: cachedKey(kind) });
        accepted(leafOf(ec, { signature }), trustOf({ cas: [ec] }));
      }
    }
  });

  it('a signer with fewer than 2048 bits is refused', () => {
    refused('key-too-weak', leafOf(root, { key: cachedKey('rsa1024') }), trust);
    accepted(leafOf(root, { key: cachedKey('rsa2048') }), trust);
  });

  it('an unknown critical extension is refused, wherever it is', () => {
    const extensions = [{ oid: '1.2.3.4', critical: true, der: Buffer.from([5, 0]) }];
    refused('critical-extension-unknown', leafOf(root, { extensions }), trust);
    refused('critical-extension-unknown', leafOf(sub), trust, { intermediates: [subOf(root, { extensions })] });
    refused('critical-extension-unknown', leafOf(root), trustOf({ cas: [rootOf({ extensions })] }));
    accepted(leafOf(root, { extensions: extensions.map((one) => ({ ...one, critical: false })) }), trust);
  });
});

describe('name constraints', () => {
  it('keep a CA to its part of the DN tree', () => {
    const constraints = { permitted: ['dirName:/C=UK/O=eScience', 'dirName:/C=DE'] };
    below(constraints, subject('/C=UK/O=eScience/CN=x'));
    below(constraints, subject('/C=uk/O=ESCIENCE/CN=x'));
    below(constraints, subject('/C=DE/CN=x'));
    below(constraints, subject('/C=UK/O=eScience2/CN=x'), 'chain-constraint');
    below(constraints, subject('/DC=x/C=UK/O=eScience/CN=x'), 'chain-constraint');
    below(constraints, { subject: '/C=DE/CN=x', san: ['dirName:/C=FR'] }, 'chain-constraint');
    below({ excluded: ['dirName:/C=UK'] }, subject('/C=UK/CN=x'), 'chain-constraint');
    below({ excluded: ['dirName:/C=UK'] }, subject('/C=DE/CN=x'));
  });

  it('apply to DNS names, and to a CN that looks like one when there is none', () => {
    const constraints = { permitted: ['DNS:example.org'], excluded: ['DNS:secret.example.org'] };
    below(constraints, san('DNS:example.org', 'DNS:a.b.EXAMPLE.org'));
    below(constraints, san('DNS:badexample.org'), 'chain-constraint');
    below(constraints, san('DNS:x.secret.example.org'), 'chain-constraint');
    below(constraints, san('DNS:x.secret.example.org.'), 'chain-constraint');
    below(constraints, san('DNS:example.org', 'DNS:evil.net'), 'chain-constraint');
    below(constraints, san('DNS:a\u0000.example.org'), 'chain-constraint');
    below(constraints, subject('/C=UK/CN=host.example.org'));
    below(constraints, subject('/C=UK/CN=host.evil.net'), 'chain-constraint');
    below(constraints, subject('/C=UK/CN=Robot: evil'));
    below({ excluded: ['DNS:example.net'] }, san('DNS:a.example.net.'), 'chain-constraint');
    below({ permitted: ['DNS:.example.org'] }, san('DNS:a.example.org'));
    below({ permitted: ['DNS:.example.org'] }, san('DNS:example.org'), 'chain-constraint');
  });

  it('apply to e-mail addresses, also in the DN', () => {
    below({ permitted: ['email:example.org'] }, san('email:a@example.org'));
    below({ permitted: ['email:example.org'] }, san('email:a@b.example.org'), 'chain-constraint');
    below({ permitted: ['email:.example.org'] }, san('email:a@b.Example.org'));
    below({ permitted: ['email:.example.org'] }, san('email:a@example.org'), 'chain-constraint');
    below({ permitted: ['email:a@example.org'] }, san('email:a@EXAMPLE.org'));
    below({ permitted: ['email:a@example.org'] }, san('email:A@example.org'), 'chain-constraint');
    below({ permitted: ['email:example.org'] }, subject('/C=UK/emailAddress=a@evil.net'), 'chain-constraint');
    below({ excluded: ['email:evil.net'] }, san('email:evil.net'), 'chain-constraint');
    below({ permitted: ['email:example.org'] }, subject('/C=UK/emailAddress=a@example.org'));
  });

  it('apply to addresses by their masks', () => {
    const constraints = { permitted: ['IP:10.0.0.0/255.0.0.0'], excluded: ['IP:10.1.0.0/255.255.0.0'] };
    below(constraints, san('IP:10.2.3.4'));
    below(constraints, san('IP:10.1.3.4'), 'chain-constraint');
    below(constraints, san('IP:11.2.3.4'), 'chain-constraint');
    below(constraints, san('IP:::1'), 'chain-constraint');
    below({ permitted: ['IP:fe80::/ffff::'] }, san('IP:fe80::1'));
  });

  it('apply to the hosts of URIs', () => {
    below({ permitted: ['URI:example.org'] }, san('URI:https://u@example.org:1/x'));
    below({ permitted: ['URI:.example.org'] }, san('URI:http://a.example.org?x'));
    below({ permitted: ['URI:example.org'] }, san('URI:http://example.org@evil.net/'), 'chain-constraint');
    below({ permitted: ['URI:example.org'] }, san('URI:http://example.org\\@evil.net/'), 'chain-constraint');
    below({ permitted: ['URI:example.org'] }, san('URI:urn:x'), 'chain-constraint');
    below({ excluded: ['URI:evil.net'] }, san('URI:http://[::1]/'), 'chain-constraint');
  });

  it('leave names of forms that they do not speak of alone', () => {
    below({ permitted: ['DNS:example.org'] }, san('email:a@b.c', 'IP:1.2.3.4', 'URI:urn:x'));
  });

  it('refuse names of forms that cannot be compared', () => {
    const registered = Buffer.from('3007a0053003880101', 'hex');
    const intermediates = [subOf(root, { extensions: [{ oid: '2.5.29.30', critical: true, der: registered }] })];
    const name = { oid: '2.5.29.17', critical: false, der: Buffer.from('3003880101', 'hex') };
    refused('chain-constraint', leafOf(sub, { extensions: [name] }), trust, { intermediates });
    accepted(leafOf(sub), trust, { intermediates });
  });

  it('hold for CAs further down, and from the anchor on', () => {
    const nameConstraints = { permitted: ['dirName:/C=UK/O=eScience'] };
    const top = trustOf({ cas: [rootOf({ nameConstraints })] });
    accepted(leafOf(sub), top, { intermediates: [sub] });
    const stray = subOf(root, { subject: '/C=DE/CN=Sub' });
    refused('chain-constraint', leafOf(stray), top, { intermediates: [stray] });
    refused('chain-constraint', leafOf(root, { subject: '/C=DE/CN=x' }), top);
  });

  it('pass over self-issued CA certificates, but not over a self-issued end entity', () => {
    const nameConstraints = { permitted: ['dirName:/C=UK/O=eScience/OU=RAL'] };
    const top = trustOf({ cas: [rootOf({ nameConstraints })] });
    const rollover = rootOf({ key: cachedKey('p256', 4), issuer: root });
    accepted(leafOf(rollover), top, { intermediates: [rollover] });
    refused('chain-constraint', leafOf(root, { subject: '/C=UK/O=eScience/CN=Root' }), top);
  });
});

describe('purpose', () => {
  const asked = { policy: { requireEmailProtection: true } };

  it('is not asked for by default', () => {
    accepted(leafOf(root, { eku: ['serverAuth'], keyUsage: ['keyEncipherment'] }), trust);
  });

  it('is asked for when that is switched on, where the certificate speaks of it', () => {
    refused('purpose-refused', leafOf(root, { eku: ['serverAuth'] }), trust, asked);
    refused('purpose-refused', leafOf(root, { keyUsage: ['keyEncipherment'] }), trust, asked);
    accepted(leafOf(root, { eku: ['serverAuth', 'emailProtection'] }), trust, asked);
    accepted(leafOf(root, { eku: ['any'], keyUsage: ['nonRepudiation'] }), trust, asked);
    accepted(leafOf(root, { keyUsage: [] }), trust, asked);
    refused('purpose-refused', leafOf(sub), trust, { ...asked, intermediates: [subOf(root, { eku: ['serverAuth'] })] });
  });
});

describe('messages', () => {
  it('name the certificate that is at fault', () => {
    const old = subOf(root, { subject: '/CN=Old', notAfter: day(-1) });
    assert.throws(
      () => verifyWith(parsed(leafOf(old)), [parsed(old)], trust, { now: NOW }),
      (error: Error) => error.message.includes('/CN=Old'),
    );
  });
});
