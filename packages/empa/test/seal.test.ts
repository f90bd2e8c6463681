import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createCertificate } from '@ssm/test-support';
import * as fc from 'fast-check';
import { decryptEnvelopedData, readEnvelopedData } from '../src/cms/enveloped-data.js';
import { readSignedData, readSignerInfo } from '../src/cms/signed-data.js';
import { readContentInfo } from '../src/cms/structure.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { readSmime, toCrlf } from '../src/mime.js';
import { certificateOf, identityOf, NOW } from './recipe.js';
import { rejected } from './refused.js';
import { World } from './world.js';

const world = new World({ after });

describe('sealMessage', () => {
  it('writes what current receivers read', async () => {
    const text = (await world.seal('Site: A\n', { deliveryId: 'abc@x' })).toString('latin1');
    const lines = [
      'MIME-Version: 1\\.0',
      'Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; micalg="sha-256"; boundary="(----[0-9A-F]{32})"',
      '',
      'This is an S/MIME signed message',
      '',
      '--\\1',
      'Content-Type: text/plain',
      'Content-ID: <abc@x>',
      '',
      'Site: A',
      '',
      '--\\1',
      'Content-Type: application/x-pkcs7-signature; name="smime\\.p7s"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="smime\\.p7s"',
      '',
      '(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}',
      '',
      '--\\1--',
      '',
      '',
    ];
    assert.match(text, new RegExp(`^${lines.join('\n')}$`, 'u'));
  });

  it('sends the signer, and its intermediates where it has them', async () => {
    const intermediate = createCertificate({ subject: '/C=UK/CN=Sub', issuer: world.authority.ca, ca: true });
    const leaf = createCertificate({ subject: '/C=UK/CN=leaf', issuer: intermediate });
    const message = await world.seal('a', { signer: identityOf(leaf, [intermediate]) });
    const data = readSignedData(readContentInfo(readSmime(message, DEFAULT_LIMITS).cms, DEFAULT_LIMITS).content, DEFAULT_LIMITS);
    assert.deepEqual(data.certificates, [leaf.der, intermediate.der]);
    assert.equal(data.signerInfos.length, 1);
    assert.equal(readSignerInfo(data.signerInfos[0]!).attributes.signingTime?.getTime(), Math.floor(NOW.getTime() / 1000) * 1000);
  });

  it('encrypts the signed message with CRLF line ends', async () => {
    const raw = await world.sealFor('a\nb\n', { deliveryId: 'x' });
    assert.match(
      raw.toString(),
      /^MIME-Version: 1\.0\nContent-Disposition: .*\nContent-Type: application\/x-pkcs7-mime; smime-type=enveloped-data; name="smime\.p7m"\n/u,
    );
    assert.ok(!raw.includes('\r'));
    const enveloped = readEnvelopedData(readContentInfo(readSmime(raw, DEFAULT_LIMITS).cms, DEFAULT_LIMITS));
    const { plaintext } = decryptEnvelopedData(enveloped, [world.identity], false);
    assert.match(plaintext.toString(), /^MIME-Version: 1\.0\r\nContent-Type: multipart\/signed;.*\r\n\r\na\r\nb\r\n\r\n--/su);
    assert.deepEqual(toCrlf(plaintext), plaintext);
  });

  it('seals many at once', async () => {
    const bodies = Array.from({ length: 64 }, (_, index) => `body ${index}\n`);
    const messages = await Promise.all(bodies.map((body) => world.sealFor(body)));
    const opened = await Promise.all(messages.map((message) => world.open(message)));
    assert.deepEqual(
      opened.map(({ body }) => Buffer.from(body).toString()),
      bodies,
    );
  });

  it('refuses keys that it cannot use, and delivery ids that no header can hold', async () => {
    const ec = certificateOf(world.site);
    await rejected('key-unsupported', world.seal('a', { recipients: [certificateOf(world.server), ec] }));
    await rejected('message-malformed', world.seal('a', { deliveryId: 'a\r\nX: y' }));
  });
});

describe('sealMessage and openMessage', () => {
  const awkward = fc
    .array(
      fc.constantFrom(
        'a',
        '\n',
        '\r\n',
        '\r',
        ' ',
        '\t',
        '--',
        '\0',
        '\u00fc',
        '=',
        'From ',
        '.',
        'Content-Type: a/b\n',
        'application/pkcs7-mime',
      ),
      { maxLength: 20 },
    )
    .map((parts) => Buffer.from(parts.join(''), 'latin1'));
  const body = fc.oneof(awkward, fc.uint8Array({ maxLength: 3000 }));

  it('carry every body byte for byte, signed', () =>
    fc.assert(
      fc.asyncProperty(body, fc.constantFrom('auto', 'base64'), async (octets, transferEncoding) => {
        const opened = await world.open(await world.seal(octets, { transferEncoding, deliveryId: 'id' }));
        assert.deepEqual(Buffer.from(opened.body), Buffer.from(octets));
        assert.deepEqual([opened.encrypted, opened.deliveryId, opened.signer.toString()], [false, 'id', world.site.dn]);
      }),
      { numRuns: 150 },
    ));

  it('carry every body byte for byte, encrypted with every cipher', () =>
    fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom('aes128', 'aes192', 'aes256', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'),
        async (octets, cipher) => {
          const opened = await world.open(await world.sealFor(octets, { cipher }));
          assert.deepEqual(Buffer.from(opened.body), Buffer.from(octets));
          assert.deepEqual([opened.encrypted, opened.deliveryId], [true, undefined]);
        },
      ),
      { numRuns: 80 },
    ));

  it('carry large bodies', async () => {
    for (const octets of [Buffer.alloc(3_000_000, 'Site: A\nSite: B\r\n'), Buffer.alloc(1_000_000, Buffer.from([...Array(256).keys()]))]) {
      for (const sealed of [await world.seal(octets), await world.sealFor(octets)])
        assert.ok(octets.equals((await world.open(sealed)).body));
    }
  });
});
