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
});
