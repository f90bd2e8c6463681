import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { DistinguishedName } from '../../src/x509/name.js';
import { parseSigningPolicy, policyAllows, type SigningPolicyFile } from '../../src/x509/signing-policy.js';

const parse = (...lines: string[]): SigningPolicyFile => parseSigningPolicy(Buffer.from(lines.join('\n')));
const latin1 = (...lines: string[]): SigningPolicyFile => parseSigningPolicy(Buffer.from(lines.join('\n'), 'latin1'));
const CA = "access_id_CA X509 '/C=UK/O=eScience/CN=CA'";
const SIGN = 'pos_rights globus CA:sign';
const subjectsOf = (...lines: string[]): readonly (readonly string[])[] => parse(...lines).policies.map((policy) => policy.subjects);

function allows(patterns: string, subject: string): boolean {
  const [policy] = parse(CA, SIGN, `cond_subjects globus ${patterns}`).policies;
  assert.ok(policy);
  return policyAllows(policy, DistinguishedName.parse(subject));
}

describe('parseSigningPolicy', () => {
  it('reads what CAs distribute: comments, blanks, several patterns, Windows line ends', () => {
    const file = parse(
      '\uFEFF# EACL of the CA',
      '',
      ` ${CA}   # its name\r`,
      `\t${SIGN}\r`,
      '   # in between',
      ` cond_subjects \t globus   '"/C=UK/O=eScience/*"   "/C=UK/O=#2 it''s/*"'`.replace("''", "\\'"),
    );
    assert.equal(file.fault, undefined);
    assert.deepEqual(
      file.policies.map((policy) => policy.subjects),
      [['/C=UK/O=eScience/*', "/C=UK/O=#2 it's/*"]],
    );
    assert.ok(file.policies[0]?.ca.matches(DistinguishedName.parse('/C=UK/O=eScience/CN=CA')));
  });

  it('reads a single pattern without inner quotes, and every way to quote', () => {
    assert.deepEqual(subjectsOf(CA, SIGN, "cond_subjects globus '/C=UK/O=e Science/*'"), [['/C=UK/O=e Science/*']]);
    assert.deepEqual(subjectsOf(CA, SIGN, 'cond_subjects globus "/C=UK/*"'), [['/C=UK/*']]);
    assert.deepEqual(subjectsOf(CA, SIGN, 'cond_subjects globus *'), [['*']]);
    assert.deepEqual(subjectsOf('access_id_CA x509 /C=UK/CN=CA', 'pos_rights GLOBUS CA:sign', 'cond_subjects globus *'), [['*']]);
  });

  it('reads non-ASCII as it is and as OpenSSL prints it', () => {
    assert.ok(allows('\'"/O=Z\\xC3\\xBCrich/*"\'', '/O=Zürich/CN=x'));
    assert.ok(allows("'/O=Zürich/*'", '/O=Zürich/CN=x'));
    const file = parse("access_id_CA X509 '/O=Z\\xc3\\xbcrich'", SIGN, 'cond_subjects globus *');
    assert.ok(file.policies[0]?.ca.matches(DistinguishedName.parse('/O=Zürich')));
  });

  it('takes a comment in any encoding, and all else in UTF-8 only', () => {
    const file = latin1(' # Universit\u00e9 Z', '#\u00e9', CA, SIGN, 'cond_subjects globus *');
    assert.deepEqual([file.fault, file.policies.length], [undefined, 1]);
    assert.match(latin1(CA, SIGN, "cond_subjects globus '/O=\u00e9/*'").fault?.message ?? '', /not UTF-8/u);
  });

  it('keeps the entries in order, and those for others apart', () => {
    const file = parse(
      'access_id_ANYBODY',
      'pos_rights globus GSI:anything',
      'cond_subjects globus "/O=nobody/*"',
      CA,
      'pos_rights globus GSI:other',
      'cond_whatever x y',
      SIGN,
      "cond_subjects globus '/O=1/*'",
      "access_id_CA X509 '/CN=second'",
      SIGN,
      "cond_subjects globus '/O=2/*'",
      CA,
      SIGN,
      "cond_subjects globus '/O=3/*'",
      "access_id_CA X509 '/CN=no right to sign'",
      'neg_rights globus GSI:x',
    );
    assert.equal(file.fault, undefined);
    assert.deepEqual(
      file.policies.map((policy) => policy.subjects),
      [['/O=1/*'], ['/O=2/*'], ['/O=3/*']],
    );
    assert.equal(file.cas.length, 4);
  });

  it('refuses the file as a whole when anything in it is not understood, and names its CAs', () => {
    const conditions = "cond_subjects globus '*'";
    const wrong = [
      [CA, SIGN],
      [CA],
      [CA, CA, SIGN, conditions],
      [CA, SIGN, conditions, conditions],
      [CA, conditions],
      [CA, SIGN, "cond_subjects globus '/O=a"],
      [CA, SIGN, 'cond_subjects globus \'"/O=a" /O=b\''],
      [CA, SIGN, "cond_subjects globus '\"/O=a'"],
      [CA, SIGN, "cond_subjects globus ''"],
      [CA, SIGN, 'cond_subjects globus'],
      [CA, SIGN, `cond_subjects globus '/O=${'x'.repeat(3000)}'`],
      [CA, SIGN, "cond_subjects globus '/O=\\xC3'"],
      [CA, SIGN, conditions, 'cond_time globus 9-5'],
      [CA, SIGN, 'cond_subjects other *'],
      [CA, SIGN, conditions, 'whatever'],
      [CA, 'neg_rights globus CA:sign', conditions],
      [CA, `${SIGN} and more`, conditions],
      [CA, SIGN, conditions, "access_id_CA X509 'no name'", SIGN, conditions],
    ];
    for (const lines of wrong) {
      const file = parse(...lines);
      assert.equal(file.fault?.code, 'signing-policy-malformed', lines.join('|'));
      assert.deepEqual(file.policies, []);
      assert.ok(file.cas[0]?.matches(DistinguishedName.parse('/C=UK/O=eScience/CN=CA')));
    }
    assert.equal(parse('<html>not found</html>').fault?.code, 'signing-policy-malformed');
    assert.equal(parse(SIGN).fault?.code, 'signing-policy-malformed');
    assert.equal(parse("access_id_CA kerberos '/CN=x'", SIGN, conditions).fault?.code, 'signing-policy-malformed');
    assert.equal(parseSigningPolicy(Buffer.from([0xff, 0xfe])).fault?.code, 'signing-policy-malformed');
  });

  it('reads an empty file as one without entries', () => {
    assert.deepEqual(parse('# nothing', ''), { policies: [], cas: [] });
  });

  it('never throws', () => {
    const word = fc.constantFrom(
      'access_id_CA',
      'X509',
      'pos_rights',
      'globus',
      'CA:sign',
      'cond_subjects',
      "'",
      '"',
      '/CN=x',
      '#',
      '\n',
      ' ',
      '\\',
      '*',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        const file = parse(words.join(' '));
        return file.fault === undefined || file.fault.code === 'signing-policy-malformed';
      }),
      { numRuns: 2000 },
    );
  });
});

describe('policyAllows', () => {
  it('matches the slash form of the subject, whatever its case', () => {
    assert.ok(allows("'/C=UK/O=eScience/*'", '/C=uk/O=ESCIENCE/CN=host'));
    assert.ok(allows('\'"/C=DE/*" "/C=UK/*"\'', '/C=UK/CN=a/b'));
    assert.ok(!allows("'/C=UK/O=eScience/*'", '/C=UK/O=eScience2/CN=host'));
    assert.ok(!allows("'/C=UK/O=eScience/*'", '/DC=x/C=UK/O=eScience/CN=host'));
  });
});
