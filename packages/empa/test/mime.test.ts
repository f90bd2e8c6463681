import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { DEFAULT_LIMITS } from '../src/limits.js';
import {
  canonicalFrame,
  decodeBody,
  readSignedPart,
  readSmime,
  type SignedPart,
  toCrlf,
  writeMultipartSigned,
  writePkcs7Mime,
  writeSignedPart,
} from '../src/mime.js';
import { canonical } from './recipe.js';
import { refused } from './refused.js';

const CMS = Buffer.from('3003020101', 'hex');

/** The boundary is another in each message. */
const withoutBoundary = (message: Buffer): string => message.toString('latin1').replaceAll(/----[0-9A-F]{32}/gu, '----');

function signedPart(...args: Parameters<typeof writeSignedPart>): Buffer {
  return Buffer.concat(writeSignedPart(...args));
}

function read(text: string): ReturnType<typeof readSmime> {
  return readSmime(Buffer.from(text, 'latin1'), DEFAULT_LIMITS);
}

function readPart(text: string): SignedPart {
  return readSignedPart(Buffer.from(text, 'latin1'), DEFAULT_LIMITS);
}

function bodyOf(text: string): string {
  return decodeBody(readPart(text), DEFAULT_LIMITS).toString('latin1');
}

/** The transfer encoding that is chosen for these octets. */
function encodingOf(text: string): string {
  return readSignedPart(signedPart(Buffer.from(text, 'latin1'), {}), DEFAULT_LIMITS).encoding;
}

/** A multipart/signed with boundary b and these lines after the header. */
function multipart(...lines: string[]): string {
  return ['Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b', '', ...lines].join('\n');
}

const SIGNATURE = ['Content-Type: application/pkcs7-signature', 'Content-Transfer-Encoding: base64', '', 'MAMCAQE='];

describe('readSmime', () => {
  it('gives exactly the octets between the delimiters', () => {
    const part = 'Content-Type: text/plain\n\na\r\n\n--\n--c\nb \n';
    const entity = read(multipart('preamble', '--b', part, '--b \t', ...SIGNATURE, '--b--', 'epilogue', '--b'));
    assert.ok(entity.kind === 'multipart-signed');
    assert.equal(entity.signedPart.toString('latin1'), part);
    assert.deepEqual(entity.cms, CMS);
  });

  it('reads the same with CRLF throughout, and without line end, preamble and epilogue', () => {
    const text = multipart('--b', 'Content-Type: text/plain', '', 'a', '--b', ...SIGNATURE, '--b--');
    for (const form of [text, text.replaceAll('\n', '\r\n')]) {
      const entity = read(form);
      assert.ok(entity.kind === 'multipart-signed');
      assert.equal(toCrlf(entity.signedPart).toString(), 'Content-Type: text/plain\r\n\r\na');
      assert.deepEqual(entity.cms, CMS);
    }
  });

  it('reads pkcs7-mime by both names, in any case, in base64 and binary', () => {
    for (const type of ['application/x-pkcs7-mime', 'Application/PKCS7-MIME; smime-type=enveloped-data; name="a"']) {
      assert.deepEqual(read(`content-TYPE: ${type}\nContent-transfer-encoding: BASE64\n\nMAMCAQE=\n`), { kind: 'pkcs7-mime', cms: CMS });
      assert.deepEqual(read(`Content-Type: ${type}\n\n${CMS.toString('latin1')}`), { kind: 'pkcs7-mime', cms: CMS });
    }
  });

  for (const text of ['plain text\n\n', 'Content-Type: multipart/signed; boundary=b', multipart('--b', '', 'a'), multipart()]) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => refused('message-malformed', () => read(text)));
  }

  for (const [fault, lines] of [
    ['one part', ['--b', 'a', '--b--']],
    ['three parts', ['--b', 'a:', '--b', ...SIGNATURE, '--b', ...SIGNATURE, '--b--']],
    ['a closing delimiter first', ['--b--', 'a:', '--b', ...SIGNATURE, '--b--']],
    ['a closing delimiter in the middle', ['--b', 'a:', '--b--', ...SIGNATURE, '--b--']],
    ['no closing delimiter', ['--b', 'a:', '--b', ...SIGNATURE, '--b', '']],
    ['a cut-off closing delimiter', ['--b', 'a:', '--b', ...SIGNATURE, '--b-']],
    ['a line that begins like a delimiter', ['--b', 'a:', '--bc', '--b', ...SIGNATURE, '--b--']],
    ['parts that are not there', ['--b', '--b', '--b--']],
    ['another second part', ['--b', 'a:', '--b', 'Content-Type: text/plain', '', 'MAMCAQE=', '--b--']],
    ['two signatures of a type', ['--b', 'a:', '--b', 'Content-Type: application/pkcs7-signature', ...SIGNATURE, '--b--']],
    ['an unknown encoding', ['--b', 'a:', '--b', SIGNATURE[0]!, 'Content-Transfer-Encoding: uuencode', '', 'a', '--b--']],
  ] as const) {
    it(`refuses ${fault}`, () => refused('message-malformed', () => read(multipart(...lines))));
  }

  it('refuses what is not signed with S/MIME', () => {
    for (const type of [
      'text/plain',
      'multipart/mixed; boundary=b',
      'multipart/signed; protocol="application/pgp-signature"; boundary=b',
      'multipart/encrypted',
    ]) {
      refused('not-signed', () => read(`Content-Type: ${type}\n\n`));
    }
    refused('not-signed', () => read('\n'));
  });

  it('refuses boundaries that are none', () => {
    for (const boundary of ['""', '"a "', `"${'a'.repeat(71)}"`, '"\u00fc"']) {
      refused('message-malformed', () => read(`Content-Type: multipart/signed; boundary=${boundary}\n\n--a\n\n--a\n`));
    }
  });
});

describe('readSignedPart', () => {
  it('reads the body in each transfer encoding', () => {
    assert.equal(bodyOf('Content-Type: text/plain\r\n\r\na\r\nb\r\n'), 'a\nb\n');
    assert.equal(bodyOf('Content-Transfer-Encoding: 7BIT\r\n\r\n\r\n a'), '\n a');
    assert.equal(bodyOf('Content-Transfer-Encoding: 8bit\r\n\r\n\u00fc\r\n'), '\u00fc\n');
    assert.equal(bodyOf('Content-Transfer-Encoding: quoted-printable\r\n\r\na=0D=0Ab\r\n'), 'a\r\nb\n');
    assert.equal(bodyOf('Content-Transfer-Encoding: base64\r\n\r\nYQ0K\r\n'), 'a\r\n');
    assert.equal(bodyOf('Content-Transfer-Encoding: binary\r\n\r\na\r\n'), 'a\r\n');
    refused('message-malformed', () => bodyOf('Content-Transfer-Encoding: x-uuencode\r\n\r\n'));
  });

  it('takes any single type', () => {
    for (const type of ['text/plain; charset=utf-8', 'application/xml', 'application/octet-stream'])
      assert.equal(bodyOf(`Content-Type: ${type}\n\na`), 'a');
  });

  it('refuses parts that hold parts', () => {
    for (const type of [
      'multipart/mixed; boundary=a',
      'Multipart/Signed',
      'message/rfc822',
      'application/pkcs7-mime',
      'application/x-pkcs7-mime',
    ]) {
      refused('message-malformed', () => readPart(`Content-Type: ${type}\n\n`));
    }
  });

  it('takes a part without fields for text, but refuses one that is no header', () => {
    assert.equal(bodyOf('\r\na: b\r\n'), 'a: b\n');
    assert.equal(bodyOf('Content-Type: text/plain\r\n'), '');
    for (const text of ['', 'Site: A\nNumber: 1\n', 'Site: A\n\nNumber: 1\n']) refused('message-malformed', () => readPart(text));
  });

  it('gives the delivery id when it is one', () => {
    assert.equal(readPart('Content-ID: <5f1/2a@x>\n\n').deliveryId, '5f1/2a@x');
    for (const value of ['x', '<>', '<a b>', '<a><b>', `<${'a'.repeat(256)}>`, '<\u00fc>'])
      assert.equal(readPart(`Content-ID: ${value}\n\n`).deliveryId, undefined);
  });

  it('holds the decoded body to its limit', () => {
    const part = readPart('Content-Transfer-Encoding: quoted-printable\n\na=62c');
    assert.equal(decodeBody(part, { bodyBytes: 3 }).toString(), 'abc');
    refused('message-too-large', () => decodeBody(part, { bodyBytes: 2 }));
  });
});

describe('writeSignedPart', () => {
  it('begins with the text header', () => {
    assert.equal(signedPart(Buffer.from('a\n'), {}).toString(), 'Content-Type: text/plain\n\na\n');
    assert.equal(
      signedPart(Buffer.from('\0'), { deliveryId: 'x@y' }).toString(),
      'Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\nContent-ID: <x@y>\n\n=00',
    );
  });

  for (const text of [
    '',
    'a',
    'a\n',
    '\n\n a\n\n',
    'a\tb\n',
    `${'a'.repeat(998)}\n`,
    '--\n',
    'From me\n.\n',
    'Content-Type: text/html\n\n',
    '=3D',
  ]) {
    it(`writes ${JSON.stringify(text.slice(0, 30))} as it is`, () => {
      assert.equal(encodingOf(text), '7bit');
    });
  }

  for (const text of [
    '\r\n',
    'a\r',
    '\0',
    'a ',
    'a \nb',
    'a\t\n',
    '\u00fc',
    '\u007f',
    '\u000c',
    'a'.repeat(999),
    `${'a'.repeat(999)}\n`,
    'application/pkcs7-mime',
    'x: Application/x-pkcs7-mime\n',
  ]) {
    it(`escapes ${JSON.stringify(text.slice(0, 30))}`, () => assert.equal(encodingOf(text), 'quoted-printable'));
  }

  it('never says the words by which old receivers know an encrypted message', () => {
    for (const text of ['application/pkcs7-mime', 'application/x-pkcs7-mime\npkcs7-mime', `${'a'.repeat(70)}application/pkcs7-mime`]) {
      const part = signedPart(Buffer.from(text), {});
      assert.ok(!/application\/(?:x-)?pkcs7-mime/iu.test(part.toString().replaceAll('=\n', '')), part.toString());
      assert.equal(bodyOf(part.toString()), text);
    }
  });

  it('writes base64 when told to', () => {
    assert.match(signedPart(Buffer.from('a'), { transferEncoding: 'base64' }).toString(), /encoding: base64\n\nYQ==\n$/iu);
  });

  it('refuses a delivery id that would break the header', () => {
    for (const deliveryId of ['', 'a b', 'a\nX: y', 'a>', '<', '\u00fc', 'a'.repeat(256)]) {
      refused('message-malformed', () => writeSignedPart(Buffer.alloc(0), { deliveryId }));
    }
  });
});

describe('writeMultipartSigned', () => {
  it('is what readSmime reads, with line ends of either kind', () => {
    const part = signedPart(Buffer.from('a\n'), {});
    const message = writeMultipartSigned([part], CMS);
    assert.deepEqual(readSmime(message, DEFAULT_LIMITS), { kind: 'multipart-signed', signedPart: part, cms: CMS });
    assert.deepEqual(readSmime(toCrlf(message), DEFAULT_LIMITS), { kind: 'multipart-signed', signedPart: toCrlf(part), cms: CMS });
    assert.ok(!message.includes('\r'));
  });

  it('carries any octets, in any encoding, whatever the line ends on the way', () => {
    const line = fc.constantFrom(
      'a',
      '\n',
      '\r\n',
      '\r',
      ' ',
      '\t',
      '--',
      '------',
      '\0',
      '\u00fc',
      '=',
      '=\n',
      'From ',
      '.',
      'Content-Type: a/b\n',
      '\n\n',
      'application/pkcs7-mime',
      'x'.repeat(999),
    );
    const text = fc.array(line, { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''), 'latin1'));
    fc.assert(
      fc.property(
        fc.oneof(text, fc.uint8Array({ maxLength: 300 })),
        fc.constantFrom('auto', 'base64'),
        fc.boolean(),
        (body, transferEncoding, crlf) => {
          const written = writeSignedPart(body, { transferEncoding });
          const message = writeMultipartSigned(written, CMS);
          const { before, after } = canonicalFrame();
          const framed = Buffer.concat([before, canonical(written), after(CMS)]);
          assert.equal(withoutBoundary(framed), withoutBoundary(toCrlf(message)));
          const entity = readSmime(crlf ? toCrlf(message) : message, DEFAULT_LIMITS);
          assert.ok(entity.kind === 'multipart-signed');
          const part = readSignedPart(toCrlf(entity.signedPart), DEFAULT_LIMITS);
          assert.deepEqual(decodeBody(part, DEFAULT_LIMITS), Buffer.from(body));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('writePkcs7Mime', () => {
  it('is what readSmime reads', () => {
    const message = writePkcs7Mime([CMS], 'enveloped-data');
    assert.deepEqual(readSmime(message, DEFAULT_LIMITS), { kind: 'pkcs7-mime', cms: CMS });
    assert.match(message.toString(), /^Content-Type: application\/x-pkcs7-mime; smime-type=enveloped-data; name="smime\.p7m"$/mu);
  });
});
