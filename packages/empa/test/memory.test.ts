/** No message makes the process grow by more than ten times its own size. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeName, temporaryDirectory } from '@ssm/test-support';
import { writeEnvelopedData } from '../src/cms/enveloped-data.js';
import { integer, nullValue, octetString, sequence, setOf } from '../src/der.js';
import { writeMultipartSigned, writePkcs7Mime } from '../src/mime.js';
import { algorithm, certificateOf, contentInfo, encryptContent, OIDS, PART, pkcs7Mime, signedData, signerInfo } from './recipe.js';
import { World } from './world.js';

const SIZE = 4 * 1024 * 1024;
const FACTOR = 10;

const world = new World({ after });
const { site, server } = world;
const directory = temporaryDirectory({ after });
const script = fileURLToPath(new URL('memory-of-one.js', import.meta.url));
const [certificate, key, file] = ['certificate', 'key', 'message'].map((name) => path.join(directory, name));
writeFileSync(certificate!, server.certificatePem);
writeFileSync(key!, server.keyPem, { mode: 0o600 });

interface Measured {
  /** Bytes by which a process of its own grew when it opened the message. */
  readonly grown: number;
  /** `opened` or the code of the error. */
  readonly result: string;
}

function measure(raw: Buffer): Measured {
  writeFileSync(file!, raw);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, world.trustDirectory, certificate!, key!, file!], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const measured: Measured = JSON.parse(stdout);
  return measured;
}

function signed(part: Buffer): Buffer {
  return writeMultipartSigned([part], signedData({ signerInfos: [signerInfo(part, { signer: site })], certificates: [site.der] }));
}

function encrypted(octets: Buffer): Buffer {
  return writePkcs7Mime(writeEnvelopedData(encryptContent(octets), [certificateOf(server)]), 'enveloped-data');
}

function encodedPart(encoding: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n\r\n`), body]);
}

/** Octets over and over, in so many bytes. */
function filled(unit: Uint8Array | string, size = SIZE): Buffer {
  return Buffer.alloc(size - (size % unit.length), unit);
}

function opaque(content: Buffer): Buffer {
  const info = signerInfo(PART, { signer: site });
  return pkcs7Mime(contentInfo(OIDS.signedData, sequence(content, info)));
}

const SHAPES: readonly (readonly [shape: string, result: string, make: () => Buffer])[] = [
  ['text of line ends', 'opened', () => signed(Buffer.concat([PART, filled('\r\n')]))],
  ['quoted-printable', 'opened', () => signed(encodedPart('quoted-printable', filled('=00=00=00=\r\n')))],
  ['base64', 'opened', () => signed(encodedPart('base64', filled('QUJDREVG\r\n')))],
  ['encrypted text', 'opened', () => encrypted(signed(Buffer.concat([PART, filled('a\n')])))],
  ['header lines', 'limit-exceeded', () => filled('X: a\n')],
  ['as many DER values as there may be', 'der-malformed', () => pkcs7Mime(sequence(filled(octetString(Buffer.alloc(256)))))],
  ['as many nested DER values', 'der-malformed', () => pkcs7Mime(sequence(filled(sequence(sequence(octetString(Buffer.alloc(760)))))))],
  [
    'a recipient with a long name',
    'limit-exceeded',
    () => {
      const who = sequence(encodeName([[['CN', Buffer.alloc(SIZE, 1)]]]), integer(1));
      const recipient = sequence(integer(0), who, algorithm(OIDS.rsaEncryption, nullValue()), octetString(Buffer.alloc(256)));
      return pkcs7Mime(contentInfo(OIDS.envelopedData, sequence(integer(0), setOf(recipient), octetString(Buffer.alloc(1)))));
    },
  ],
  [
    'content in small segments',
    'der-malformed',
    () => opaque(Buffer.concat([Buffer.from('2480', 'hex'), filled(octetString(Buffer.alloc(256))), Buffer.alloc(2)])),
  ],
];

describe('memory', () => {
  for (const [shape, expected, make] of SHAPES) {
    it(`for ${shape}`, () => {
      const raw = make();
      const { grown, result } = measure(raw);
      assert.equal(result, expected);
      assert.ok(grown < FACTOR * raw.length, `${(grown / raw.length).toFixed(1)} times`);
    });
  }
});
