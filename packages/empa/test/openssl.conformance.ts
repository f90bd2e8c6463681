/** Messages to and from the `openssl` command, in both directions. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import {
  cachedKey,
  createCertificate,
  type IssuedCertificate,
  type KeyKind,
  requireTools,
  temporaryDirectory,
  writeTrustDirectory,
} from '@ssm/test-support';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { decodeBody, readSignedPart, toCrlf } from '../src/mime.js';
import { type OpenedMessage, openMessage } from '../src/open.js';
import { type CipherName, type SealOptions, sealMessage } from '../src/seal.js';
import { loadTrustStore } from '../src/trust-store.js';
import { identityOf, NOW } from './recipe.js';
import { rejected } from './refused.js';

const skip = requireTools('openssl');

const TEXT = 'APEL-individual-job-message: v0.3\nSite: RAL-LCG2\nUserDN: /C=UK/O=eScience/CN=a b\n%%\n';
const BINARY = Buffer.concat([Buffer.from([...Array(256).keys()]), Buffer.from('\r\n\r\n \n\t\r'), Buffer.alloc(3000, 0xa5)]);
const RSA_KINDS: KeyKind[] = ['rsa2048', 'rsa4096'];
const KINDS: KeyKind[] = [...RSA_KINDS, 'p256', 'p384'];

const directory = temporaryDirectory({ after });
const inDirectory = (name: string): string => path.join(directory, name);

const ca = createCertificate({ subject: '/C=UK/O=eScience/CN=CA', ca: true, key: cachedKey('rsa2048', 9) });
const intermediate = createCertificate({ subject: '/C=UK/O=eScience/CN=Sub CA', ca: true, issuer: ca });
writeTrustDirectory(directory, { cas: [ca] });
writeFileSync(inDirectory('ca'), ca.certificatePem);

/** A certificate for a key of this kind; its files are named after it. */
function issue(kind: KeyKind, issuer = ca): IssuedCertificate {
  const issued = createCertificate({ subject: `/C=UK/O=eScience/CN=${kind}`, issuer, key: cachedKey(kind), eku: ['serverAuth'] });
  const name = issuer === ca ? kind : `${kind}-sub`;
  writeFileSync(inDirectory(`${name}.pem`), issued.certificatePem);
  writeFileSync(inDirectory(`${name}.key`), issued.keyPem);
  return issued;
}

const issued = new Map(KINDS.map((kind) => [kind, issue(kind)]));

function of(kind: KeyKind): IssuedCertificate {
  const found = issued.get(kind);
  assert.ok(found !== undefined);
  return found;
}

/** Runs the command on this input and gives its output. */
function openssl(line: string, input: Uint8Array | string): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', line.split(' '), { cwd: directory, input, maxBuffer: 1 << 28 });
  assert.equal(status, 0, `openssl ${line}: ${stderr.toString()}`);
  return stdout;
}

const trust = loadTrustStore(directory, { now: NOW, stabilityMs: 0 });
const RECIPIENTS = RSA_KINDS.map((kind) => identityOf(of(kind)));

async function open(raw: Uint8Array, allowTripleDes = false): Promise<OpenedMessage> {
  return openMessage(raw, { identities: RECIPIENTS, trust: await trust, now: NOW, allowTripleDes });
}

async function seal(body: Uint8Array | string, kind: KeyKind, options: Partial<SealOptions> = {}): Promise<Buffer> {
  return Buffer.from(await sealMessage(Buffer.from(body), { signer: identityOf(of(kind)), now: NOW, ...options }));
}

/** Asserts that this is the body, from that signer. */
function assertOpened(opened: OpenedMessage, body: Uint8Array | string, kind: KeyKind): void {
  assert.deepEqual(Buffer.from(opened.body), Buffer.from(body));
  assert.equal(opened.signer.toString(), of(kind).dn);
}

/** Opens what openssl signs with these options. */
function openSigned(options: string): Promise<OpenedMessage> {
  return open(openssl(`cms -sign -text -signer rsa2048.pem -inkey rsa2048.key ${options}`, TEXT));
}

/** What `openssl` says was signed, decoded. */
function bodyIn(entity: Buffer): Buffer {
  return decodeBody(readSignedPart(entity, DEFAULT_LIMITS), DEFAULT_LIMITS);
}

describe('openssl verifies what we sign', { skip }, () => {
  for (const kind of KINDS) {
    it(`with ${kind}`, async () => {
      for (const body of [
        '',
        'a',
        TEXT,
        BINARY,
        '\n\n a\n\n',
        '--\n',
        `${'x'.repeat(998)}\n`,
        'x'.repeat(2000),
        'application/pkcs7-mime',
      ]) {
        for (const transferEncoding of ['auto', 'base64'] as const) {
          const raw = await seal(body, kind, { transferEncoding, deliveryId: 'a@b' });
          for (const form of [raw, toCrlf(raw)]) {
            for (const command of ['smime', 'cms']) {
              assert.deepEqual(bodyIn(openssl(`${command} -verify -CAfile ca -purpose any`, form)), Buffer.from(body));
            }
          }
        }
      }
    });
  }

  it('and for whom it was signed', async () => {
    for (const kind of KINDS) {
      const raw = await seal(TEXT, kind);
      assert.equal(bodyIn(openssl('cms -verify -cades -CAfile ca -purpose any', raw)).toString(), TEXT);
      assert.match(openssl('cms -cmsout -print -noout', raw).toString(), /: id-smime-aa-signingCertificateV2 \(/u);
      const values = openssl('asn1parse', openssl('smime -pk7out', raw)).toString();
      const digest = createHash('sha256').update(of(kind).der).digest('hex');
      assert.match(values, new RegExp(`:id-smime-aa-signingCertificateV2\n(?:.*SE[TQ].*\n)+.*:${digest.toUpperCase()}\n`, 'u'));
    }
  });

  it('and reads text as text', async () => {
    const text = openssl('smime -verify -text -CAfile ca -purpose any', await seal(TEXT, 'rsa2048'));
    assert.equal(text.toString().replaceAll('\r\n', '\n'), TEXT);
  });

  it('with intermediates of ours', async () => {
    const leaf = issue('p256', intermediate);
    const raw = await seal(TEXT, 'p256', { signer: identityOf(leaf, [intermediate]) });
    for (const options of ['', '-cades ']) {
      assert.equal(bodyIn(openssl(`cms -verify ${options}-CAfile ca -purpose any`, raw)).toString(), TEXT);
    }
    assert.equal(Buffer.from((await open(raw)).body).toString(), TEXT);
  });
});

describe('openssl decrypts what we encrypt', { skip }, () => {
  const ciphers: CipherName[] = ['aes128', 'aes192', 'aes256', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'];
  for (const cipher of ciphers) {
    it(`with ${cipher}, for each of two recipients`, async () => {
      for (const body of [TEXT, BINARY]) {
        const raw = await seal(body, 'p256', { cipher, recipients: RECIPIENTS.map(({ certificate }) => certificate) });
        for (const kind of RSA_KINDS) {
          for (const command of cipher.endsWith('gcm') ? ['cms'] : ['cms', 'smime']) {
            const signed = openssl(`${command} -decrypt -recip ${kind}.pem -inkey ${kind}.key`, raw);
            assert.deepEqual(bodyIn(openssl(`${command} -verify -CAfile ca -purpose any`, signed)), Buffer.from(body));
          }
        }
      }
    });
  }
});

/** With these options `smime` and `cms` do the same. */
const SIGN = [
  '-md sha256',
  '-md sha384',
  '-md sha512',
  '-stream',
  '-nodetach',
  '-nodetach -stream',
  '-nosmimecap',
  '-crlfeol',
  '-certfile ca',
];
const SIGN_CMS = [
  '-keyid',
  '-keyid -nodetach -stream',
  '-nodetach -outform SMIME -md sha512',
  '-cades',
  '-cades -md sha384 -certfile ca',
  '-cades -md sha512 -keyid -nodetach -stream',
];
const SIGN_PSS = ['', '-keyopt rsa_pss_saltlen:20', '-keyopt rsa_pss_saltlen:-1', '-keyopt rsa_pss_saltlen:-2', '-md sha512', '-nodetach'];

describe('we verify what openssl signs', { skip }, () => {
  for (const kind of KINDS) {
    it(`with ${kind}`, async () => {
      for (const [command, options] of [...SIGN.map((line) => ['smime', line]), ...[...SIGN, ...SIGN_CMS].map((line) => ['cms', line])]) {
        const raw = openssl(`${command} -sign -text -signer ${kind}.pem -inkey ${kind}.key ${options}`, TEXT);
        assertOpened(await open(raw), TEXT, kind);
        const lf = Buffer.from(raw.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
        for (const form of [lf, toCrlf(lf)]) assertOpened(await open(form), TEXT, kind);
      }
    });
  }

  for (const kind of RSA_KINDS) {
    it(`with ${kind} and PSS`, async () => {
      for (const options of SIGN_PSS) {
        const line = `cms -sign -text -signer ${kind}.pem -inkey ${kind}.key -keyopt rsa_padding_mode:pss ${options}`.trim();
        assertOpened(await open(openssl(line, TEXT)), TEXT, kind);
      }
    });
  }

  it('in binary, detached and not', async () => {
    const part = Buffer.concat([Buffer.from('Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n'), BINARY]);
    for (const command of ['smime', 'cms']) {
      for (const options of ['', ' -nodetach', ' -stream', ' -nodetach -stream']) {
        const raw = openssl(`${command} -sign -binary -signer p256.pem -inkey p256.key${options}`, part);
        assertOpened(await open(raw), BINARY, 'p256');
      }
    }
  });

  it('of any text', async () => {
    for (const body of [
      '',
      '\n',
      'a',
      'a\n',
      '\n\na\n\n\n',
      ' a \n',
      'From a\n.\n--\n',
      'A: b\n\n',
      `${'x'.repeat(5000)}\n`,
      'z\u00fc\n',
    ]) {
      assertOpened(await open(openssl('smime -sign -text -signer p256.pem -inkey p256.key', Buffer.from(body))), body, 'p256');
    }
  });

  it('in a large message, streamed in BER', async () => {
    const body = TEXT.repeat(60_000);
    for (const options of ['-nodetach -stream', '-stream']) {
      const raw = openssl(`cms -sign -text -signer rsa2048.pem -inkey rsa2048.key ${options}`, body);
      assertOpened(await open(raw), body, 'rsa2048');
    }
  });

  it('but not with SHA-1, without attributes, without certificate, or twice', async () => {
    await rejected('digest-refused', openSigned('-md sha1'));
    await rejected('signed-attributes-missing', openSigned('-noattr'));
    await rejected('signer-certificate-missing', openSigned('-nocerts'));
    await rejected('signer-count', openSigned('-signer p256.pem -inkey p256.key'));
  });
});

describe('we decrypt what openssl encrypts', { skip }, () => {
  const signed = skip === false ? openssl('smime -sign -text -signer p256.pem -inkey p256.key', TEXT) : Buffer.alloc(0);
  const recip = RSA_KINDS.map((kind) => ` -recip ${kind}.pem`).join('');

  for (const kind of RSA_KINDS) {
    it(`for ${kind}, exactly as the old software makes it`, async () => {
      for (const site of KINDS) {
        const plain = openssl(`smime -sign -text -signer ${site}.pem -inkey ${site}.key`, TEXT);
        const raw = openssl(`smime -encrypt -aes128 ${kind}.pem`, plain);
        assertOpened(await open(raw), TEXT, site);
        assertOpened(await open(Buffer.from(raw.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')), TEXT, site);
      }
    });

    it(`for ${kind} with every cipher, key transport and form`, async () => {
      const lines = [
        ...['aes128', 'aes192', 'aes256'].flatMap((cipher) => [`smime -encrypt -${cipher}`, `smime -encrypt -stream -binary -${cipher}`]),
        ...['aes128', 'aes192', 'aes256', 'aes-128-gcm', 'aes-192-gcm', 'aes-256-gcm'].map((cipher) => `cms -encrypt -${cipher}`),
        'cms -encrypt -aes128 -stream',
        'cms -encrypt -aes-256-gcm -stream',
        'cms -encrypt -aes128 -keyid',
      ];
      for (const line of lines) assertOpened(await open(openssl(`${line} ${kind}.pem`, signed)), TEXT, 'p256');
      const oaep = ['', ' -keyopt rsa_oaep_md:sha256', ' -keyopt rsa_oaep_md:sha512'];
      for (const options of oaep) {
        const line = `cms -encrypt -aes256 -recip ${kind}.pem -keyopt rsa_padding_mode:oaep${options}`;
        assertOpened(await open(openssl(line, signed)), TEXT, 'p256');
      }
    });
  }

  it('for several recipients, and from opaque signed data', async () => {
    assertOpened(await open(openssl(`cms -encrypt -aes128${recip}`, signed)), TEXT, 'p256');
    const opaque = openssl('cms -sign -text -nodetach -stream -signer p384.pem -inkey p384.key', TEXT);
    assertOpened(await open(openssl(`cms -encrypt -aes128${recip}`, opaque)), TEXT, 'p384');
  });

  it('with 3DES only when it is allowed', async () => {
    const raw = openssl('smime -encrypt -des3 rsa2048.pem', signed);
    await rejected('algorithm-unsupported', open(raw));
    assertOpened(await open(raw, true), TEXT, 'p256');
  });

  it('but not for an EC key, nor with another cipher', async () => {
    await rejected('no-matching-recipient', open(openssl('cms -encrypt -aes128 p256.pem', signed)));
    await rejected('algorithm-unsupported', open(openssl('cms -encrypt -camellia128 rsa2048.pem', signed)));
  });
});
