import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { decryptEnvelopedData, type EnvelopedData, readEnvelopedData, writeEnvelopedData } from '../../src/cms/enveloped-data.js';
import { writeKeyTransport } from '../../src/cms/key-transport.js';
import { readContentInfo } from '../../src/cms/structure.js';
import { context, integer, nullValue, octetString, oid, parseDer, sequence, setOf } from '../../src/der.js';
import { DEFAULT_LIMITS } from '../../src/limits.js';
import { Authority, algorithm, attribute, berOf, certificateOf, contentInfo, encryptContent, identityOf, OIDS } from '../recipe.js';
import { refused } from '../refused.js';

const PLAINTEXT = Buffer.from('MIME-Version: 1.0\r\n\r\n');
const AUTH_ENVELOPED = '1.2.840.113549.1.9.16.1.23';
const AES128 = '2.16.840.1.101.3.4.1.2';
const GCM128 = '2.16.840.1.101.3.4.1.6';
const authority = new Authority();
const old = authority.issue('server', 'rsa2048');
const renewed = authority.issue('server', 'rsa2048', 1);
const ec = authority.issue('ec');

function read(cms: Buffer): EnvelopedData {
  return readEnvelopedData(readContentInfo(cms, DEFAULT_LIMITS));
}

function decrypt(cms: Buffer, identities = [identityOf(old)]): ReturnType<typeof decryptEnvelopedData> {
  return decryptEnvelopedData(read(cms), identities, false);
}

function enveloped(...fields: Buffer[]): Buffer {
  return contentInfo(OIDS.envelopedData, sequence(integer(0), ...fields));
}

/** The content as EncryptedContentInfo has it. */
function encrypted(cipher: Buffer, ciphertext: Buffer, type: string = OIDS.data): Buffer {
  return sequence(oid(type), cipher, context(0, ciphertext, false));
}

describe('EnvelopedData', () => {
  for (const cipher of ['aes128', 'aes192', 'aes256', 'aes128-gcm', 'aes192-gcm', 'aes256-gcm'] as const) {
    it(`with ${cipher} is decrypted by each of its recipients, from DER and BER`, () => {
      const der = Buffer.concat(writeEnvelopedData(encryptContent(PLAINTEXT, cipher), [old, renewed].map(certificateOf)));
      parseDer(der, { strict: true });
      for (const cms of [der, berOf(der)]) {
        for (const issued of [old, renewed]) assert.deepEqual(decrypt(cms, [identityOf(issued)]), { plaintext: PLAINTEXT, good: true });
      }
    });
  }

  it('is decrypted by the one of several identities that it names', () => {
    const cms = Buffer.concat(writeEnvelopedData(encryptContent(PLAINTEXT), [certificateOf(old)]));
    assert.ok(
      decrypt(
        cms,
        [ec, renewed, old].map((issued) => identityOf(issued)),
      ).good,
    );
    assert.ok(!decrypt(cms, [{ ...identityOf(old), privateKey: renewed.key.privateKey }]).good);
  });

  it('says for whom it is when that is somebody else', () => {
    const cms = Buffer.concat(writeEnvelopedData(encryptContent(PLAINTEXT), [certificateOf(old)]));
    assert.throws(() => decrypt(cms, [identityOf(renewed), identityOf(ec)]), {
      code: 'no-matching-recipient',
      message: new RegExp(`issuer /C=UK/O=eScience/CN=Test CA serial ${certificateOf(old).serialNumber}$`, 'u'),
    });
    refused('no-matching-recipient', () => decrypt(cms, []));
    const nobody = sequence(
      integer(2),
      setOf(context(1, integer(3))),
      encrypted(algorithm(AES128, octetString(randomBytes(16))), Buffer.alloc(16)),
    );
    refused('no-matching-recipient', () => decrypt(contentInfo(OIDS.envelopedData, nobody)));
  });

  it('is not for an identity without an RSA key, even one that it names', () => {
    const cms = Buffer.concat(writeEnvelopedData(encryptContent(PLAINTEXT), [certificateOf(old)]));
    refused('no-matching-recipient', () => decrypt(cms, [{ ...identityOf(old), privateKey: ec.key.privateKey }]));
  });

  it('finds its recipient by key id, and beside recipients of other kinds', () => {
    const der = Buffer.concat(writeEnvelopedData(encryptContent(PLAINTEXT), [certificateOf(old)]));
    const [version, recipients, content] = readContentInfo(der, DEFAULT_LIMITS).content.children;
    const [info] = recipients!.children;
    const [, , ...rest] = info!.children.map((child) => child.raw);
    const byKeyId = sequence(integer(2), context(0, old.key.id, false), ...rest);
    const others = [context(1, integer(3)), context(4, sequence())];
    const fields = [
      version!.raw,
      context(0, [context(0, sequence())]),
      setOf(byKeyId, ...others),
      content!.raw,
      context(1, attribute('1.2.3')),
    ];
    assert.ok(decrypt(contentInfo(OIDS.envelopedData, sequence(...fields))).good);
  });

  it('is refused for a recipient without an RSA key', () => {
    refused('key-unsupported', () => writeEnvelopedData(encryptContent(PLAINTEXT), [certificateOf(old), certificateOf(ec)]));
  });

  it('is refused for what is in clear: type, cipher, structure', () => {
    const recipients = setOf(writeKeyTransport(randomBytes(16), certificateOf(old)));
    const iv = octetString(randomBytes(16));
    refused('algorithm-unsupported', () =>
      read(enveloped(recipients, encrypted(algorithm(AES128, iv), Buffer.alloc(16), OIDS.signedData))),
    );
    refused('algorithm-unsupported', () =>
      decrypt(enveloped(recipients, encrypted(algorithm('1.2.840.113549.3.7', octetString(randomBytes(8))), Buffer.alloc(16)))),
    );
    for (const fields of [
      [],
      [recipients],
      [recipients, nullValue()],
      [recipients, encrypted(algorithm(AES128, iv), Buffer.alloc(16)), nullValue()],
    ]) {
      refused('der-malformed', () => read(enveloped(...fields)));
    }
  });

  it('without content is not good', () => {
    const recipients = setOf(writeKeyTransport(randomBytes(16), certificateOf(old)));
    const content = sequence(oid(OIDS.data), algorithm(AES128, octetString(randomBytes(16))));
    assert.ok(!decrypt(contentInfo(OIDS.envelopedData, sequence(integer(0), recipients, content))).good);
  });
});

describe('AuthEnvelopedData', () => {
  const key = randomBytes(16);
  const recipients = setOf(writeKeyTransport(key, certificateOf(old)));
  const iv = randomBytes(12);
  const parameters = sequence(octetString(iv), integer(16));
  const attributes = [attribute('1.2.3.4', integer(1)), attribute('1.2.3.5', integer(2))];

  function sealed(aad: Buffer | undefined, sent: readonly Buffer[]): Buffer {
    const encipher = createCipheriv('aes-128-gcm', key, iv);
    if (aad !== undefined) encipher.setAAD(aad);
    const ciphertext = Buffer.concat([encipher.update(PLAINTEXT), encipher.final()]);
    const content = encrypted(algorithm(GCM128, parameters), ciphertext);
    const fields = [integer(0), recipients, content, ...sent, octetString(encipher.getAuthTag()), context(2, attribute('1.2.3'))];
    return contentInfo(AUTH_ENVELOPED, sequence(...fields));
  }

  it('authenticates its attributes, as DER whatever they came as', () => {
    const cms = sealed(setOf(...attributes), [context(1, attributes)]);
    assert.ok(decrypt(cms).good);
    assert.ok(decrypt(berOf(cms)).good);
    assert.ok(decrypt(sealed(undefined, [])).good);
    assert.ok(!decrypt(sealed(setOf(...attributes), [context(1, attributes.slice(1))])).good);
    assert.ok(!decrypt(sealed(setOf(...attributes), [])).good);
    assert.ok(!decrypt(sealed(undefined, [context(1, attributes)])).good);
  });

  it('is refused with a cipher that authenticates nothing, and EnvelopedData with one whose tag nobody would check', () => {
    const cbc = encrypted(algorithm(AES128, octetString(randomBytes(16))), Buffer.alloc(16));
    refused('algorithm-unsupported', () =>
      decrypt(contentInfo(AUTH_ENVELOPED, sequence(integer(0), recipients, cbc, octetString(randomBytes(16))))),
    );
    const gcm = encrypted(algorithm(GCM128, parameters), Buffer.alloc(16));
    refused('algorithm-unsupported', () => decrypt(contentInfo(OIDS.envelopedData, sequence(integer(0), recipients, gcm))));
    refused('der-malformed', () => decrypt(contentInfo(AUTH_ENVELOPED, sequence(integer(0), recipients, gcm))));
  });
});
