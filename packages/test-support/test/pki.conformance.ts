import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  type CertificateOptions,
  cachedKey,
  createCertificate,
  createCrl,
  type IssuedCertificate,
  type NameInput,
  requireTools,
  writeTrustDirectory,
} from '../src/index.js';
import { subjectHash, subjectHashOld } from '../src/pki/subject-hash.js';

const skip = requireTools('openssl');
const directory = mkdtempSync(path.join(tmpdir(), 'ssm-pki-'));
after(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function write(content: string | Uint8Array): string {
  files += 1;
  const file = path.join(directory, `${files}.pem`);
  writeFileSync(file, content);
  return file;
}
const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const NAMES: readonly NameInput[] = [
  '/C=UK/O=eScience/OU=CLRC/L=DL/CN=host.example.org',
  '/DC=org/DC=example/CN=Robot: a b/emailAddress=Some.One@Example.ORG',
  [
    ['O', '  Many   BLANKS\tand tabs\n '],
    ['CN', ''],
  ],
  [
    ['O', 'Überprüfung ÀÉ', 't61'],
    ['OU', 'Überprüfung', 'bmp'],
    ['CN', 'Ελλάδα 𝔘', 'universal'],
    ['L', 'Ελλάδα'],
  ],
  [
    [
      ['UID', 'zz'],
      ['CN', 'AA'],
      ['O', 'm'],
    ],
    ['serialNumber', '12 A'],
    ['2.5.4.5', '12  34', 'numeric'],
  ],
  [
    ['CN', new Uint8Array([0x41, 0, 0x42])],
    ['O', 'A'.repeat(300)],
  ],
];

describe('names and the openssl command', { skip }, () => {
  for (const [index, subject] of NAMES.entries()) {
    it(`agree about the hashes of name ${index}`, () => {
      const made = createCertificate({ subject });
      const file = write(made.certificatePem);
      assert.equal(subjectHash(made.der), openssl('x509', '-noout', '-subject_hash', '-in', file).trim());
      assert.equal(subjectHashOld(made.der), openssl('x509', '-noout', '-subject_hash_old', '-in', file).trim());
    });
  }
  it('agree about the slash form', () => {
    const made = createCertificate({ subject: NAMES[1] ?? '' });
    const text = openssl('x509', '-noout', '-subject', '-nameopt', 'compat', '-in', write(made.certificatePem));
    assert.equal(text.trim(), `subject=${made.dn}`);
  });
});

function verify(made: IssuedCertificate, anchor: IssuedCertificate, ...args: string[]): { ok: boolean; said: string } {
  const result = spawnSync('openssl', ['verify', '-CAfile', write(anchor.certificatePem), ...args, write(made.certificatePem)], {
    encoding: 'utf8',
  });
  return { ok: result.status === 0, said: result.stdout + result.stderr };
}
describe('certificates and the openssl command', { skip }, () => {
  const key = cachedKey('rsa2048');
  const root = createCertificate({ subject: '/C=UK/O=eScience/CN=Root', key, ca: true });

  const issue = (more: Partial<CertificateOptions>): IssuedCertificate =>
    createCertificate({ subject: '/C=UK/O=eScience/CN=host', issuer: root, ...more });

  it('verifies strictly what has every extension', () => {
    const made = issue({
      san: ['DNS:localhost', 'IP:127.0.0.1', 'IP:fe80::1', 'email:a@b.org', 'URI:http://example.org/', 'dirName:/C=UK/CN=x'],
      eku: ['serverAuth', 'clientAuth', 'emailProtection', '1.2.3.4'],
      crlDistribution: 'http://localhost/ca.crl',
      extensions: [{ oid: '1.2.3.4.5', critical: false, der: Buffer.from('0500', 'hex') }],
    });
    const { ok, said } = verify(made, root, '-x509_strict');
    assert.equal(ok, true, said);
    const text = openssl('x509', '-noout', '-text', '-in', write(made.certificatePem));
    assert.match(text, /IP Address:FE80:0:0:0:0:0:0:1, email:a@b.org, URI:http:\/\/example.org\/, DirName:\/?C ?= ?UK/);
    assert.match(text, /URI:http:\/\/localhost\/ca.crl/);
    assert.match(text, /Digital Signature, Key Encipherment/);
  });

  for (const kind of ['rsa2048', 'p256', 'p384'] as const)
    for (const signature of ['sha256', 'sha384', 'sha512', 'pss-sha256'] as const) {
      if (kind !== 'rsa2048' && signature === 'pss-sha256') continue;
      it(`verifies a chain of ${kind} keys with ${signature}`, () => {
        const anchor = createCertificate({ subject: '/CN=CA', key: cachedKey(kind), ca: true, signature });
        const middle = createCertificate({ subject: '/CN=Sub', key: cachedKey(kind, 1), issuer: anchor, ca: true, pathLen: 0, signature });
        const leaf = createCertificate({ subject: '/CN=host', issuer: middle, signature });
        const { ok, said } = verify(leaf, anchor, '-x509_strict', '-untrusted', write(middle.certificatePem));
        assert.equal(ok, true, said);
      });
    }

  const faults: readonly (readonly [string, Partial<CertificateOptions>, RegExp])[] = [
    ['expired', { notAfter: new Date(Date.now() - 1000) }, /certificate has expired/],
    ['not yet valid', { notBefore: new Date(Date.now() + 60_000) }, /not yet valid/],
    ['of another key', { issuerKey: cachedKey('rsa2048', 1), withoutAki: true }, /signature failure/],
    ['inner and outer algorithm differ', { innerAlgorithm: 'sha512' }, /signature (algorithm mismatch|failure)/],
    ['critical extension', { extensions: [{ oid: '1.2.3.4', critical: true, der: Buffer.from([5, 0]) }] }, /unhandled critical extension/],
    ['proxy', { proxyCertInfo: { pathLen: 1 } }, /proxy certificates not allowed/],
    ['1024 bits', { key: cachedKey('rsa1024') }, /key too weak/],
  ];
  for (const [name, more, message] of faults)
    it(`refuses: ${name}`, () => {
      const { ok, said } = verify(issue(more), root, '-auth_level', '2');
      assert.equal(ok, false);
      assert.match(said, message);
    });

  it('obeys name constraints', () => {
    const nameConstraints = {
      permitted: ['dirName:/C=UK/O=eScience', 'DNS:example.org', 'IP:10.0.0.0/255.0.0.0'],
      excluded: ['DNS:bad.example.org'],
    };
    const bound = createCertificate({ subject: '/CN=Bound', key, ca: true, nameConstraints });
    const host = (subject: string, san: string): boolean =>
      verify(createCertificate({ subject, issuer: createSub(bound), san: [san] }), bound, '-untrusted', sub).ok;
    const subKey = cachedKey('p256', 2);
    let sub = '';
    function createSub(issuer: IssuedCertificate): IssuedCertificate {
      const made = createCertificate({ subject: '/C=UK/O=eScience/CN=Sub', key: subKey, issuer, ca: true, nameConstraints });
      sub = write(made.certificatePem);
      return made;
    }
    assert.equal(host('/C=UK/O=eScience/CN=x', 'DNS:x.example.org'), true);
    assert.equal(host('/C=UK/O=eScience/CN=x', 'IP:10.1.2.3'), true);
    assert.equal(host('/C=UK/O=eScience/CN=x', 'DNS:bad.example.org'), false);
    assert.equal(host('/C=UK/O=other/CN=x', 'DNS:x.example.org'), false);
  });

  it('finds CA and CRL in a trust directory', () => {
    const good = issue({});
    const bad = issue({});
    const trust = path.join(directory, 'trust');
    writeTrustDirectory(trust, { cas: [root], crls: [createCrl({ issuer: root, revoked: [bad] })] });
    const check = (made: IssuedCertificate): string =>
      spawnSync('openssl', ['verify', '-no-CAfile', '-CApath', trust, '-crl_check', write(made.certificatePem)], { encoding: 'utf8' })
        .stderr;
    assert.equal(check(good), '');
    assert.match(check(bad), /certificate revoked/);
  });

  it('reads CRLs with and without faults', () => {
    const show = (file: string): string => openssl('crl', '-noout', '-text', '-CAfile', write(root.certificatePem), '-in', file);
    assert.match(show(write(createCrl({ issuer: root, revoked: [1n, 255] }).pem)), /Serial Number: 01[\s\S]*Serial Number: FF/);
    assert.match(show(write(createCrl({ issuer: root, delta: true }).pem)), /Delta CRL Indicator: critical/);
    assert.match(show(write(createCrl({ issuer: root, indirect: true }).pem)), /Indirect CRL/);
    assert.match(show(write(createCrl({ issuer: root, nextUpdate: null }).pem)), /Next Update: NONE/);
    assert.match(show(write(createCrl({ issuer: root, signature: 'pss-sha256' }).pem)), /rsassaPss/);
    const extra = [{ oid: '1.2.3.4', critical: true, der: Buffer.from([5, 0]) }];
    assert.match(
      show(write(createCrl({ issuer: root, extensions: extra, revoked: [7], entryExtensions: extra }).pem)),
      /1\.2\.3\.4: critical/,
    );
  });
});
