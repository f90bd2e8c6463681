import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCertificate, encodeName } from '@ssm/test-support';
import { describeIdentifier, identifies, issuerAndSerial, readIdentifier } from '../../src/cms/identifier.js';
import { context, integer, parseDer, sequence } from '../../src/der.js';
import { Authority, certificateOf } from '../recipe.js';
import { refused } from '../refused.js';

const authority = new Authority();
const issued = authority.issue('host');
const certificate = certificateOf(issued);
const other = certificateOf(authority.issue('other', 'p256', 1));

describe('issuer and serial number', () => {
  it('names its certificate and no other', () => {
    const identifier = readIdentifier(parseDer(issuerAndSerial(certificate)));
    assert.ok(identifies(identifier, certificate));
    assert.ok(!identifies(identifier, other));
    assert.equal(describeIdentifier(identifier), `issuer /C=UK/O=eScience/CN=Test CA serial ${certificate.serialNumber}`);
  });

  it('names it with another string type in the issuer, but not by another issuer', () => {
    const printable = encodeName([[['C', 'UK', 'printable']], [['O', 'eScience', 'printable']], [['CN', 'Test CA', 'printable']]]);
    assert.notDeepEqual(printable, certificate.issuerDer);
    const named = (issuer: Buffer): boolean =>
      identifies(readIdentifier(parseDer(sequence(issuer, integer(certificate.serialNumber)))), certificate);
    assert.ok(named(printable));
    assert.ok(!named(encodeName('/C=UK/O=eScience/CN=Other CA')));
  });

  it('is refused when it is not both', () => {
    refused('der-malformed', () => readIdentifier(parseDer(sequence(certificate.issuerDer))));
    refused('der-malformed', () => readIdentifier(parseDer(sequence(integer(1), integer(1)))));
    refused('der-malformed', () => readIdentifier(parseDer(sequence(certificate.issuerDer, integer(1), integer(1)))));
  });
});

describe('an identifier that is very long', () => {
  it('is refused before anybody compares or prints it', () => {
    const long = encodeName([[['CN', '\u{FDFA}'.repeat(3_000)]]]);
    refused('limit-exceeded', () => readIdentifier(parseDer(sequence(long, integer(1)))));
    refused('limit-exceeded', () => readIdentifier(parseDer(context(0, Buffer.alloc(9_000), false))));
  });
});

describe('subject key identifier', () => {
  it('names its certificate and no other', () => {
    const identifier = readIdentifier(parseDer(context(0, issued.key.id, false)));
    assert.ok(identifies(identifier, certificate));
    assert.ok(!identifies(identifier, other));
    assert.equal(describeIdentifier(identifier), `key id ${issued.key.id.toString('hex')}`);
  });

  it('is cut short when it is described', () => {
    assert.equal(describeIdentifier({ kind: 'key-id', keyId: Buffer.alloc(1000) }).length, 303);
  });

  it('names no certificate that has none', () => {
    const without = certificateOf(createCertificate({ subject: '/CN=x', key: issued.key, withoutSki: true }));
    assert.ok(!identifies({ kind: 'key-id', keyId: issued.key.id }, without));
    assert.ok(!identifies({ kind: 'key-id', keyId: Buffer.alloc(0) }, without));
  });
});
