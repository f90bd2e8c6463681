import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reachableBytes } from '@ssm/test-support';
import { metricOf } from './support/context.js';
import { audits, createSite, identityOf, runReceiver, type Site, soon } from './support/live.js';

const MiB = 1024 * 1024;

/** Of each kind: stored, encrypted or not; a duplicate; refused with a good signature, and without any. */
async function sendAll(site: Site, round: number): Promise<number> {
  const [, other] = site.pki.sites;
  const body = Buffer.alloc(2 * MiB, `record ${round};\n`);
  await site.send(body, { empaId: 'plain', deliveryId: `plain-${round}` });
  await site.send(body, { empaId: 'again', deliveryId: `plain-${round}` });
  await site.send(body, { empaId: 'encrypted', deliveryId: `encrypted-${round}`, encrypted: true });
  await site.send(body, { empaId: 'unlisted', signer: await identityOf(other.certificatePath, other.keyPath) });
  site.put(body.toString(), 'unsigned');
  return 5;
}

describe('the memory of the receiver', () => {
  it('holds no message whose acknowledgement waits for its receipt, and the log still tells all of it', async (t) => {
    const site = await createSite(t);
    const context = await runReceiver(t, site, { args: ['--broker.byteBudget=8MiB'] });
    site.broker.inject({ silentAcks: true });
    const before = await reachableBytes();
    let sent = 0;
    for (let round = 0; round < 4; round += 1) sent += await sendAll(site, round);
    await soon(() => assert.equal(site.broker.counters.acks, sent));
    await soon(async () => {
      const bytes = (await reachableBytes()) - before;
      assert.ok(bytes < 4 * MiB, `${bytes} bytes of buffers are in use`);
    });
    assert.equal(audits(context).length, 0);
    site.broker.clearFaults();
    site.broker.cutAll();
    await soon(() => assert.equal(audits(context).length, sent));
    const facts = audits(context).map(({ acknowledged, result, size }) => ({ acknowledged, result, size }));
    const stored = { acknowledged: false, result: 'stored', size: 2 * MiB };
    assert.equal(facts.filter((fact) => JSON.stringify(fact) === JSON.stringify(stored)).length, 8);
    assert.equal(await metricOf(context, 'ssm_bytes_total{result="stored"}'), 16 * MiB);
    assert.equal(await metricOf(context, 'ssm_bytes_total{result="duplicate"}'), 8 * MiB);
    assert.equal(await metricOf(context, 'ssm_bytes_total{result="rejected"}'), 16 * MiB);
  });
});
