import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  promises,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  cachedKey,
  createCertificate,
  createCrl,
  type IssuedCertificate,
  nameHash,
  nameHashOld,
  signingPolicy,
  temporaryDirectory,
  writeTrustDirectory,
} from '@ssm/test-support';
import { loadIdentity, loadTrustStore, type TrustStore, type TrustStoreOptions, verifyCertificate } from '../src/trust-store.js';
import { parseCertificate } from '../src/x509/certificate.js';
import { rejected } from './refused.js';

const key = cachedKey('p256');
const ca = createCertificate({ subject: '/C=UK/O=eScience/CN=CA', key, ca: true });
const other = createCertificate({ subject: '/C=UK/O=Other/CN=CA', key: cachedKey('p256', 1), ca: true });
const host = createCertificate({ subject: '/C=UK/O=eScience/CN=host', key, issuer: ca });
const HOUR = 3_600_000;
/** Long after every file was written. */
const later = (): Date => new Date(Date.now() + HOUR);

const load = (directory: string, options: Partial<TrustStoreOptions> = {}): Promise<TrustStore> =>
  loadTrustStore(directory, { now: later(), ...options });
const hash = (issued: IssuedCertificate): string => nameHash(issued.subject);
const names = (trust: TrustStore): string[] => trust.anchors.map((anchor) => anchor.subject.toString());

/** A trust directory with one CA. */
function directoryWith(context: TestContext, files: Readonly<Record<string, string | Buffer>> = {}): string {
  const directory = temporaryDirectory(context);
  writeTrustDirectory(directory, { cas: [ca] });
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(directory, name), content);
  return directory;
}

const issue = (kind: 'rsa2048' | 'p384'): IssuedCertificate => createCertificate({ subject: '/CN=x', key: cachedKey(kind), issuer: ca });

describe('loadTrustStore', () => {
  it('reads a directory as grid sites have it', async (context) => {
    const directory = temporaryDirectory(context);
    const crls = [createCrl({ issuer: ca, nextUpdate: new Date('2040-01-01T00:00:00Z') })];
    writeTrustDirectory(directory, { cas: [ca, other], crls, policies: [{ ca, text: signingPolicy(ca, ['/C=UK/*']) }] });
    for (const ending of ['namespaces', 'info', 'crl_url']) writeFileSync(path.join(directory, `${hash(ca)}.${ending}`), 'x');
    const trust = await load(directory);
    assert.equal(trust.directory, directory);
    assert.deepEqual(names(trust).toSorted(), ['/C=UK/O=Other/CN=CA', '/C=UK/O=eScience/CN=CA']);
    assert.deepEqual(trust.crls, [{ issuer: '/C=UK/O=eScience/CN=CA', nextUpdate: new Date('2040-01-01T00:00:00Z') }]);
    assert.deepEqual(trust.cas.toSorted(), ['/C=UK/O=eScience/CN=CA', other.dn].toSorted());
    assert.deepEqual(trust.problems, []);
    verifyCertificate(parseCertificate(host.der), [], trust, { now: new Date(), policy: { crl: 'require', signingPolicy: 'require' } });
  });

  it('follows links: under old and new hashes, and to the files of the IGTF', async (context) => {
    const directory = directoryWith(context, { 'Other-CA.pem': other.certificatePem });
    symlinkSync('Other-CA.pem', path.join(directory, `${hash(other)}.0`));
    symlinkSync('Other-CA.pem', path.join(directory, `${nameHashOld(other.subject)}.0`));
    const trust = await load(directory);
    assert.equal(trust.anchors.length, 2);
    assert.deepEqual(trust.problems, []);
  });

  it('ignores names that begin with a dot, directories, and what has another name', async (context) => {
    const directory = directoryWith(context, { '.hidden.pem': other.certificatePem, 'ca.txt': 'x', 'notes.0': 'x' });
    mkdirSync(path.join(directory, 'sub.pem'));
    const trust = await load(directory);
    assert.deepEqual(names(trust), ['/C=UK/O=eScience/CN=CA']);
    assert.deepEqual(trust.problems, []);
  });

  it('leaves out what it cannot read, and says so', async (context) => {
    const directory = directoryWith(context, {
      'garbage.pem': 'x',
      'empty.crt': '',
      'garbage.crl': 'x',
      'garbage.signing_policy': 'x',
      'host.pem': host.certificatePem,
    });
    symlinkSync('nowhere', path.join(directory, 'dangling.pem'));
    const fifo = path.join(directory, 'fifo.pem');
    const made = spawnSync('mkfifo', [fifo]).status === 0;
    writeFileSync(path.join(directory, 'huge.pem'), '');
    truncateSync(path.join(directory, 'huge.pem'), 5 * 1024 * 1024);
    const trust = await load(directory);
    const expected = [
      'dangling.pem',
      'empty.crt',
      ...(made ? ['fifo.pem'] : []),
      'garbage.crl',
      'garbage.pem',
      'garbage.signing_policy',
      'host.pem',
      'huge.pem',
    ];
    assert.deepEqual(trust.problems.map(({ file }) => file).toSorted(), expected);
    assert.equal(trust.anchors.length, 1);
  });

  it('refuses for a CA whose CRL cannot be read', async (context) => {
    const trust = await load(directoryWith(context, { [`${hash(ca)}.r0`]: 'x' }));
    assert.throws(() => verifyCertificate(parseCertificate(host.der), [], trust, { now: new Date() }), { code: 'crl-invalid' });
  });

  it('refuses for a CA whose signing policy cannot even be opened', async (context) => {
    const directory = directoryWith(context);
    symlinkSync('nowhere', path.join(directory, `${hash(ca)}.signing_policy`));
    const trust = await load(directory);
    assert.equal(trust.problems.length, 1);
    assert.throws(() => verifyCertificate(parseCertificate(host.der), [], trust, { now: new Date() }), {
      code: 'signing-policy-malformed',
    });
  });

  it('needs a directory and an anchor in it', async (context) => {
    const directory = temporaryDirectory(context);
    await rejected('trust-unreadable', load(path.join(directory, 'nowhere')));
    await rejected('trust-empty', load(directory));
    const subordinate = createCertificate({ subject: '/CN=Sub', key, ca: true, issuer: ca });
    writeFileSync(path.join(directory, 'sub.pem'), subordinate.certificatePem);
    writeFileSync(path.join(directory, 'garbage.pem'), 'x');
    await rejected('trust-empty', load(directory));
    await rejected('trust-unreadable', load(path.join(directory, 'sub.pem')));
  });

  it('trusts only what is in the directory', async (context) => {
    const trust = await load(directoryWith(context));
    const stranger = createCertificate({ subject: '/CN=host', key, issuer: other });
    const intermediates = [parseCertificate(other.der)];
    assert.throws(() => verifyCertificate(parseCertificate(stranger.der), intermediates, trust, { now: new Date() }), {
      code: 'chain-incomplete',
    });
  });

  it('does not use a directory in which a file has just changed', async (context) => {
    const directory = directoryWith(context);
    const file = path.join(directory, `${hash(ca)}.0`);
    await rejected('trust-unstable', loadTrustStore(directory, { now: new Date() }));
    assert.equal((await loadTrustStore(directory, { now: new Date(), stabilityMs: 0 })).anchors.length, 1);
    assert.equal((await loadTrustStore(directory, { now: new Date(Date.now() + 3000) })).anchors.length, 1);
    await rejected('trust-unstable', loadTrustStore(directory, { now: new Date(Date.now() + 3000), stabilityMs: 10_000 }));
    // An older time that was set afterwards deceives nobody; one ahead of ours by seconds is a clock that differs.
    utimesSync(file, new Date(0), new Date(0));
    utimesSync(directory, new Date(0), new Date(0));
    await rejected('trust-unstable', loadTrustStore(directory, { now: new Date() }));
    const ahead = new Date(Date.now() + HOUR + 1000);
    utimesSync(file, ahead, ahead);
    await rejected('trust-unstable', load(directory));
    assert.equal((await load(directory, { now: new Date(Date.now() + 2 * HOUR) })).anchors.length, 1);
  });

  it('does not use a directory out of which a file has just been taken', async (context) => {
    const directory = directoryWith(context, { 'other.pem': other.certificatePem });
    const seconds = Math.floor(Date.now() / 1000) - 60;
    unlinkSync(path.join(directory, 'other.pem'));
    // All that is left of the change is the time of the directory.
    const now = new Date(Date.now() + 60_000);
    utimesSync(directory, now, now);
    await rejected('trust-unstable', loadTrustStore(directory, { now }));
    utimesSync(directory, seconds, seconds);
    assert.equal((await loadTrustStore(directory, { now })).anchors.length, 1);
  });

  it('does not use a directory that changes while it is read', async (context) => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`a${index}.pem`, ca.certificatePem]));
    const changes: ((directory: string) => void)[] = [
      (directory) => appendFileSync(path.join(directory, 'a0.pem'), other.certificatePem),
      (directory) => unlinkSync(path.join(directory, 'a0.pem')),
      (directory) => writeFileSync(path.join(directory, 'new.pem'), other.certificatePem),
      (directory) => {
        writeFileSync(path.join(directory, '.tmp'), other.certificatePem);
        renameSync(path.join(directory, '.tmp'), path.join(directory, 'a0.pem'));
      },
    ];
    for (const change of changes) {
      const directory = directoryWith(context, many);
      const { open } = promises;
      const spy = context.mock.method(promises, 'open', async (...args: Parameters<typeof open>) => {
        if (spy.mock.callCount() === 25) change(directory);
        return await open(...args);
      });
      syncBuiltinESMExports();
      await rejected('trust-unstable', load(directory));
      assert.ok(spy.mock.callCount() >= 50);
      spy.mock.restore();
      syncBuiltinESMExports();
    }
  });

  it('takes CRLs of files that have not changed from an earlier snapshot, with what was found out about them', async (context) => {
    const directory = temporaryDirectory(context);
    const gone = createCertificate({ subject: '/C=UK/O=eScience/CN=gone', key, issuer: ca });
    const nextUpdate = new Date(Date.now() + 2 * HOUR);
    writeTrustDirectory(directory, { cas: [ca], crls: [createCrl({ issuer: ca, revoked: [gone], nextUpdate })] });
    const spy = context.mock.method(crypto, 'verify');
    syncBuiltinESMExports();
    const verified = (trust: TrustStore, one: IssuedCertificate): number => {
      const before = spy.mock.callCount();
      const verify = (): void => verifyCertificate(parseCertificate(one.der), [], trust, { now: later() });
      if (one === gone) assert.throws(verify, { code: 'certificate-revoked' });
      else verify();
      return spy.mock.callCount() - before;
    };
    try {
      const first = await load(directory);
      assert.equal(verified(first, host), 2);
      const again = await load(directory, { earlier: first });
      assert.deepEqual(again.crls, first.crls);
      assert.deepEqual([verified(again, host), verified(again, gone)], [1, 1]);
      writeFileSync(path.join(directory, `${hash(ca)}.r0`), createCrl({ issuer: ca, nextUpdate }).pem);
      const renewed = await load(directory, { earlier: again });
      assert.deepEqual([verified(renewed, host), renewed.crls.length], [2, 1]);
      verifyCertificate(parseCertificate(gone.der), [], renewed, { now: later() });
      unlinkSync(path.join(directory, `${hash(ca)}.r0`));
      assert.equal((await load(directory, { earlier: renewed })).crls.length, 0);
    } finally {
      spy.mock.restore();
      syncBuiltinESMExports();
    }
  });

  it('is a snapshot: what changes on disk changes nothing in it', async (context) => {
    const directory = directoryWith(context);
    const trust = await load(directory);
    rmSync(path.join(directory, `${hash(ca)}.0`));
    verifyCertificate(parseCertificate(host.der), [], trust, { now: new Date() });
    assert.ok(Object.isFrozen(trust) && Object.isFrozen(trust.anchors) && Object.isFrozen(trust.problems) && Object.isFrozen(trust.crls));
    assert.throws(() => verifyCertificate(parseCertificate(host.der), [], { ...trust }, { now: new Date() }), TypeError);
  });

  it('sees the swap by which Kubernetes renews a volume', async (context) => {
    const directory = temporaryDirectory(context);
    const file = `${hash(ca)}.0`;
    const publish = (version: string, cas: readonly IssuedCertificate[]): void => {
      const data = path.join(directory, `..${version}`);
      mkdirSync(data);
      for (const one of cas) writeFileSync(path.join(data, `${hash(one)}.0`), one.certificatePem);
      symlinkSync(`..${version}`, path.join(directory, '..data_tmp'));
      renameSync(path.join(directory, '..data_tmp'), path.join(directory, '..data'));
    };
    publish('2030_1', [ca]);
    symlinkSync(path.join('..data', file), path.join(directory, file));
    const before = await load(directory);
    assert.deepEqual(names(before), ['/C=UK/O=eScience/CN=CA']);
    publish('2030_2', [ca, other]);
    symlinkSync(path.join('..data', `${hash(other)}.0`), path.join(directory, `${hash(other)}.0`));
    await rejected('trust-unstable', loadTrustStore(directory, { now: new Date() }));
    const after = await load(directory);
    assert.equal(after.anchors.length, 2);
    assert.equal(before.anchors.length, 1);
    publish('2030_3', [other]);
    const last = await load(directory);
    assert.deepEqual(names(last), ['/C=UK/O=Other/CN=CA']);
    assert.deepEqual(
      last.problems.map((problem) => problem.file),
      [file],
    );
  });
});

describe('loadIdentity', () => {
  const now = new Date();
  const intermediate = createCertificate({ subject: '/CN=Sub', key, ca: true, issuer: ca });

  interface Files {
    readonly certificate?: string;
    readonly key?: string;
    readonly mode?: number;
  }

  /** Writes both files; missing ones are the host's. */
  function paths(context: TestContext, files: Files = {}): { certificate: string; key: string } {
    const directory = temporaryDirectory(context);
    const at = { certificate: path.join(directory, 'hostcert.pem'), key: path.join(directory, 'hostkey.pem') };
    writeFileSync(at.certificate, files.certificate ?? host.certificatePem);
    writeFileSync(at.key, files.key ?? host.keyPem, { mode: 0o600 });
    chmodSync(at.key, files.mode ?? 0o400);
    return at;
  }

  it('reads a certificate, its intermediates and its key', async (context) => {
    const identity = await loadIdentity(paths(context, { certificate: `x\n${host.certificatePem}${intermediate.certificatePem}` }), {
      now,
    });
    assert.equal(identity.certificate.subject.toString(), '/C=UK/O=eScience/CN=host');
    assert.deepEqual(
      identity.intermediates.map((one) => one.subject.toString()),
      ['/CN=Sub'],
    );
    assert.equal(identity.privateKey.type, 'private');
    assert.deepEqual(identity.warnings, []);
  });

  it('reads every kind of key file', async (context) => {
    const rsa = issue('rsa2048');
    const ec = issue('p384');
    const kinds = [
      [rsa, rsa.keyPem],
      [rsa, rsa.key.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
      [ec, ec.keyPem],
      [
        ec,
        `-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n${ec.key.privateKey.export({ type: 'sec1', format: 'pem' }).toString()}`,
      ],
      [ec, `${ec.certificatePem}${ec.keyPem}`],
    ] as const;
    for (const [issued, keyPem] of kinds) {
      const identity = await loadIdentity(paths(context, { certificate: issued.certificatePem, key: keyPem }), { now });
      assert.ok(identity.certificate.raw.equals(issued.der));
    }
  });

  it('refuses a key that the world can use, and warns of one that its group can', async (context) => {
    for (const mode of [0o644, 0o604, 0o602, 0o601]) {
      await rejected('key-world-readable', loadIdentity(paths(context, { mode }), { now }));
    }
    for (const mode of [0o440, 0o660, 0o620]) {
      const { warnings } = await loadIdentity(paths(context, { mode }), { now });
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ['key-group-readable'],
      );
    }
    for (const mode of [0o400, 0o600]) assert.deepEqual((await loadIdentity(paths(context, { mode }), { now })).warnings, []);
  });

  it('judges the target of a link, not the link', async (context) => {
    for (const [mode, code] of [
      [0o600, undefined],
      [0o644, 'key-world-readable'],
    ] as const) {
      const at = paths(context, { mode });
      const link = `${at.key}.link`;
      symlinkSync(at.key, link);
      const loading = loadIdentity({ ...at, key: link }, { now });
      if (code === undefined) assert.deepEqual((await loading).warnings, []);
      else await rejected(code, loading);
    }
  });

  it('refuses what does not belong together', async (context) => {
    await rejected('key-mismatch', loadIdentity(paths(context, { key: cachedKey('p256', 1).pem }), { now }));
    await rejected('key-mismatch', loadIdentity(paths(context, { key: cachedKey('rsa2048').pem }), { now }));
    await rejected(
      'key-mismatch',
      loadIdentity(
        paths(context, {
          certificate: `${createCertificate({ subject: '/CN=x', key: cachedKey('p256', 1) }).certificatePem}${host.certificatePem}`,
        }),
        { now },
      ),
    );
  });

  it('refuses certificates outside their time, and warns a day before the end', async (context) => {
    const at = paths(context, {
      certificate: createCertificate({
        subject: '/CN=x',
        key,
        notBefore: new Date('2030-01-01T00:00:00Z'),
        notAfter: new Date('2030-03-01T00:00:00Z'),
      }).certificatePem,
    });
    await rejected('certificate-not-yet-valid', loadIdentity(at, { now: new Date('2029-12-31T23:59:59Z') }));
    await rejected('certificate-expired', loadIdentity(at, { now: new Date('2030-03-01T00:00:01Z') }));
    assert.deepEqual((await loadIdentity(at, { now: new Date('2030-02-28T00:00:00Z') })).warnings, []);
    const { warnings } = await loadIdentity(at, { now: new Date('2030-02-28T00:00:01Z') });
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['certificate-expires-soon'],
    );
  });

  it('refuses keys that are too weak, and kinds that are not supported', async (context) => {
    const weak = createCertificate({ subject: '/CN=x', key: cachedKey('rsa1024') });
    await rejected('key-too-weak', loadIdentity(paths(context, { certificate: weak.certificatePem, key: weak.keyPem }), { now }));
    const curve = createCertificate({ subject: '/CN=x', key: cachedKey('p521') });
    await rejected('key-unsupported', loadIdentity(paths(context, { certificate: curve.certificatePem, key: curve.keyPem }), { now }));
  });

  it('says that a key is encrypted', async (context) => {
    const secret = { cipher: 'aes-256-cbc', passphrase: 'x' } as const;
    const modern = key.privateKey.export({ type: 'pkcs8', format: 'pem', ...secret }).toString();
    const traditional = key.privateKey.export({ type: 'sec1', format: 'pem', ...secret }).toString();
    for (const keyPem of [modern, traditional]) await rejected('key-unsupported', loadIdentity(paths(context, { key: keyPem }), { now }));
  });

  it('refuses files that it cannot read', async (context) => {
    const at = paths(context);
    await rejected('identity-unreadable', loadIdentity({ ...at, certificate: `${at.certificate}.nowhere` }, { now }));
    await rejected('identity-unreadable', loadIdentity({ ...at, key: path.dirname(at.key) }, { now }));
    await rejected('identity-malformed', loadIdentity(paths(context, { certificate: 'x' }), { now }));
    await rejected('identity-malformed', loadIdentity(paths(context, { certificate: host.keyPem }), { now }));
    await rejected('identity-malformed', loadIdentity(paths(context, { key: 'x' }), { now }));
    await rejected('identity-malformed', loadIdentity(paths(context, { key: host.certificatePem }), { now }));
    await rejected('identity-malformed', loadIdentity(paths(context, { key: host.keyPem.slice(0, -40) }), { now }));
    const damaged = host.keyPem.replace(/[A-Za-z0-9+/]{30}\n/u, '\n');
    await rejected('identity-malformed', loadIdentity(paths(context, { key: damaged }), { now }));
  });

  it('says what to do with a PKCS#12 file', async (context) => {
    for (const which of ['certificate', 'key'] as const) {
      const at = paths(context);
      rmSync(at[which]);
      writeFileSync(at[which], Buffer.from('30820a7f02010330820a3506092a864886f70d010701', 'hex'), { mode: 0o600 });
      await assert.rejects(loadIdentity(at, { now }), { code: 'identity-malformed', message: /PKCS#12.*openssl pkcs12 -in .* -nodes/ });
    }
  });

  it('says nothing of the key in any error', async (context) => {
    const lines = host.keyPem.split('\n').slice(1, -2);
    const wrong = [
      { key: cachedKey('p256', 1).pem },
      { key: host.keyPem.replace('A', 'B').slice(0, -40) },
      { key: host.keyPem.replace(/[A-Za-z0-9+/]{30}\n/u, '\n') },
      { mode: 0o644 },
      { certificate: host.keyPem },
    ];
    for (const files of wrong) {
      const error: unknown = await loadIdentity(paths(context, files), { now }).catch((reason: unknown) => reason);
      let text = '';
      for (let cause = error; cause instanceof Error; cause = cause.cause) text += `${cause.message}\n${cause.stack}`;
      assert.ok(text.length > 0);
      for (const line of lines) assert.ok(!text.includes(line.slice(4, 20)));
    }
  });
});
