import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DistinguishedName } from '@ssm/empa';
import { createMetrics } from '@ssm/service-kit';
import { DnList, SignerLists } from '../src/authorise.js';
import { SignerClock } from '../src/signers.js';

const name = (host: string): DistinguishedName => DistinguishedName.parse(`/C=UK/CN=${host}`);

describe('SignerClock', () => {
  it('shows so many signers at most, and none who is no longer listed', async () => {
    let full = 0;
    const metrics = createMetrics({ service: 'receiver', version: '0' });
    const clock = new SignerClock(metrics.gauge('ssm_signer_last_message_timestamp_seconds', 'help', ['signer']), 2, () => {
      full += 1;
    });
    for (const host of ['a', 'b', 'a']) clock.accepted(name(host), new Date(5000));
    assert.equal(full, 0);
    for (const host of ['c', 'd']) clock.accepted(name(host), new Date(5000));
    assert.equal(full, 1);
    assert.match(await metrics.render(), /\{signer="\/C=UK\/CN=a"\} 5\n/);
    assert.doesNotMatch(await metrics.render(), /CN=c/);
    const allow = new DnList();
    for (const host of ['b', 'c']) allow.add(name(host).toString(), host);
    clock.listsChanged(new SignerLists(allow, new DnList()));
    clock.accepted(name('c'), new Date(6000));
    const text = await metrics.render();
    assert.doesNotMatch(text, /CN=a/);
    assert.match(text, /\{signer="\/C=UK\/CN=c"\} 6\n/);
  });
});
