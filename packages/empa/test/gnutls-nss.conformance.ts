/** Messages to and from GnuTLS (`certtool`) and NSS (`cmsutil`), which share no code with OpenSSL. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
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
import { decodeBody, readSignedPart, readSmime, toCrlf, writeMultipartSigned } from '../src/mime.js';
import { openMessage } from '../src/open.js';
import { sealMessage } from '../src/seal.js';
import { loadTrustStore } from '../src/trust-store.js';
import { BODY, identityOf, NOW, PART, pkcs7Mime } from './recipe.js';

const skip = requireTools('openssl', 'certtool', 'cmsutil');
const KINDS: readonly KeyKind[] = ['rsa2048', 'rsa4096', 'p256', 'p384'];
const EMAIL = '1.3.6.1.5.5.7.3.4';
const BINARY = Buffer.concat([Buffer.from([...Array(256).keys()]), Buffer.from('\r\n\n \n\t\r')]);

const directory = temporaryDirectory({ after });
const ca = createCertificate({ subject: '/C=UK/O=eScience/CN=CA', ca: true, key: cachedKey('rsa2048', 9) });
const sub = createCertificate({ subject: '/C=UK/O=eScience/CN=Sub CA', ca: true, issuer: ca });
const trustDirectory = temporaryDirectory({ after });
writeTrustDirectory(trustDirectory, { cas: [ca] });
const trust = loadTrustStore(trustDirectory, { now: NOW, stabilityMs: 0 });
const inDirectory = (name: string): string => path.join(directory, name);

const issued = new Map(
  KINDS.map((kind) => [
    kind,
    createCertificate({
      subject: `/C=UK/O=eScience/CN=${kind}`,
      issuer: sub,
      key: cachedKey(kind),
      eku: ['emailProtection'],
      san: [`email:${kind}@example.org`],
    }),
  ]),
);

function of(kind: KeyKind): IssuedCertificate {
  const found = issued.get(kind);
  assert.ok(found !== undefined);
  return found;
}

function run(line: string): Buffer {
  const [command = '', ...args] = line.split(' ');
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: directory });
  assert.equal(status, 0, `${line}: ${stderr.toString()}`);
  return stdout;
}

const made = (line: string): Buffer => {
  run(line);
  return readFileSync(inDirectory('out'));
};

/** The certificates and keys as the tools want them. */
function install(): void {
  writeFileSync(inDirectory('part'), PART);
  writeFileSync(inDirectory('ca'), ca.certificatePem);
  writeFileSync(inDirectory('sub'), sub.certificatePem);
  run('certutil -N -d sql:. --empty-password');
  run('certutil -A -d sql:. -n ca -t ,C, -i ca');
  for (const kind of KINDS) {
    writeFileSync(inDirectory(`${kind}.pem`), of(kind).certificatePem);
    writeFileSync(inDirectory(`${kind}.key`), of(kind).keyPem);
    run(`openssl pkcs12 -export -in ${kind}.pem -inkey ${kind}.key -certfile sub -name ${kind} -passout pass:x -out ${kind}.p12`);
    run(`pk12util -i ${kind}.p12 -d sql:. -W x`);
  }
}

async function assertOpens(raw: Uint8Array, kind: KeyKind): Promise<void> {
  const opened = await openMessage(raw, { identities: [identityOf(of('rsa2048'))], trust: await trust, now: NOW });
  assert.deepEqual([Buffer.from(opened.body).toString(), opened.signer.toString()], [BODY, of(kind).dn]);
}

/** In both forms: beside the part, and around it. */
async function assertOpensBoth(kind: KeyKind, detached: Buffer, opaque: Buffer): Promise<void> {
  await assertOpens(writeMultipartSigned([PART], detached), kind);
  await assertOpens(pkcs7Mime(opaque), kind);
}

async function seal(body: Uint8Array, kind: KeyKind, encrypted: boolean): Promise<Buffer> {
  const recipients = encrypted ? [identityOf(of('rsa2048')).certificate] : [];
  return Buffer.from(await sealMessage(body, { signer: identityOf(of(kind), [sub]), recipients, now: NOW }));
}

/** Splits what we sign into the files `signed` and `cms`. */
async function sealToFiles(body: Uint8Array, kind: KeyKind): Promise<void> {
  const entity = readSmime(toCrlf(await seal(body, kind, false)), DEFAULT_LIMITS);
  assert.ok(entity.kind === 'multipart-signed');
  writeFileSync(inDirectory('signed'), entity.signedPart);
  writeFileSync(inDirectory('cms'), entity.cms);
}

describe('GnuTLS and NSS', { skip }, () => {
  before(install);

  for (const kind of KINDS) {
    it(`sign what we open, with ${kind}`, async () => {
      for (const hash of ['SHA256', 'SHA384', 'SHA512']) {
        const gnutls = (form: string): Buffer => {
          const names = `--load-certificate chain --load-privkey ${kind}.key --infile part --outfile out --outder`;
          writeFileSync(inDirectory('chain'), of(kind).certificatePem + sub.certificatePem);
          return made(`certtool ${form} --p7-time --p7-include-cert --hash ${hash} ${names}`);
        };
        await assertOpensBoth(kind, gnutls('--p7-detached-sign'), gnutls('--p7-sign'));
        const nss = (form: string): Buffer => made(`cmsutil -S -d sql:. -N ${kind} -H ${hash} -G${form} -i part -o out`);
        await assertOpensBoth(kind, nss(' -T'), nss(''));
      }
    });

    it(`verify what we sign, with ${kind}`, async () => {
      for (const body of [Buffer.from(BODY), BINARY, Buffer.alloc(0)]) {
        await sealToFiles(body, kind);
        run(`certtool --p7-verify --load-ca-certificate ca --verify-purpose ${EMAIL} --inder --infile cms --load-data signed`);
        // Certificate usage 4: e-mail signer.
        assert.match(run('cmsutil -D -d sql:. -u 4 -h 1 -i cms -c signed').toString(), /signer0\.status=GoodSignature/u);
        assert.deepEqual(decodeBody(readSignedPart(readFileSync(inDirectory('signed')), DEFAULT_LIMITS), DEFAULT_LIMITS), body);
      }
    });
  }

  it('NSS encrypts what we decrypt, and decrypts what we encrypt', async () => {
    writeFileSync(inDirectory('signed'), toCrlf(await seal(Buffer.from(BODY), 'p256', false)));
    await assertOpens(pkcs7Mime(made('cmsutil -E -d sql:. -r rsa4096@example.org -r rsa2048@example.org -i signed -o out')), 'p256');
    const entity = readSmime(await seal(Buffer.from(BODY), 'p384', true), DEFAULT_LIMITS);
    writeFileSync(inDirectory('cms'), entity.cms);
    await assertOpens(made('cmsutil -D -d sql:. -i cms -o out'), 'p384');
  });
});
