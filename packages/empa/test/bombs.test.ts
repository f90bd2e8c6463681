/** Input that is made to cost much: refused early, by a named limit or for its form. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createCertificate, encodeName, type NameInput } from '@ssm/test-support';
import { context, integer, octetString, oid, sequence, setInOrder } from '../src/der.js';
import { writeMultipartSigned } from '../src/mime.js';
import { parseCertificate } from '../src/x509/certificate.js';
import { algorithm, contentInfo, message, OIDS, PART, pkcs7Mime, signedData, signerInfo } from './recipe.js';
import { refused, rejected } from './refused.js';
import { textOf, World } from './world.js';

const world = new World({ after });
const { site } = world;
const AES128 = '2.16.840.1.101.3.4.1.2';

describe('bombs', () => {
  const raw = message({ signer: site });

  it('of DER are refused by their limits', async () => {
    for (const cms of [
      Buffer.alloc(2_000_000, '3080', 'hex'),
      Buffer.alloc(2_000_000, 'a080', 'hex'),
      sequence(Buffer.alloc(2_000_000, '0500', 'hex')),
      sequence(Buffer.alloc(2_000_000, '3000', 'hex')),
      contentInfo(OIDS.signedData, Buffer.concat([Buffer.from('2480', 'hex'), Buffer.alloc(2_000_000, '0400', 'hex'), Buffer.alloc(2)])),
    ]) {
      await rejected('limit-exceeded', world.open(pkcs7Mime(cms)));
      await rejected('limit-exceeded', world.open(writeMultipartSigned([PART], cms)));
    }
  });

  it('of lengths are refused', async () => {
    for (const length of ['84ffffffff', '847fffffff', '88ffffffffffffffff', '8500000000ff', 'ff', '83000005']) {
      await rejected('der-malformed', world.open(pkcs7Mime(Buffer.from(`30${length}0500`, 'hex'))));
    }
  });

  it('of entities in entities are refused', async () => {
    let nested = raw;
    for (let level = 0; level < 3; level += 1) {
      const info = signerInfo(nested, { signer: site });
      nested = writeMultipartSigned([nested], signedData({ signerInfos: [info], certificates: [site.der] }));
    }
    await rejected('message-malformed', world.open(nested));
    const mixed = `Content-Type: multipart/mixed; boundary=a\n\n${'--a\nContent-Type: multipart/mixed; boundary=a\n\n'.repeat(20_000)}`;
    await rejected('not-signed', world.open(Buffer.from(mixed)));
  });

  it('of headers are refused', async () => {
    const head = raw.toString('latin1').indexOf('\n\n');
    const withField = (field: string): Buffer => Buffer.concat([raw.subarray(0, head), Buffer.from(`\n${field}`), raw.subarray(head)]);
    assert.equal(textOf(await world.open(withField('X: a'))), 'hello\n');
    await rejected('limit-exceeded', world.open(withField(`X: ${'a'.repeat(10_000)}`)));
    await rejected('limit-exceeded', world.open(withField(`X: a${'\n a'.repeat(10_000)}`)));
    await rejected('limit-exceeded', world.open(withField('X: a\n'.repeat(20_000).trimEnd())));
    await rejected('limit-exceeded', world.open(Buffer.alloc(1_000_000, 'X: a\n')));
    await rejected('limit-exceeded', world.open(Buffer.alloc(1_000_000, 'a')));
    await rejected('limit-exceeded', world.open(Buffer.alloc(1_000_000, 'Content-Type: a/b\n')));
    await rejected('message-malformed', world.open(withField(`Content-Type: text/plain`)));
    for (const character of ['\0', '\r', '\u0001', '\u001b', '\u007f']) {
      await rejected('message-malformed', world.open(withField(`X: a${character}b`)));
      const text = raw.toString('latin1');
      await rejected(
        'message-malformed',
        world.open(Buffer.from(text.replace('multipart/signed', `multipart/signed${character}`), 'latin1')),
      );
      await rejected('message-malformed', world.open(Buffer.from(text.replace('boundary="', `boundary="${character}`), 'latin1')));
    }
  });

  it('of parameters and delimiters are refused', async () => {
    const type = 'Content-Type: multipart/signed';
    const many = Array.from({ length: 2000 }, (_, index) => `;a${index.toString(36)}=`).join('');
    for (const value of [`; boundary="${'\\"'.repeat(3000)}"`, ';'.repeat(8000), many.slice(0, 8000), `; boundary=${'a'.repeat(5000)}`]) {
      await rejected('message-malformed', world.open(Buffer.from(`${type}${value}\n\n`)));
    }
    for (const body of [
      '--a\n'.repeat(300_000),
      '--ab'.repeat(300_000),
      '\n--ab'.repeat(300_000),
      '-'.repeat(1_000_000),
      '\n'.repeat(1_000_000),
      `--a${' '.repeat(1_000_000)}`,
    ]) {
      await rejected('message-malformed', world.open(Buffer.from(`${type}; boundary=a\n\n${body}`)));
    }
  });

  it('of names are refused before anybody compares them', async () => {
    const marks: NameInput = [['CN', '\u0344'.repeat(2000) + '\u0316'.repeat(2000)]];
    refused('certificate-malformed', () => parseCertificate(createCertificate({ subject: marks }).der));
    const signerId = sequence(encodeName(marks), integer(1));
    await rejected('limit-exceeded', world.open(message({ signer: site, identifier: signerId })));
    const recipient = sequence(integer(0), signerId, algorithm(OIDS.rsaEncryption), octetString(Buffer.alloc(256)));
    const content = sequence(oid(OIDS.data), algorithm(AES128, octetString(Buffer.alloc(16))), context(0, Buffer.alloc(16), false));
    const enveloped = sequence(integer(0), setInOrder(...Array.from({ length: 100 }, () => recipient)), content);
    await rejected('limit-exceeded', world.open(pkcs7Mime(contentInfo(OIDS.envelopedData, enveloped))));
  });
});
