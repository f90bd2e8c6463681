import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  type CertificateOptions,
  cachedKey,
  createCertificate,
  createCrl,
  type IssuedCertificate,
  type IssuedCrl,
  type NameInput,
  requireTools,
  temporaryDirectory,
  writeTrustDirectory,
} from '@ssm/test-support';
import { EmpaError, type EmpaErrorCode } from '../src/errors.js';
import { loadTrustStore, verifyCertificate } from '../src/trust-store.js';
import { parseCertificate } from '../src/x509/certificate.js';
import { DnRule } from '../src/x509/name.js';
import { nameHashes } from '../src/x509/name-hash.js';

const skip = requireTools('openssl');
const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

const keys = { root: cachedKey('rsa2048', 1), sub: cachedKey('p256', 2), leaf: cachedKey('rsa2048', 2), other: cachedKey('p256', 4) };
const make = (key: keyof typeof keys, options: CertificateOptions): IssuedCertificate => createCertificate({ key: keys[key], ...options });
const rootOf = (options: Partial<CertificateOptions> = {}): IssuedCertificate =>
  make('root', { subject: '/C=UK/O=eScience/CN=Root', ca: true, ...options });
const subOf = (issuer: IssuedCertificate, options: Partial<CertificateOptions> = {}): IssuedCertificate =>
  make('sub', { subject: '/C=UK/O=eScience/CN=Sub', ca: true, issuer, ...options });
const leafOf = (issuer: IssuedCertificate, options: Partial<CertificateOptions> = {}): IssuedCertificate =>
  make('leaf', { subject: '/C=UK/O=eScience/CN=host', issuer, ...options });

interface Scenario {
  readonly leaf: IssuedCertificate;
  readonly cas: readonly IssuedCertificate[];
  readonly intermediates?: readonly IssuedCertificate[];
  /** Set: with CRLs of the whole chain (`-crl_check_all`, mode require). */
  readonly crls?: readonly IssuedCrl[];
  /** Undefined: good. */
  readonly code?: EmpaErrorCode;
  /** Where we are stricter than the command by default, and why. */
  readonly stricter?: string;
}

const root = rootOf();
const sub = subOf(root);
const leaf = leafOf(root);
const low = leafOf(sub);
const unknown = [{ oid: '1.2.3.4', critical: true, der: Buffer.from([5, 0]) }];
const constrained = (permitted: string[], dn: string, more: Partial<CertificateOptions> = {}): Scenario => {
  const ca = subOf(root, { nameConstraints: { permitted } });
  return { leaf: leafOf(ca, { subject: dn, ...more }), cas: [root], intermediates: [ca] };
};
const bare = { leaf, cas: [root] };
const user = leafOf(root, { keyUsage: ['digitalSignature'] });

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  direct: bare,
  'through an intermediate of the message': { leaf: low, cas: [root], intermediates: [sub] },
  'through an intermediate of the directory': { leaf: low, cas: [root, sub] },
  'intermediate missing': { leaf: low, cas: [root], code: 'chain-incomplete' },
  'only the intermediate is there': { leaf: low, cas: [sub], code: 'chain-incomplete' },
  'wrong CA': { leaf, cas: [rootOf({ subject: '/CN=Other' })], code: 'chain-incomplete' },
  'same name, other key': { leaf, cas: [rootOf({ key: keys.other })], code: 'chain-signature-invalid' },
  forged: { leaf: leafOf(root, { issuerKey: keys.leaf, withoutAki: true }), cas: [root], code: 'chain-signature-invalid' },
  'old and new key of one CA': { leaf, cas: [rootOf({ key: keys.other }), root] },
  expired: { leaf: leafOf(root, { notBefore: inDays(-9), notAfter: inDays(-1) }), cas: [root], code: 'certificate-expired' },
  'not yet valid': { leaf: leafOf(root, { notBefore: inDays(1) }), cas: [root], code: 'certificate-not-yet-valid' },
  'expired intermediate': {
    leaf: low,
    cas: [root],
    intermediates: [subOf(root, { notBefore: inDays(-9), notAfter: inDays(-1) })],
    code: 'certificate-expired',
  },
  'expired root': { leaf, cas: [rootOf({ notBefore: inDays(-9), notAfter: inDays(-1) })], code: 'certificate-expired' },
  'not a CA': { leaf: low, cas: [root], intermediates: [subOf(root, { ca: false })], code: 'chain-constraint' },
  'key must not sign certificates': {
    leaf: low,
    cas: [root],
    intermediates: [subOf(root, { keyUsage: ['cRLSign'] })],
    code: 'chain-constraint',
  },
  'path length kept': { leaf: low, cas: [rootOf({ pathLen: 1 })], intermediates: [sub] },
  'path length broken': { leaf: low, cas: [rootOf({ pathLen: 0 })], intermediates: [sub], code: 'chain-constraint' },
  'unknown critical extension': { leaf: leafOf(root, { extensions: unknown }), cas: [root], code: 'critical-extension-unknown' },
  'unknown critical extension of the CA': {
    leaf: low,
    cas: [root],
    intermediates: [subOf(root, { extensions: unknown })],
    code: 'critical-extension-unknown',
  },
  'DN permitted': constrained(['dirName:/C=UK/O=eScience'], '/C=UK/O=eScience/CN=x'),
  'DN not permitted': { ...constrained(['dirName:/C=UK/O=eScience'], '/C=DE/CN=x'), code: 'chain-constraint' },
  'DNS permitted': constrained(['DNS:example.org'], '/CN=x', { san: ['DNS:a.example.org'] }),
  'DNS not permitted': { ...constrained(['DNS:example.org'], '/CN=x', { san: ['DNS:example.net'] }), code: 'chain-constraint' },
  'CN is a host that is not permitted': { ...constrained(['DNS:example.org'], '/CN=host.example.net'), code: 'chain-constraint' },
  'e-mail not permitted': { ...constrained(['email:example.org'], '/CN=x/emailAddress=a@example.net'), code: 'chain-constraint' },
  'address permitted': constrained(['IP:10.0.0.0/255.0.0.0'], '/CN=x', { san: ['IP:10.1.2.3'] }),
  'address not permitted': { ...constrained(['IP:10.0.0.0/255.0.0.0'], '/CN=x', { san: ['IP:11.1.2.3'] }), code: 'chain-constraint' },
  'URI not permitted': { ...constrained(['URI:example.org'], '/CN=x', { san: ['URI:http://example.net/'] }), code: 'chain-constraint' },
  'server certificate': { leaf: leafOf(root, { eku: ['serverAuth'] }), cas: [root] },
  PSS: { leaf: leafOf(root, { signature: 'pss-sha256' }), cas: [root] },
  'SHA-1 root': { leaf, cas: [rootOf({ signature: 'sha1' })] },
  'version 1 root': { leaf, cas: [rootOf({ version: 1 })] },
  proxy: {
    leaf: make('other', { subject: `${user.dn}/CN=1`, issuer: user, proxyCertInfo: {} }),
    cas: [root],
    intermediates: [user],
    code: 'signer-is-proxy',
  },
  'old proxy': {
    leaf: make('other', { subject: `${user.dn}/CN=proxy`, issuer: user }),
    cas: [root],
    intermediates: [user],
    code: 'signer-is-proxy',
  },
  'SHA-1': {
    leaf: leafOf(root, { signature: 'sha1' }),
    cas: [root],
    code: 'signature-algorithm-refused',
    stricter: 'SHA-1 is refused at auth_level 1 and above only',
  },
  'short key': { leaf: leafOf(root, { key: cachedKey('rsa1024') }), cas: [root], code: 'key-too-weak', stricter: 'as above' },
  'CA as signer': { leaf: sub, cas: [root], code: 'signer-is-ca', stricter: 'only a purpose makes a difference' },
  'CRLs good': { leaf: low, cas: [root, sub], crls: [createCrl({ issuer: root }), createCrl({ issuer: sub, revoked: [1, 2] })] },
  revoked: {
    leaf: low,
    cas: [root, sub],
    crls: [createCrl({ issuer: root }), createCrl({ issuer: sub, revoked: [low] })],
    code: 'certificate-revoked',
  },
  'intermediate revoked': {
    leaf: low,
    cas: [root, sub],
    crls: [createCrl({ issuer: root, revoked: [sub] }), createCrl({ issuer: sub })],
    code: 'certificate-revoked',
  },
  'CRL missing': { leaf: low, cas: [root, sub], crls: [createCrl({ issuer: root })], code: 'crl-missing' },
  'CRL expired': { ...bare, crls: [createCrl({ issuer: root, thisUpdate: inDays(-9), nextUpdate: inDays(-1) })], code: 'crl-expired' },
  'CRL from the future': { ...bare, crls: [createCrl({ issuer: root, thisUpdate: inDays(1) })], code: 'crl-invalid' },
  'CRL forged': { ...bare, crls: [createCrl({ issuer: root, issuerKey: keys.leaf })], code: 'crl-invalid' },
  'CRL with an unknown critical extension': { ...bare, crls: [createCrl({ issuer: root, extensions: unknown })], code: 'crl-invalid' },
  'CRL indirect': { ...bare, crls: [createCrl({ issuer: root, indirect: true })], code: 'crl-invalid' },
  'CRL older and newer': {
    ...bare,
    crls: [createCrl({ issuer: root, revoked: [leaf], thisUpdate: inDays(-9), nextUpdate: inDays(-1) }), createCrl({ issuer: root })],
  },
};

function openssl(args: readonly string[], input?: string): { readonly status: number | null; readonly stdout: string } {
  const { status, stdout } = spawnSync('openssl', args, { encoding: 'utf8', ...(input === undefined ? {} : { input }) });
  return { status, stdout };
}

function writeAll(context: TestContext, scenario: Scenario): { trust: string; leaf: string; untrusted: string } {
  const directory = temporaryDirectory(context);
  const trust = path.join(directory, 'certificates');
  writeTrustDirectory(trust, { cas: scenario.cas, crls: scenario.crls ?? [] });
  const files = { trust, leaf: path.join(directory, 'leaf.pem'), untrusted: path.join(directory, 'untrusted.pem') };
  writeFileSync(files.leaf, scenario.leaf.certificatePem);
  writeFileSync(files.untrusted, (scenario.intermediates ?? []).map(({ certificatePem }) => certificatePem).join(''));
  return files;
}

async function verdict(scenario: Scenario, trustDirectory: string): Promise<EmpaErrorCode | undefined> {
  const now = new Date();
  const trust = await loadTrustStore(trustDirectory, { now, stabilityMs: 0 });
  const crl = scenario.crls === undefined ? 'off' : 'require';
  const intermediates = (scenario.intermediates ?? []).map(({ der }) => parseCertificate(der));
  try {
    verifyCertificate(parseCertificate(scenario.leaf.der), intermediates, trust, { now, policy: { crl } });
    return undefined;
  } catch (error) {
    if (!(error instanceof EmpaError)) throw error;
    return error.code;
  }
}

describe('verdicts on chains, as the openssl command gives them', { skip }, () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    it(name, async (context) => {
      const files = writeAll(context, scenario);
      const options = [
        '-no-CAfile',
        '-no-CAstore',
        '-CApath',
        files.trust,
        ...((scenario.intermediates ?? []).length === 0 ? [] : ['-untrusted', files.untrusted]),
        ...(scenario.crls === undefined ? [] : ['-crl_check_all']),
      ];
      const theirs = openssl(['verify', ...options, files.leaf]).status === 0;
      const ours = await verdict(scenario, files.trust).catch((error: unknown) => {
        // Without any root we do not even begin.
        if (error instanceof EmpaError && error.code === 'trust-empty') return 'chain-incomplete';
        throw error;
      });
      assert.equal(ours, scenario.code);
      assert.equal(theirs, scenario.stricter === undefined ? scenario.code === undefined : true);
    });
  }
});

const printed = (certificate: IssuedCertificate, nameopt: string): string =>
  openssl(['x509', '-noout', '-subject', '-nameopt', nameopt], certificate.certificatePem)
    .stdout.replace(/^subject=\s*/u, '')
    .replace(/\n$/u, '');

/** Newer commands put a backslash before separators in values, and join the attributes of one RDN; the field does neither. */
const asTheField = (line: string): string => line.replaceAll(/(?<!\\)\+/gu, '/').replaceAll(/\\(?=[/+])/gu, '');

describe('DNs, as the openssl command prints them', { skip }, () => {
  const NAMES: Readonly<Record<string, NameInput>> = {
    'the types of the field': '/C=UK/ST=a/L=b/O=eScience/OU=RAL/DC=org/UID=u/CN=host.example.org/emailAddress=a@b.c',
    'slashes, equals signs and commas': [
      ['O', 'a/b=c, d+e'],
      ['CN', 'host/x.example.org'],
    ],
    'a multi-valued RDN': [
      ['O', 'x'],
      [
        ['CN', 'Robot: x'],
        ['UID', 'abc'],
      ],
    ],
    'every other type with a short name': [4, 5, 9, 12, 13, 15, 17, 20, 41, 42, 43, 44, 46, 65, 72, 97]
      .map((arc) => `2.5.4.${arc}`)
      .concat('1.2.840.113549.1.9.2', '1.2.840.113549.1.9.8')
      .map((type, index) => [type, `x${index}`]),
    'types without': [['1.2.3.4', 'x']],
    'PrintableString and IA5String': [
      ['O', 'x', 'printable'],
      ['CN', 'y', 'ia5'],
    ],
  };

  for (const [what, subject] of Object.entries(NAMES)) {
    it(`${what}: the slash form`, () => {
      const certificate = make('leaf', { subject });
      assert.equal(parseCertificate(certificate.der).subject.toString(), asTheField(printed(certificate, 'compat')));
    });
  }

  it('non-ASCII text, of which the command prints the octets', () => {
    const subjects: NameInput[] = [
      [['O', 'Zürich Öl, GmbH']],
      [['O', 'Zürich', 't61']],
      [['O', 'Zürich', 'bmp']],
      [['CN', '𝒳', 'universal']],
    ];
    for (const subject of subjects) {
      const certificate = make('leaf', { subject });
      const attributes = printed(certificate, 'sep_multiline,utf8,sname').trim().split(/\n\s*/u);
      assert.equal(parseCertificate(certificate.der).subject.toString(), attributes.map((attribute) => `/${attribute}`).join(''));
    }
  });

  it('RFC 4514, read back to the same name', () => {
    const subjects: NameInput[] = [
      ...Object.values(NAMES),
      [
        ['O', 'Zürich Öl, GmbH'],
        ['CN', ' #a"b;c<d>e\\f=g+h '],
      ],
      [['CN', 'a\u0000b\nc']],
      [['CN', '#abc']],
    ];
    for (const subject of subjects) {
      const certificate = make('leaf', { subject });
      const line = printed(certificate, 'RFC2253');
      assert.ok(DnRule.parse(line).matches(parseCertificate(certificate.der).subject), line);
    }
  });
});

describe('hashes of names, as the openssl command prints them', { skip }, () => {
  const names: NameInput[] = [
    '/C=UK/O=eScience/CN=CA 2B',
    [['O', '  A\t B ']],
    [['O', 'Z\u00fcrich \u00c4', 'bmp']],
    [['2.5.4.5', '12 34 ', 'numeric']],
    [
      [
        ['UID', 'b'],
        ['CN', 'A'],
      ],
    ],
  ];

  it('the newer one and the old one', () => {
    for (const subject of names) {
      const certificate = make('leaf', { subject });
      const { stdout } = openssl(['x509', '-noout', '-subject_hash', '-subject_hash_old'], certificate.certificatePem);
      assert.deepEqual(nameHashes(parseCertificate(certificate.der).subjectDer), stdout.trim().split('\n'));
    }
  });
});
