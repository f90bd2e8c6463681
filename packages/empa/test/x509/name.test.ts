import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { bitString, ia5String, oid, parseDer, printableString, sequence, setOf, utf8String } from '../../src/der.js';
import { DistinguishedName, DnRule, DnRules } from '../../src/x509/name.js';
import { chainingKey, isWithin, namesMatch } from '../../src/x509/name-matching.js';
import { anyName, encodedAttribute, name, nameOf, rfc4514, sameAttributes, value } from './names.js';

const malformed = { name: 'EmpaError', code: 'name-malformed' };
/** By the rule, and by many rules of which it is one: these never differ. */
function matches(line: string, subject: DistinguishedName): boolean {
  const rule = DnRule.parse(line);
  const rules = new DnRules();
  for (const one of [DnRule.parse('/CN=somebody else'), rule, DnRule.parse('CN=somebody else')]) rules.add(one);
  assert.equal(rules.matches(subject), rule.matches(subject), line);
  return rule.matches(subject);
}

describe('DistinguishedName.fromDer', () => {
  it('prints attributes in encoded order with the short names of OpenSSL', () => {
    const types = ['C', 'ST', 'L', 'O', 'OU', 'DC', 'UID', 'CN', 'emailAddress'] as const;
    const subject = nameOf(...types.map((type) => [type, utf8String('x')] as const));
    assert.equal(subject.toString(), '/C=x/ST=x/L=x/O=x/OU=x/DC=x/UID=x/CN=x/emailAddress=x');
    const more = ['2.5.4.4', '2.5.4.5', '2.5.4.9', '2.5.4.17', '2.5.4.42', '2.5.4.97'].map((type) => [type, utf8String('x')] as const);
    assert.equal(nameOf(...more).toString(), '/SN=x/serialNumber=x/street=x/postalCode=x/GN=x/organizationIdentifier=x');
  });

  it('prints every other type as its OID', () => {
    assert.equal(nameOf(['2.5.4.16', printableString('7')], ['1.2.3.4', utf8String('y')]).toString(), '/2.5.4.16=7/1.2.3.4=y');
  });

  it('decodes every string type to the same text', () => {
    const text = 'Zürich Öl';
    const latin1 = Buffer.from(text, 'latin1');
    const bmp = Buffer.from(text, 'utf16le').swap16();
    const universal = Buffer.alloc(4 * text.length);
    for (const [index, character] of Array.from(text).entries()) universal.writeUInt32BE(character.charCodeAt(0), 4 * index);
    for (const encoded of [utf8String(text), value(20, latin1), value(30, bmp), value(28, universal)]) {
      assert.equal(nameOf(['O', encoded]).toString(), '/O=Zürich Öl');
    }
    for (const encoded of [printableString('x@y'), ia5String('x@y'), value(18, Buffer.from('x@y')), value(26, Buffer.from('x@y'))]) {
      assert.equal(nameOf(['CN', encoded]).toString(), '/CN=x@y');
    }
  });

  it('flattens a multi-valued RDN in encoded order', () => {
    const rdn = Buffer.concat([encodedAttribute('CN', utf8String('Robot: x')), encodedAttribute('UID', utf8String('abc'))]);
    const subject = DistinguishedName.fromDer(parseDer(sequence(value(0x31, rdn))));
    assert.equal(subject.toString(), '/CN=Robot: x/UID=abc');
    assert.equal(subject.rdns.length, 1);
  });

  it('prints control characters as hex and leaves all other text as it is', () => {
    assert.equal(nameOf(['CN', utf8String('a\u0000b\u001f\u007fc\u0085/d,é')]).toString(), '/CN=a\\x00b\\x1F\\x7Fc\u0085/d,é');
  });

  it('prints a value that is no text as # and hex', () => {
    const subject = nameOf(['2.5.4.45', bitString(Buffer.from([1, 2]))]);
    assert.equal(subject.toString(), '/2.5.4.45=#0303000102');
    assert.equal(subject.attributes[0]?.opaque, true);
  });

  it('reads an empty name', () => {
    assert.equal(DistinguishedName.fromDer(parseDer(sequence())).toString(), '');
  });

  it('refuses what is no name, and text that is none', () => {
    const hostile = [
      sequence(setOf()),
      sequence(sequence(encodedAttribute('CN', utf8String('x')))),
      sequence(setOf(sequence(oid('2.5.4.3')))),
      sequence(setOf(sequence(oid('2.5.4.3'), utf8String('x'), utf8String('y')))),
      setOf(),
      ...[value(12, Buffer.from([0xc0, 0x80])), value(12, Buffer.from([0xed, 0xa0, 0x80])), value(30, Buffer.from([0xd8, 0]))].map((text) =>
        sequence(setOf(encodedAttribute('CN', text))),
      ),
      sequence(setOf(encodedAttribute('CN', value(28, Buffer.from([0, 0, 0xd8, 0]))))),
      sequence(setOf(encodedAttribute('CN', value(28, Buffer.from([0, 0x11, 0, 0]))))),
    ];
    for (const der of hostile)
      assert.throws(() => DistinguishedName.fromDer(parseDer(der)), { code: 'der-malformed' }, der.toString('hex'));
  });
});

const named = (text: string): DistinguishedName => nameOf(['CN', utf8String(text)]);
const moves = (text: string): boolean => text.normalize('NFD') !== text;

describe('combining marks', () => {
  const tooMany = { name: 'EmpaError', code: 'limit-exceeded' };

  it('in a row are at most 30, as what normalises them takes time with the square', () => {
    assert.equal(named(`a${'\u0301'.repeat(30)}b${'\u0316'.repeat(30)}`).rdns.length, 1);
    const mixed = `${'\u0301'.repeat(16)}${'\u0316'.repeat(15)}`;
    for (const text of ['\u0344'.repeat(31), mixed, '\u3099\uff9e\u0334\uff9f'.padEnd(31, '\u0316')]) {
      assert.throws(() => named(text), tooMany);
    }
    const hex = utf8String('\u0301'.repeat(31)).toString('hex');
    assert.throws(() => DistinguishedName.parse(`CN=#${hex}`), malformed);
  });

  it('are all characters that normalising moves', () => {
    for (let point = 0; point <= 0x10_ff_ff; point += 1) {
      if (point >= 0xd8_00 && point < 0xe0_00) continue;
      const character = String.fromCodePoint(point);
      const first = String.fromCodePoint(character.normalize('NFKD').codePointAt(0) ?? 0);
      // Past a mark of the lowest class but one, or itself past one of the highest.
      if (!moves(`${first}\u0334`) && !moves(`\u0345${first}`)) continue;
      assert.throws(() => named(character.repeat(31)), tooMany, point.toString(16));
    }
  });
});

describe('DistinguishedName.parse', () => {
  it('splits the slash form only where a known type or an OID stands', () => {
    const cases = [
      [
        '/DC=org/DC=ugrid/CN=a/b',
        [
          ['DC', 'org'],
          ['DC', 'ugrid'],
          ['CN', 'a/b'],
        ],
      ],
      [
        '/C=UK/O=x/FOO=y/CN=z',
        [
          ['C', 'UK'],
          ['O', 'x/FOO=y'],
          ['CN', 'z'],
        ],
      ],
      ['/CN=host/host.example.org', [['CN', 'host/host.example.org']]],
      ['/O=a/cn=b', [['O', 'a/cn=b']]],
      [
        '/C=UK/1.2.3=x/2.5.4.3=y',
        [
          ['C', 'UK'],
          ['1.2.3', 'x'],
          ['CN', 'y'],
        ],
      ],
      ['/CN=a/3.1=x', [['CN', 'a/3.1=x']]],
      ['/CN=a/1.02=x', [['CN', 'a/1.02=x']]],
      [
        '/CN=/O=',
        [
          ['CN', ''],
          ['O', ''],
        ],
      ],
      ['/CN=a=b, c+d;e"f', [['CN', 'a=b, c+d;e"f']]],
    ] as const;
    for (const [line, expected] of cases) {
      assert.deepEqual(
        DistinguishedName.parse(line).attributes.map((one) => [one.type, one.value]),
        expected,
        line,
      );
    }
  });

  it('reads the names that other tools print for a type', () => {
    const line = '/Email=a/E=b/USERID=c/SN=d/GN=e/serialNumber=f/street=g/title=h/postalCode=i';
    const types = DistinguishedName.parse(line).attributes.map((one) => one.type);
    assert.deepEqual(types, ['emailAddress', 'emailAddress', 'UID', 'SN', 'GN', 'serialNumber', 'street', 'title', 'postalCode']);
  });

  it('refuses a slash line that is malformed or can be read in two ways', () => {
    const lines = [
      '',
      '/',
      '//CN=x',
      '/foo/CN=x',
      '/cn=x',
      '/CN',
      '/CN=a\\x0Ab',
      '/CN=a\\x7f',
      '/CN=#0c0161',
      '/CN=a\tb',
      '/CN=a\u0000',
      'CN',
    ];
    for (const line of lines) assert.throws(() => DistinguishedName.parse(line), malformed, line);
  });

  it('reads RFC 4514: reversed, escaped, multi-valued, hex', () => {
    const cases = [
      ['CN=host,O=eScience,C=UK', name([['C', 'UK']], [['O', 'eScience']], [['CN', 'host']])],
      ['cn = host , o = e Science', name([['O', 'e Science']], [['CN', 'host']])],
      [
        'CN=Robot: x+UID=abc,O=y',
        name(
          [['O', 'y']],
          [
            ['CN', 'Robot: x'],
            ['UID', 'abc'],
          ],
        ),
      ],
      ['CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\=i=j', name([['CN', 'a,b+c"d\\e<f>g;h=i=j']])],
      ['CN=\\ a\\ ,O=\\#b', name([['O', '#b']], [['CN', ' a ']])],
      ['CN=Z\\C3\\BCrich', name([['CN', 'Zürich']])],
      ['CN=\\00\\0a', name([['CN', '\u0000\n']])],
      ['CN=#0c0161', name([['CN', 'a']])],
      ['CN= #130162 ,O=z', name([['O', 'z']], [['CN', 'b']])],
      ['1.2.3=x,OID.2.5.4.3=y', name([['CN', 'y']], [['1.2.3', 'x']])],
      ['CN=\u2028\\ ', name([['CN', '\u2028 ']])],
      ['CN=', name([['CN', '']])],
      ['CN=𝒳/é', name([['CN', '𝒳/é']])],
    ] as const;
    for (const [line, expected] of cases) {
      assert.equal(DistinguishedName.parse(line).structuredKey, expected.structuredKey, line);
      assert.equal(DistinguishedName.parse(rfc4514(expected)).structuredKey, expected.structuredKey, line);
    }
    assert.deepEqual(DistinguishedName.parse('CN=#030101').attributes, [{ type: 'CN', value: '030101', opaque: true }]);
  });

  it('refuses what is not RFC 4514', () => {
    const lines = [
      'host',
      'CN=a,',
      'CN=a+',
      ',CN=a',
      'FOO=a',
      'CN=a"b',
      'CN="a"',
      'CN=a<',
      'CN=a>',
      'CN=a;O=b',
      'CN=a\\',
      'CN=a\\x',
      'CN=a\\0',
    ];
    const more = ['CN=\\ff', 'CN=\\C3', 'CN=#', 'CN=#0', 'CN=#0g', 'CN=#0c02', 'CN=#0c0161ff', 'CN=a\u0000', 'CN=\ud800', 'CN = a\nO = b'];
    for (const line of [...lines, ...more]) assert.throws(() => DistinguishedName.parse(line), malformed, line);
  });
});

describe('DnRule', () => {
  const host = name([['C', 'UK']], [['O', 'eScience']], [['CN', 'host.example.org']]);

  it('matches the slash form and RFC 4514 of a name', () => {
    assert.ok(matches('/C=UK/O=eScience/CN=host.example.org', host));
    assert.ok(matches('CN=host.example.org,O=eScience,C=UK', host));
    assert.ok(matches(' CN=host.example.org, O=eScience, C=UK  \r\n', host));
    assert.ok(matches('  /C=UK/O=eScience/CN=host.example.org \r\n', host));
    assert.equal(DnRule.parse(' /C=UK ').line, ' /C=UK ');
  });

  it('is exact: case, order, spaces, accents, one attribute more or less', () => {
    const others = [
      '/C=uk/O=eScience/CN=host.example.org',
      '/O=eScience/C=UK/CN=host.example.org',
      '/C=UK/O=eScience /CN=host.example.org',
      '/C=UK/O=eScience/CN=host.example.org/CN=x',
      '/C=UK/O=eScience',
      '/O=eScience/CN=host.example.org',
      'C=UK,O=eScience,CN=host.example.org',
    ];
    for (const line of others) assert.ok(!matches(line, host), line);
    assert.ok(!matches('/CN=\u00e9', name([['CN', 'e\u0301']])));
    assert.ok(!matches('/CN=x ', name([['CN', 'x\u00a0']])));
  });

  it('takes a type by its OID as by its name', () => {
    const subject = name([['O', 'x']], [['serialNumber', '7']], [['2.5.4.97', 'y']]);
    for (const line of ['/O=x/serialNumber=7/organizationIdentifier=y', '/O=x/2.5.4.5=7/2.5.4.97=y', '2.5.4.97=y,2.5.4.5=7,O=x']) {
      assert.ok(matches(line, subject), line);
    }
  });

  it('ignores string types and RDN boundaries in the slash form', () => {
    assert.ok(matches('/C=UK/CN=x', nameOf(['C', printableString('UK')], ['CN', value(30, Buffer.from([0, 0x78]))])));
    assert.ok(
      matches(
        '/CN=Robot: x/UID=abc',
        name([
          ['CN', 'Robot: x'],
          ['UID', 'abc'],
        ]),
      ),
    );
    assert.ok(matches('/Email=a@b', name([['emailAddress', 'a@b']])));
  });

  it('keeps RDN boundaries in RFC 4514, and takes an RDN as a set', () => {
    const robot = name(
      [['O', 'y']],
      [
        ['CN', 'x'],
        ['UID', 'abc'],
      ],
    );
    assert.ok(matches('CN=x+UID=abc,O=y', robot));
    assert.ok(matches('UID=abc+CN=x,O=y', robot));
    assert.ok(!matches('UID=abc,CN=x,O=y', robot));
  });

  it('never lets two different names pass for one another', () => {
    const two = name([['O', 'x']], [['CN', 'a']], [['CN', 'b']]);
    const slash = name([['O', 'x']], [['CN', 'a/CN=b']]);
    assert.equal(two.toString(), slash.toString());
    assert.ok(matches('/O=x/CN=a/CN=b', two));
    assert.ok(!matches('/O=x/CN=a/CN=b', slash));
    assert.ok(matches('CN=a/CN=b,O=x', slash));
    assert.ok(!matches('CN=a/CN=b,O=x', two));
    const nul = name([['CN', 'host.example.org\u0000.evil.org']]);
    assert.ok(!matches('/CN=host.example.org', nul));
    assert.ok(!matches('CN=host.example.org', nul));
    assert.ok(!matches('/CN=host.example.org', name([['CN', 'host.example.org\n']])));
    assert.ok(!matches('/CN=host', name([['CN', 'hоst']])), 'a Cyrillic o');
    assert.ok(!matches('CN=030101', DistinguishedName.parse('CN=#030101')));
  });

  it('refuses lines that it cannot read', () => {
    for (const line of ['', '   ', '/foo', 'CN', '/CN=a\\x00']) assert.throws(() => DnRule.parse(line), malformed);
  });

  it('made of one slash form, matches another name only if the attributes are the same', () => {
    const hit = { equal: 0, ambiguous: 0 };
    const check = (a: DistinguishedName, b: DistinguishedName): void => {
      // A value with /TYPE= in it, or blanks at the end, is read as something else: then the rule is not one for `a` at all.
      let rule: DnRule;
      try {
        rule = DnRule.parse(a.toString());
      } catch {
        hit.ambiguous += 1;
        return;
      }
      if (!rule.matches(a)) return;
      hit.equal += 1;
      assert.equal(rule.matches(b), sameAttributes(a, b), `${a.toString()} and ${b.toString()}`);
    };
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        check(a, b);
        check(a, new DistinguishedName(a.attributes.map((attribute) => [attribute])));
      }),
      { numRuns: 1000 },
    );
    assert.ok(hit.equal > 50 && hit.ambiguous > 50, JSON.stringify(hit));
  });

  it('matches at most one of two names with different attributes, whatever the line', () => {
    fc.assert(
      fc.property(anyName, anyName, fc.boolean(), (a, b, slash) => {
        fc.pre(!sameAttributes(a, b));
        let rule: DnRule;
        try {
          rule = DnRule.parse(slash ? a.toString() : rfc4514(a));
        } catch {
          return;
        }
        assert.ok(!(rule.matches(a) && rule.matches(b)));
      }),
      { numRuns: 700 },
    );
  });

  it('made of RFC 4514, matches its own name, whatever is in it', () => {
    fc.assert(
      fc.property(anyName, (subject) => DnRule.parse(rfc4514(subject)).matches(subject)),
      { numRuns: 700 },
    );
  });
});

describe('matching of names in chains', () => {
  const spaced = name(
    [['O', ' E  Science ']],
    [
      ['CN', 'CA'],
      ['UID', '1'],
    ],
  );

  it('ignores case, insignificant spaces and the order inside an RDN', () => {
    assert.ok(
      namesMatch(
        spaced,
        name(
          [['O', 'e science']],
          [
            ['UID', '1'],
            ['CN', 'ca'],
          ],
        ),
      ),
    );
    assert.ok(!namesMatch(spaced, name([['O', 'e science']], [['UID', '1']], [['CN', 'ca']])));
    assert.ok(
      !namesMatch(
        spaced,
        name(
          [['O', 'escience']],
          [
            ['UID', '1'],
            ['CN', 'ca'],
          ],
        ),
      ),
    );
    assert.notEqual(chainingKey(name([['CN', 'a\nb']])), chainingKey(name([['CN', 'a']], [['CN', 'b']])));
  });

  it('finds a name in a subtree by whole RDNs', () => {
    const subject = name([['C', 'UK']], [['O', 'eScience']], [['CN', 'x']]);
    assert.ok(isWithin(subject, name([['C', 'uk']], [['O', 'ESCIENCE']])));
    assert.ok(isWithin(subject, name()));
    assert.ok(!isWithin(subject, name([['C', 'UK']], [['O', 'eSci']])));
    assert.ok(!isWithin(name([['C', 'UK']]), subject));
  });
});
