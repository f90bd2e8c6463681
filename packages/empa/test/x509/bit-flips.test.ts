import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCrl, signingPolicy } from '@ssm/test-support';
import * as fc from 'fast-check';
import { EmpaError } from '../../src/errors.js';
import { parseCertificate, parseCertificates } from '../../src/x509/certificate.js';
import { parseCrls } from '../../src/x509/crl.js';
import { verifyWith } from '../../src/x509/verify.js';
import { day, leafOf, NOW, rootOf, trustOf } from './chains.js';

const root = rootOf();
const leaf = leafOf(root, { san: ['DNS:host.example.org'], crlDistribution: 'http://ca.example.org/crl' });
const crl = createCrl({ issuer: root, revoked: [5, leaf], thisUpdate: day(-1), nextUpdate: day(6) });
const trust = trustOf({ cas: [root], policies: [[root, signingPolicy(root, ['/C=UK/*'])]] });

/** Every copy with one bit changed, a few for each octet. */
function* flipped(bytes: Buffer): Generator<[at: string, copy: Buffer]> {
  for (let at = 0; at < bytes.length; at += 1) {
    for (const bit of [0, 1 + (at % 7)]) {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << bit), at);
      yield [`octet ${at}, bit ${bit}`, copy];
    }
  }
}

/** The code of the EmpaError that it throws; any other error is passed on. */
function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof EmpaError) return error.code;
    throw error;
  }
}

describe('a changed bit', () => {
  it('in a certificate is always refused', () => {
    for (const [at, copy] of flipped(leaf.der)) {
      const code = codeOf(() => verifyWith(parseCertificate(copy), [], trust, { now: NOW }));
      assert.notEqual(code, undefined, at);
    }
  });

  it('in a CRL never makes a revoked certificate good', () => {
    for (const [at, copy] of flipped(crl.der)) {
      const changed = trustOf({ cas: [root], crls: [{ der: copy, issuer: root }] });
      const code = codeOf(() => verifyWith(parseCertificate(leaf.der), [], changed, { now: NOW, policy: { crl: 'require' } }));
      assert.ok(code === 'crl-invalid' || code === 'crl-missing' || code === 'certificate-revoked', `${at}: ${code}`);
    }
  });

  it('in a CA certificate never makes another one an anchor that vouches for the leaf', () => {
    for (const [at, copy] of flipped(root.der)) {
      const changed = trustOf({ files: [['ca.pem', copy]] });
      const code = codeOf(() => verifyWith(parseCertificate(leaf.der), [], changed, { now: NOW }));
      assert.notEqual(code, undefined, at);
    }
  });
});

describe('any octets', () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 60 }).map((tail) => Buffer.concat([leaf.der.subarray(0, 40), tail])),
  );

  it('are a certificate or CRL, or an error with a code', () => {
    fc.assert(
      fc.property(octets, (bytes) => {
        const codes = [codeOf(() => parseCertificates(bytes)), codeOf(() => parseCrls(bytes))];
        return codes[0] === 'certificate-malformed' && (codes[1] === 'crl-invalid' || codes[1] === 'certificate-malformed');
      }),
      { numRuns: 1000 },
    );
  });
});
