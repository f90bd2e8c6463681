import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { eventually } from '@ssm/test-support';
import { runSender } from './support/run.js';
import { arrived, createSite, sharedPki } from './support/site.js';
import { filesBelow, putFile } from './support/writer.js';

const keys = sharedPki({ after });

describe('files that can never be sent', () => {
  it('go to quarantine with their reason, unopened, and the rest flows on', async (t) => {
    const site = await createSite(t, keys);
    symlinkSync(keys.sites[0].keyPath, path.join(site.outgoing, 'link'));
    execFileSync('mkfifo', [path.join(site.outgoing, 'fifo')]);
    putFile(site.outgoing, 'large', Buffer.alloc(2000));
    putFile(site.outgoing, 'swelling', Buffer.alloc(1000, 0xff));
    putFile(site.outgoing, 'ping', 'records');
    putFile(site.outgoing, 'good', 'records');
    const limits = { body: 1000, message: 4500 };
    const sender = runSender(t, site.config({ limits, outgoing: { layout: 'directory' }, message: { transferEncoding: 'auto' } }));
    const expected = new Map([
      ['fifo', 'not-regular'],
      ['large', 'too-large'],
      ['link', 'not-regular'],
      ['ping', 'name-reserved'],
      ['swelling', 'sealed-too-large'],
    ]);
    await eventually(() => {
      const lines = sender.lines.filter(({ msg }) => msg === 'file put into quarantine');
      assert.deepEqual(new Map(lines.map(({ empaId, code }) => [empaId, code] as const)), expected);
    });
    await sender.line('message sent');
    assert.deepEqual(filesBelow(site.outgoing), []);
    assert.deepEqual(
      (await arrived(site)).map(({ empaId }) => empaId),
      ['good'],
    );
    assert.match(readFileSync(keys.sites[0].keyPath, 'utf8'), /PRIVATE KEY/);
    await eventually(async () => {
      const text = await sender.metrics();
      assert.match(text, /^ssm_messages_total\{result="quarantined"\} 5$/m);
      assert.match(text, /^ssm_quarantined_messages_total\{code="not-regular"\} 2$/m);
      assert.match(text, /^ssm_queue_elements\{queue="outgoing"\} 0$/m);
    });
  });
});
