import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DistinguishedName, EmpaError } from '@ssm/empa';
import { SpoolError } from '@ssm/spool';
import { type Pipeline, receiveOne } from '../src/pipeline.js';
import { RejectStore } from '../src/reject-store.js';
import { SpaceReserve } from '../src/space.js';
import { createPipeline, DENIED, elementsOf, LISTED, opened, replacing, stagedIn, UNLISTED } from './support/bench.js';
import { fakeDelivery } from './support/fake-subscriber.js';

/** Prints as a listed one does. */
const LOOKALIKE = new DistinguishedName([[{ type: 'C', value: 'UK' }], [{ type: 'O', value: 'eScience/CN=listed.example.org' }]]);

const refuse =
  (code: 'crl-expired' | 'certificate-revoked', signer: string | DistinguishedName): Pipeline['open'] =>
  async () => {
    const name = typeof signer === 'string' ? DistinguishedName.parse(signer) : signer;
    throw new EmpaError(code, 'no', { step: 'revocation', partial: { signer: name, body: Buffer.from('records'), signed: 'x' } });
  };

const trustFailure = (): Error => new EmpaError('trust-unreadable', 'gone');

describe('receiveOne', () => {
  it('stores a good message, then acknowledges it', async (t) => {
    const pipeline = await createPipeline(t, async () => opened('records'));
    const delivery = fakeDelivery({ empaId: '01234567/0123456789abcd' });
    const result = await receiveOne(delivery, pipeline);
    assert.equal(result.outcome, 'stored');
    assert.deepEqual(elementsOf(pipeline.incoming.queue.path), [{ body: 'records', signer: LISTED, empaid: '01234567/0123456789abcd' }]);
    assert.deepEqual(pipeline.stages, ['deliver', 'open', 'authorise', 'stage', 'record', 'store', 'acknowledge', 'confirm']);
    assert.equal(delivery.state, 'acknowledged');
  });

  it('finds a duplicate, and acknowledges it', async (t) => {
    const pipeline = await createPipeline(t, async () => opened('records'));
    await receiveOne(fakeDelivery(), pipeline);
    const again = fakeDelivery();
    const result = await receiveOne(again, pipeline);
    assert.equal(result.outcome, 'duplicate');
    assert.equal(again.state, 'acknowledged');
    assert.equal(elementsOf(pipeline.incoming.queue.path).length, 1);
  });

  it('stores the same body under another id, and another body under the same id', async (t) => {
    let body = 'one';
    const pipeline = await createPipeline(t, async () => opened(body));
    await receiveOne(fakeDelivery({ empaId: 'a' }), pipeline);
    await receiveOne(fakeDelivery({ empaId: 'b' }), pipeline);
    body = 'two';
    await receiveOne(fakeDelivery({ empaId: 'b' }), pipeline);
    assert.equal(elementsOf(pipeline.incoming.queue.path).length, 3);
  });

  it('finds a message that was stored and not acknowledged', async (t) => {
    const pipeline = await createPipeline(t, async () => opened('records'));
    const first = await receiveOne(fakeDelivery({ disconnected: true }), pipeline);
    assert.ok(first.outcome === 'stored' && !first.acknowledged);
    assert.equal(pipeline.stages.includes('confirm'), false);
    assert.equal((await receiveOne(fakeDelivery(), pipeline)).outcome, 'duplicate');
    assert.equal(elementsOf(pipeline.incoming.queue.path).length, 1);
  });

  it('keeps a reject whole though its delivery was lost while it was opened', async (t) => {
    let body = Buffer.from('raw');
    const lost = Object.defineProperty({ ...fakeDelivery() }, 'body', { get: () => body });
    const pipeline = await createPipeline(t, async () => {
      body = Buffer.alloc(0);
      throw new EmpaError('not-signed', 'no');
    });
    const result = await receiveOne(lost, pipeline);
    assert.equal(result.outcome, 'rejected');
    assert.deepEqual(
      elementsOf(pipeline.rejectShelf.queue.path).map((element) => element['body'] ?? element['raw']),
      ['raw'],
    );
  });

  it('writes noid for a message without id', async (t) => {
    const pipeline = await createPipeline(t, async () => opened('records'));
    await receiveOne(fakeDelivery({ empaId: undefined }), pipeline);
    assert.deepEqual(
      elementsOf(pipeline.incoming.queue.path).map(({ empaid }) => empaid),
      ['noid'],
    );
  });

  it('ignores a ping', async (t) => {
    const pipeline = await createPipeline(t, async () => assert.fail('a ping is not opened'));
    const ping = fakeDelivery({ empaId: 'ping' });
    assert.deepEqual(await receiveOne(ping, pipeline), { outcome: 'ping', acknowledged: true });
    assert.equal(ping.state, 'acknowledged');
  });

  it('takes what has contents for a message, also with the id of a ping', async (t) => {
    const pipeline = await createPipeline(t, async () => opened('records'));
    const result = await receiveOne(fakeDelivery({ empaId: 'ping', body: Buffer.alloc(2000, 'signed ') }), pipeline);
    assert.equal(result.outcome, 'stored');
    assert.deepEqual(elementsOf(pipeline.incoming.queue.path), [{ body: 'records', signer: LISTED, empaid: 'ping' }]);
    const large = await receiveOne(fakeDelivery({ empaId: 'ping', oversized: 1e9, body: Buffer.alloc(0) }), pipeline);
    assert.equal(large.outcome, 'rejected');
  });

  it('rejects what cannot be verified, and acknowledges it', async (t) => {
    const pipeline = await createPipeline(t, async () =>
      Promise.reject(new EmpaError('digest-mismatch', 'changed', { step: 'signature' })),
    );
    const delivery = fakeDelivery({ body: Buffer.from('raw message') });
    const result = await receiveOne(delivery, pipeline);
    assert.ok(result.outcome === 'rejected' && result.refusal.code === 'digest-mismatch' && result.kept.outcome === 'kept');
    assert.equal(delivery.state, 'acknowledged');
    assert.deepEqual(
      elementsOf(pipeline.rejectShelf.queue.path).map(({ body, error }) => [body, error?.slice(0, 15)]),
      [['raw message', 'digest-mismatch']],
    );
    assert.deepEqual(elementsOf(pipeline.incoming.queue.path), []);
  });

  it('rejects signers who are not listed, and those who are denied', async (t) => {
    for (const [signer, code] of [
      [UNLISTED, 'dn-not-listed'],
      [DENIED, 'dn-denied'],
    ] as const) {
      const pipeline = await createPipeline(t, async () => opened('records', signer));
      const result = await receiveOne(fakeDelivery(), pipeline);
      assert.ok(result.outcome === 'rejected' && result.refusal.code === code && result.refusal.signer === signer);
      assert.deepEqual(
        elementsOf(pipeline.rejectShelf.queue.path).map(({ body, raw }) => [body, raw]),
        [['records', 'raw']],
      );
      assert.deepEqual(elementsOf(pipeline.incoming.queue.path), []);
    }
  });

  it('rejects what is no UTF-8 text where that is asked for, behind the question who may send', async (t) => {
    const latin1 = Buffer.from('Zürich', 'latin1');
    const codes: (string | undefined)[] = [];
    for (const [utf8, body, signer] of [
      [false, latin1, LISTED],
      [true, latin1, LISTED],
      [true, latin1, UNLISTED],
      [true, Buffer.from('Zürich'), LISTED],
      [true, Buffer.alloc(0), LISTED],
    ] as const) {
      const pipeline = { ...(await createPipeline(t, async () => ({ ...opened('', signer), body }))), utf8 };
      const result = await receiveOne(fakeDelivery(), pipeline);
      codes.push(result.outcome === 'rejected' ? result.refusal.code : result.outcome);
      if (result.outcome === 'rejected') assert.ok(result.refusal.replayable && result.refusal.waitsAs === undefined);
    }
    assert.deepEqual(codes, ['stored', 'not-utf8', 'dn-not-listed', 'stored', 'stored']);
  });

  it('keeps the body of a message that was refused after its signature had been found good', async (t) => {
    const pipeline = await createPipeline(t, refuse('crl-expired', LISTED));
    const result = await receiveOne(fakeDelivery(), pipeline);
    assert.ok(result.outcome === 'rejected' && result.refusal.waitsAs !== undefined && result.refusal.replayable);
    assert.deepEqual(
      elementsOf(pipeline.rejectShelf.queue.path).map(({ body, raw, signer }) => [body, raw, signer]),
      [['records', 'raw', LISTED]],
    );
  });

  it('waits for room for a listed signer whom our own trust directory fails, and for nobody else', async (t) => {
    const outcomes: string[] = [];
    const opens = [
      refuse('crl-expired', LISTED),
      refuse('crl-expired', UNLISTED),
      refuse('crl-expired', DENIED),
      refuse('crl-expired', LOOKALIKE),
      refuse('certificate-revoked', LISTED),
      async () => opened('records', UNLISTED),
    ];
    for (const open of opens) {
      const pipeline = await createPipeline(t, open);
      const rejects = new RejectStore({
        shelf: pipeline.rejectShelf,
        maximumBytes: 1e6,
        maximumCount: 0,
        reserve: 0,
        moved: () => undefined,
        stopping: new AbortController().signal,
        now: () => new Date(),
      });
      const result = await receiveOne(fakeDelivery(), { ...pipeline, rejects });
      outcomes.push(result.outcome === 'rejected' ? result.kept.outcome : result.outcome);
    }
    assert.deepEqual(outcomes, ['retry', 'reduced', 'reduced', 'reduced', 'reduced', 'reduced']);
  });

  it('rejects a message that makes the receiver fail, so that it does not come back for ever', async (t) => {
    const pipeline = await createPipeline(t, async () => Promise.reject(new TypeError('a fault of ours')));
    const result = await receiveOne(fakeDelivery(), pipeline);
    assert.ok(result.outcome === 'rejected' && result.refusal.code === 'internal-error');
    assert.equal(elementsOf(pipeline.rejectShelf.queue.path).length, 1);
  });

  it('says of a message that was too large to be taken what it was', async (t) => {
    const pipeline = await createPipeline(t, async () => assert.fail('it cannot be opened'));
    const empty = Buffer.alloc(0);
    for (const empaId of ['a', 'b', 'a']) {
      const result = await receiveOne(fakeDelivery({ body: empty, empaId, oversized: 200_000_000 }), pipeline);
      assert.ok(result.outcome === 'rejected' && result.refusal.code === 'message-too-large' && result.acknowledged);
    }
    assert.deepEqual(
      elementsOf(pipeline.rejectShelf.queue.path).map(({ body }) => body),
      ['a: 200000000 bytes, not kept\n', 'b: 200000000 bytes, not kept\n'],
    );
  });

  it('keeps a rejected message once, also when its acknowledgement was lost', async (t) => {
    const pipeline = await createPipeline(t, async () => Promise.reject(new EmpaError('not-signed', 'no')));
    await receiveOne(fakeDelivery({ disconnected: true }), pipeline);
    const again = await receiveOne(fakeDelivery(), pipeline);
    assert.ok(again.outcome === 'rejected' && again.kept.outcome === 'known' && again.acknowledged);
    assert.equal(elementsOf(pipeline.rejectShelf.queue.path).length, 1);
  });
});

describe('receiveOne in local trouble', () => {
  it('leaves a message at the broker when there is no space', async (t) => {
    const pipeline = await createPipeline(t, async () => opened('records'), {
      space: new SpaceReserve({ freeBytes: async () => 10, freeFiles: async () => 10_000 }, 5),
    });
    const delivery = fakeDelivery();
    const result = await receiveOne(delivery, pipeline);
    assert.ok(result.outcome === 'retry' && result.trouble.component === 'incoming' && result.trouble.code === 'space-low');
    assert.equal(delivery.state, 'abandoned');
    assert.deepEqual(stagedIn(pipeline.incoming.queue.path), []);
  });

  it('never rejects a message for what is wrong with the disk', async (t) => {
    const base = await createPipeline(t, async () => opened('records'));
    const queue = replacing(base.incoming.queue, {
      stage: async () => Promise.reject(new SpoolError('read-only', 'remounted')),
    });
    const delivery = fakeDelivery();
    const result = await receiveOne(delivery, { ...base, incoming: { ...base.incoming, queue } });
    assert.ok(result.outcome === 'retry' && result.trouble.code === 'read-only');
    assert.equal(delivery.state, 'abandoned');
    assert.deepEqual(elementsOf(base.rejectShelf.queue.path), []);
  });

  it('does not acknowledge a reject that could not be kept', async (t) => {
    const pipeline = await createPipeline(t, async () => Promise.reject(new EmpaError('not-signed', 'no')));
    const queue = replacing(pipeline.rejectShelf.queue, {
      freeBytes: async () => Promise.reject(new SpoolError('io-error', 'broken')),
    });
    const shelf = { ...pipeline.rejectShelf, queue };
    const rejects = new RejectStore({
      shelf,
      maximumBytes: 1e6,
      maximumCount: 9,
      reserve: 0,
      moved: () => undefined,
      stopping: new AbortController().signal,
      now: () => new Date(),
    });
    const delivery = fakeDelivery();
    const result = await receiveOne(delivery, { ...pipeline, rejects });
    assert.ok(result.outcome === 'retry' && result.trouble.component === 'reject');
    assert.equal(delivery.state, 'abandoned');
  });

  it('does not reject for an old CRL while the trust directory cannot be read', async (t) => {
    const pipeline = await createPipeline(t, refuse('crl-expired', LISTED), { trustFailure });
    const result = await receiveOne(fakeDelivery(), pipeline);
    assert.ok(result.outcome === 'retry' && result.trouble.component === 'trust' && result.trouble.code === 'trust-unreadable');
    // Messages of others stop nobody.
    for (const signer of [UNLISTED, DENIED, LOOKALIKE]) {
      const other = await createPipeline(t, refuse('crl-expired', signer), { trustFailure });
      assert.equal((await receiveOne(fakeDelivery(), other)).outcome, 'rejected');
    }
  });

  it('has stored a message whose acknowledgement could not be recorded', async (t) => {
    const base = await createPipeline(t, async () => opened('records'));
    const record = replacing(base.incoming.record, {
      confirm: async () => Promise.reject(new SpoolError('disk-full', 'full')),
    });
    const delivery = fakeDelivery();
    const result = await receiveOne(delivery, { ...base, incoming: { ...base.incoming, record } });
    assert.equal(result.outcome, 'stored');
    assert.equal(delivery.state, 'acknowledged');
    assert.equal(base.confirmFailures.length, 1);
  });
});
