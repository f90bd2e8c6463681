import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Claim, createOutgoingQueue, type OutgoingQueue, SpoolError } from '@ssm/spool';
import { addElement, eventually, type Scope, temporaryDirectory } from '@ssm/test-support';
import { TransportError } from '@ssm/transport';
import { ByteBudget } from '../src/budget.js';
import { SenderError } from '../src/errors.js';
import { InFlight } from '../src/in-flight.js';
import { type Pipeline, sendOne } from '../src/pipeline.js';
import { FakePublisher } from './support/fake-publisher.js';
import { filesBelow, putFile } from './support/writer.js';

interface Bench {
  readonly root: string;
  readonly queue: OutgoingQueue;
  readonly publisher: FakePublisher;
  readonly inFlight: InFlight;
  readonly stages: string[];
  readonly removalFailures: unknown[];
  readonly pipeline: Pipeline;
}

/** A pipeline on a real volume; "sealing" puts a word before the body. */
async function createBench(scope: Scope, layout: 'dirq' | 'directory' = 'dirq', more: Partial<Pipeline> = {}): Promise<Bench> {
  const root = path.join(temporaryDirectory(scope), 'outgoing');
  mkdirSync(root);
  const queue = createOutgoingQueue({ path: root, layout, instance: 'bench', stabilityMs: 0 });
  await queue.start();
  const publisher = new FakePublisher();
  const inFlight = new InFlight();
  const stages: string[] = [];
  const removalFailures: unknown[] = [];
  const pipeline: Pipeline = {
    queue,
    publisher,
    inFlight,
    budget: new ByteBudget(1024 * 1024),
    limits: { file: 1000, message: 1007 },
    split: () => Promise.resolve(undefined),
    seal: ({ body }) => Promise.resolve(Buffer.concat([Buffer.from('sealed:'), body])),
    now: () => new Date(),
    timed: (_stage, work) => work,
    passed: (stage) => void stages.push(stage),
    removalFailed: (_claim, attempts, error) => void removalFailures.push([attempts, error]),
    ...more,
  };
  return { root, queue, publisher, inFlight, stages, removalFailures, pipeline };
}

/** A plain file is taken when the clock of the file system says that it has been left alone. */
async function settled(queue: OutgoingQueue, name: string): Promise<void> {
  await eventually(async () => assert.equal(await nameOf(queue), name));
}

async function nameOf(queue: OutgoingQueue): Promise<string | undefined> {
  for await (const [name] of queue.scan().names) return name;
  return undefined;
}

/** A queue whose claims do as told in one point. */
function withClaims(queue: OutgoingQueue, change: (claim: Claim) => Partial<Claim>): OutgoingQueue {
  return {
    path: queue.path,
    start: () => queue.start(),
    scan: (signal) => queue.scan(signal),
    purge: () => queue.purge(),
    quarantineDepth: () => queue.quarantineDepth(),
    claim: async (name) => {
      const claim = await queue.claim(name);
      if (claim === undefined) return undefined;
      const { size, modified } = claim;
      return {
        name,
        size,
        modified,
        read: (limit) => claim.read(limit),
        touch: () => claim.touch(),
        release: () => claim.release(),
        remove: () => claim.remove(),
        quarantine: (reason) => claim.quarantine(reason),
        ...change(claim),
      };
    },
  };
}

describe('sendOne', () => {
  for (const layout of ['dirq', 'directory'] as const) {
    it(`sends a file of a ${layout} volume, and removes it only when a broker confirmed it`, async (t) => {
      const { root, queue, publisher, stages, pipeline, inFlight } = await createBench(t, layout);
      const name = layout === 'dirq' ? addElement(root, 'records') : 'records.txt';
      if (layout === 'directory') putFile(root, name, 'records');
      await settled(queue, name);
      publisher.answer = undefined;
      const sending = sendOne(name, pipeline);
      await eventually(() => publisher.inFlight === 1);
      assert.deepEqual(stages, ['scan', 'claim', 'seal', 'publish']);
      assert.equal(inFlight.bytes, 7);
      publisher.confirmAll();
      const result = await sending;
      assert.ok(result.outcome === 'sent');
      assert.match(result.deliveryId, /^[0-9a-f]{1,64}$/);
      assert.deepEqual(
        { ...result, deliveryId: '' },
        {
          outcome: 'sent',
          name,
          empaId: name,
          deliveryId: '',
          bytes: 7,
          wireBytes: 14,
          messages: 1,
          broker: 'fake:61613',
          removal: 'removed',
        },
      );
      assert.deepEqual(stages, ['scan', 'claim', 'seal', 'publish', 'confirm', 'remove']);
      assert.deepEqual(
        publisher.published.map(({ id, body }) => [id, Buffer.from(body).toString()]),
        [[name, 'sealed:records']],
      );
      assert.deepEqual(filesBelow(root), []);
      assert.equal(inFlight.size, 0);
    });
  }

  it('leaves alone what somebody else has, and what is gone', async (t) => {
    const { root, queue, publisher, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    const other = await queue.claim(name);
    assert.ok(other !== undefined);
    assert.deepEqual(await sendOne(name, pipeline), { outcome: 'taken', name });
    await other.remove();
    assert.deepEqual(await sendOne(name, pipeline), { outcome: 'taken', name });
    assert.equal(publisher.published.length, 0);
  });

  it('sends the same file with the same delivery id again', async (t) => {
    const { root, publisher, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    const ids: string[] = [];
    const seal: Pipeline['seal'] = ({ body, deliveryId }) => {
      ids.push(deliveryId);
      return Promise.resolve(body);
    };
    publisher.answer = () => Promise.reject(new TransportError('aborted', ''));
    const failed = await sendOne(name, { ...pipeline, seal });
    assert.equal(failed.outcome, 'retry');
    publisher.answer = () => Promise.resolve({ broker: 'b' });
    await sendOne(name, { ...pipeline, seal });
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
  });

  it('keeps a new file that came under the name of a sent one', async (t) => {
    const { root, queue, publisher, pipeline } = await createBench(t, 'directory');
    putFile(root, 'again', 'first');
    await settled(queue, 'again');
    publisher.answer = undefined;
    const sending = sendOne('again', pipeline);
    await eventually(() => publisher.inFlight === 1);
    putFile(root, 'again', 'second');
    publisher.confirmAll();
    assert.equal((await sending).outcome, 'sent');
    assert.equal(readFileSync(path.join(root, 'again'), 'utf8'), 'second');
  });
});

describe('sendOne, faults of one file', () => {
  it('quarantines a file over the limit, before it is sealed', async (t) => {
    const { root, queue, stages, publisher, pipeline } = await createBench(t);
    const name = addElement(root, Buffer.alloc(1001));
    const result = await sendOne(name, pipeline);
    assert.ok(result.outcome === 'quarantined');
    assert.equal(result.code, 'too-large');
    assert.deepEqual(stages, ['scan', 'claim']);
    assert.equal(publisher.published.length, 0);
    assert.equal(await queue.quarantineDepth(), 1);
    assert.equal(await nameOf(queue), undefined);
  });

  it('quarantines a file whose message is over the limit', async (t) => {
    const { root, queue, pipeline } = await createBench(t);
    const name = addElement(root, Buffer.alloc(500));
    const result = await sendOne(name, { ...pipeline, seal: () => Promise.resolve(Buffer.alloc(1008)) });
    assert.ok(result.outcome === 'quarantined');
    assert.equal(result.code, 'sealed-too-large');
    assert.equal(await queue.quarantineDepth(), 1);
  });

  it('quarantines a message that the broker refuses', async (t) => {
    const { root, queue, publisher, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    publisher.answer = () => Promise.reject(new TransportError('message-refused', 'too large for me'));
    const result = await sendOne(name, pipeline);
    assert.ok(result.outcome === 'quarantined');
    assert.equal(result.code, 'message-refused');
    assert.equal(await queue.quarantineDepth(), 1);
  });

  it('never sends what a link points to', async (t) => {
    const { root, queue, publisher, pipeline } = await createBench(t, 'directory');
    const key = path.join(path.dirname(root), 'hostkey.pem');
    writeFileSync(key, 'the key');
    symlinkSync(key, path.join(root, 'innocent'));
    const result = await sendOne('innocent', pipeline);
    assert.ok(result.outcome === 'quarantined');
    assert.equal(result.code, 'not-regular');
    assert.equal(publisher.published.length, 0);
    assert.equal(await queue.quarantineDepth(), 1);
    assert.equal(readFileSync(key, 'utf8'), 'the key');
  });

  it('quarantines a file named ping, which receivers would drop', async (t) => {
    const { root, queue, publisher, pipeline } = await createBench(t, 'directory');
    putFile(root, 'ping', 'records');
    await settled(queue, 'ping');
    const result = await sendOne('ping', pipeline);
    assert.ok(result.outcome === 'quarantined');
    assert.equal(result.code, 'name-reserved');
    assert.equal(publisher.published.length, 0);
    assert.equal(await queue.quarantineDepth(), 1);
  });

  it('gives a file back when the quarantine cannot take it', async (t) => {
    const { root, queue, pipeline } = await createBench(t);
    const name = addElement(root, Buffer.alloc(1001));
    const full = withClaims(queue, () => ({ quarantine: () => Promise.reject(new SpoolError('disk-full', 'no space')) }));
    const result = await sendOne(name, { ...pipeline, queue: full });
    assert.ok(result.outcome === 'retry');
    assert.deepEqual([result.code, result.later], ['disk-full', true]);
    assert.equal(await nameOf(queue), name);
  });
});

describe('sendOne, faults that may pass', () => {
  it('gives a file back that cannot be claimed, read or sealed now, and lets it wait', async (t) => {
    const { root, queue, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    const fault = new SpoolError('io-error', 'the disk is ill');
    const pipelines: Pipeline[] = [
      { ...pipeline, queue: withClaims(queue, () => ({ read: () => Promise.reject(fault) })) },
      { ...pipeline, seal: () => Promise.reject(fault) },
      { ...pipeline, queue: { ...withClaims(queue, () => ({})), claim: () => Promise.reject(fault) } },
    ];
    for (const each of pipelines) {
      const result = await sendOne(name, each);
      assert.ok(result.outcome === 'retry');
      assert.deepEqual([result.code, result.later], ['io-error', true]);
      assert.equal(await nameOf(queue), name, 'the lock is given back');
    }
  });

  it('gives a file back without a wait of its own when nothing may be sealed now', async (t) => {
    const { root, queue, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    const result = await sendOne(name, { ...pipeline, seal: () => Promise.reject(new SenderError('identity-not-valid', 'expired')) });
    assert.ok(result.outcome === 'retry');
    assert.deepEqual([result.code, result.later], ['identity-not-valid', false]);
    assert.equal(await nameOf(queue), name);
    assert.equal(await queue.quarantineDepth(), 0);
  });

  it('gives files back that wait for a broker when told to', async (t) => {
    const { root, queue, publisher, inFlight, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    publisher.answer = undefined;
    const sending = sendOne(name, pipeline);
    await eventually(() => publisher.inFlight === 1);
    inFlight.refuse(new SenderError('broker-away', ''));
    const result = await sending;
    assert.ok(result.outcome === 'retry');
    assert.equal(result.later, false);
    assert.equal(await nameOf(queue), name);
    const late = await sendOne(name, pipeline);
    assert.equal(late.outcome, 'retry', 'and what comes before a broker is back');
    inFlight.allow();
    publisher.answer = () => Promise.resolve({ broker: 'b' });
    assert.equal((await sendOne(name, pipeline)).outcome, 'sent');
  });

  it('waits for room in memory before it reads, and leaves the wait when told to', async (t) => {
    const { root, inFlight, pipeline } = await createBench(t, 'dirq', { budget: new ByteBudget(10) });
    const leave = await pipeline.budget.take(10, new AbortController().signal);
    const name = addElement(root, 'records');
    const sending = sendOne(name, pipeline);
    await eventually(() => inFlight.bytes === 7);
    inFlight.refuse(new SenderError('broker-away', ''));
    assert.equal((await sending).outcome, 'retry');
    leave();
    assert.equal(pipeline.budget.used, 0);
  });
});

describe('sendOne, after the broker confirmed', () => {
  it('never sends again what cannot be removed at once: it only removes again', async (t) => {
    const { root, queue, publisher, inFlight, pipeline, removalFailures } = await createBench(t);
    const name = addElement(root, 'records');
    let tries = 0;
    const stubborn = withClaims(queue, (claim) => ({
      remove: () => {
        tries += 1;
        if (tries === 1) inFlight.refuse(new SenderError('broker-away', ''));
        return tries < 2 ? Promise.reject(new SpoolError('read-only', '')) : claim.remove();
      },
    }));
    const result = await sendOne(name, { ...pipeline, queue: stubborn });
    assert.ok(result.outcome === 'sent');
    assert.equal(result.removal, 'removed', 'a broker that is away is no reason to give it back');
    assert.deepEqual([tries, removalFailures.length, publisher.published.length], [2, 1, 1]);
    assert.deepEqual(filesBelow(root), []);
  });

  it('gives it back when the process ends first', async (t) => {
    const { root, queue, inFlight, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    const stubborn = withClaims(queue, () => ({
      remove: () => {
        inFlight.close(new SenderError('stopping', ''));
        return Promise.reject(new SpoolError('read-only', ''));
      },
    }));
    const result = await sendOne(name, { ...pipeline, queue: stubborn });
    assert.ok(result.outcome === 'sent');
    assert.equal(result.removal, 'left');
    assert.equal(await nameOf(queue), name);
  });

  it('says when the lock was lost meanwhile', async (t) => {
    const { root, queue, pipeline } = await createBench(t);
    const name = addElement(root, 'records');
    const lost = withClaims(queue, () => ({ remove: () => Promise.reject(new SpoolError('claim-lost', '')) }));
    const result = await sendOne(name, { ...pipeline, queue: lost });
    assert.ok(result.outcome === 'sent');
    assert.equal(result.removal, 'lost');
  });
});
