import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { DistinguishedName } from '@ssm/empa';
import { type Scope, temporaryDirectory } from '@ssm/test-support';
import { loadSignerLists } from '../src/authorise.js';

const good = DistinguishedName.parse('/C=UK/O=eScience/CN=good.example.org');
const bad = DistinguishedName.parse('/C=UK/O=eScience/CN=bad.example.org');

function files(scope: Scope, allow: string | Buffer, deny?: string): { allow: string; deny: string } {
  const directory = temporaryDirectory(scope);
  const paths = { allow: path.join(directory, 'dns'), deny: deny === undefined ? '' : path.join(directory, 'deny') };
  writeFileSync(paths.allow, allow);
  if (deny !== undefined) writeFileSync(paths.deny, deny);
  return paths;
}

describe('loadSignerLists', () => {
  it('allows those who are listed, in either form', async (t) => {
    const lists = await loadSignerLists(files(t, '# sites\n\n  /C=UK/O=eScience/CN=good.example.org \r\nCN=other,O=eScience,C=UK\n'));
    assert.equal(lists.allow.length, 2);
    assert.equal(lists.judge(good), 'allowed');
    assert.equal(lists.judge(DistinguishedName.parse('/C=UK/O=eScience/CN=other')), 'allowed');
    assert.equal(lists.judge(bad), 'dn-not-listed');
    assert.equal(lists.judge(bad), 'dn-not-listed');
  });

  it('lets others have their turn while it reads a long list', async (t) => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting: NodeJS.Immediate | undefined;
    t.after(() => clearImmediate(counting));
    const lines = Buffer.from(Array.from({ length: 20_000 }, (_, index) => `/C=UK/CN=host${index}\n`).join(''));
    const lists = await loadSignerLists(files(t, ''), async () => {
      counting = setImmediate(count);
      return lines;
    });
    assert.ok(turns >= 19, `${turns} turns`);
    assert.equal(lists.allow.length, 20_000);
    assert.equal(lists.judge(DistinguishedName.parse('/C=UK/CN=host19999')), 'allowed');
  });

  it('denies those who are on both lists', async (t) => {
    const lists = await loadSignerLists(files(t, `${good.toString()}\n${bad.toString()}\n`, bad.toString()));
    assert.equal(lists.judge(good), 'allowed');
    assert.equal(lists.judge(bad), 'dn-denied');
  });

  it('takes an empty deny list: nobody is denied', async (t) => {
    assert.equal((await loadSignerLists(files(t, good.toString(), '# none\n'))).judge(good), 'allowed');
  });

  it('refuses an allow list that names nobody', async (t) => {
    await assert.rejects(loadSignerLists(files(t, '# nobody\n\n')), { code: 'list-empty' });
  });

  it('refuses what cannot be read', async (t) => {
    const paths = files(t, good.toString());
    await assert.rejects(loadSignerLists({ ...paths, allow: `${paths.allow}.none` }), { code: 'list-unreadable' });
    await assert.rejects(loadSignerLists({ ...paths, deny: `${paths.allow}.none` }), { code: 'list-unreadable' });
    mkdirSync(`${paths.allow}.d`);
    await assert.rejects(loadSignerLists({ ...paths, allow: `${paths.allow}.d` }), { code: 'list-unreadable' });
  });

  it('refuses a line that is no DN, and says which', async (t) => {
    await assert.rejects(loadSignerLists(files(t, `${good.toString()}\nnobody knows\n`)), { code: 'list-malformed', message: /line 2/ });
    await assert.rejects(loadSignerLists(files(t, Buffer.from([0x2f, 0x43, 0x4e, 0x3d, 0xff, 0xfe]))), { code: 'list-malformed' });
  });

  it('names the line that is not UTF-8', async (t) => {
    const bytes = Buffer.concat([Buffer.from(`${good.toString()}\n\n`), Buffer.from('/O=Universität\n', 'latin1')]);
    await assert.rejects(loadSignerLists(files(t, bytes)), { code: 'list-malformed', message: /line 3 is not UTF-8/ });
  });

  it('takes a comment in any encoding', async (t) => {
    const bytes = Buffer.from(`# Universität\n${good.toString()}\n \t# é\n`, 'latin1');
    assert.equal((await loadSignerLists(files(t, bytes))).judge(good), 'allowed');
    const behind = Buffer.from('/CN=a\r# é\n', 'latin1');
    await assert.rejects(loadSignerLists(files(t, behind)), { code: 'list-malformed', message: /line 1 is not UTF-8/ });
    await assert.rejects(loadSignerLists(files(t, '/CN=a\r# b\n')), { code: 'list-malformed' });
  });

  it('takes what openssl x509 -nameopt compat prints', async (t) => {
    const lists = await loadSignerLists(files(t, '/C=DE/O=Universit\\xC3\\xA4t\\/K\\xC3\\xB6ln/CN=host\\/site\n'));
    assert.equal(lists.judge(DistinguishedName.parse('CN=host/site,O=Universität/Köln,C=DE')), 'allowed');
    assert.equal(lists.judge(DistinguishedName.parse('/C=DE/O=Universit\\xC3\\xA4t\\/K\\xC3\\xB6ln/CN=host\\/site')), 'dn-not-listed');
    assert.deepEqual(lists.doubts, []);
  });

  it('reads every escape that openssl writes', async (t) => {
    const lists = await loadSignerLists(files(t, '/C=UK/CN=Robot: a\\+b\n/C=DE/CN=K\\xc3\\xb6ln\n'));
    for (const name of ['CN=Robot: a\\+b,C=UK', 'CN=Köln,C=DE']) assert.equal(lists.judge(DistinguishedName.parse(name)), 'allowed');
  });

  it('denies what a line is read as and what it says', async (t) => {
    const lists = await loadSignerLists(files(t, '/C=UK/CN=a\n', '/C=UK/CN=lit\\/b\n'));
    for (const name of ['/C=UK/CN=lit/b', '/C=UK/CN=lit\\/b']) assert.equal(lists.judge(DistinguishedName.parse(name)), 'dn-denied');
  });

  const faults: readonly (readonly [line: string, says: RegExp])[] = [
    ['C = UK, O = eScience, CN = host', /\/C=UK\/O=eScience\/CN=host, write it so/],
    ['DC = org, DC = grid, O = A\\, B, CN = host', /\/DC=org\/DC=grid\/O=A, B\/CN=host, write it so/],
    ['C=UK/O=eScience/CN=x', /forgotten: \/C=UK\/O=eScience\/CN=x/],
    ['DC=org/DC=grid/CN=x', /forgotten/],
    ['/C=UK/CN=a,/C=UK/CN=b', /one DN a line/],
    ['/DC=org/DC=grid/CN=a, /DC=org/DC=grid/CN=b', /one DN a line/],
  ];
  for (const [line, says] of faults)
    it(`refuses ${line}, which can never match`, async (t) => {
      await assert.rejects(loadSignerLists(files(t, `# first\n${line}\n`)), (error: Error) => {
        assert.match(error.message, /line 2 /);
        assert.match(String(error.cause), says);
        return true;
      });
    });

  const doubtful: readonly (readonly [line: string, name: string])[] = [
    ['C=UK, O=eScience, CN=host', '/CN=host/O=eScience/C=UK'],
    ['C=UK,O=eScience,CN=host', '/CN=host/O=eScience/C=UK'],
    ['O=Grid/CN=x', 'O=Grid/CN=x'],
    ['/C=UK/O=eScience/CN=x # our site', '/C=UK/O=eScience/CN=x # our site'],
    ['/O=Grid/CN=a,/O=Grid/CN=b', '/O=Grid/CN=a,/O=Grid/CN=b'],
    ['/C=DE/O=Universit\\xE4t/CN=x', '/C=DE/O=Universit\\xE4t/CN=x'],
    ['/C=DE/O=a\\/CN=x', '/C=DE/O=a\\/CN=x'],
  ];
  for (const [line, name] of doubtful)
    it(`takes ${line} as it is written, and warns`, async (t) => {
      const lists = await loadSignerLists(files(t, `\n${line}\n`));
      assert.equal(lists.judge(DistinguishedName.parse(name)), 'allowed');
      assert.equal(lists.doubts.length, 1);
      assert.match(lists.doubts[0] ?? '', /line 2: /);
    });

  it('finds nothing wrong with unusual names', async (t) => {
    const lines = [
      '/C=UK/O=eScience/CN=host/site.example.org',
      '/DC=org/DC=grid/O=Foo, Ltd/CN=Robot: a#1/UID=x',
      '/CN=host/O=Foo Ltd,/C=UK',
      '/C=UK/O=Foo,/CN=x',
      'CN=a/CN=b,O=eScience,C=UK',
      'CN = host, O = eScience, C = UK',
      'CN=host/site',
      '/C=UK/CN=a\\b',
    ];
    const lists = await loadSignerLists(files(t, lines.join('\n')));
    assert.equal(lists.allow.length, lines.length);
    assert.deepEqual(lists.doubts, []);
  });
});
