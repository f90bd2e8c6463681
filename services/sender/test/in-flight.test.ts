import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Claim, SpoolError } from '@ssm/spool';
import { InFlight } from '../src/in-flight.js';

const never = new AbortController().signal;
const unused = (): never => assert.fail('not asked for');

function claimOf(name: string, size: number, modified: Date, touch: () => Promise<void> = unused): Claim {
  return { name, size, modified, touch, read: unused, release: unused, remove: unused, quarantine: unused };
}

describe('InFlight', () => {
  it('counts what is on its way, and what of it is claimed', () => {
    const inFlight = new InFlight();
    const one = inFlight.enter('one');
    inFlight.enter('two').claimed(claimOf('two', 7, new Date(2000)));
    assert.deepEqual([inFlight.size, inFlight.bytes, inFlight.oldest], [2, 7, new Date(2000)]);
    one.claimed(claimOf('one', 5, new Date(1000)));
    assert.deepEqual([inFlight.size, inFlight.bytes, inFlight.oldest], [2, 12, new Date(1000)]);
    one.drop();
    assert.deepEqual([inFlight.size, inFlight.has('one'), inFlight.has('two')], [1, false, true]);
  });

  it('gives back what no broker confirmed, and what comes, until it is allowed again', () => {
    const inFlight = new InFlight();
    const [unsent, sent] = [inFlight.enter('unsent'), inFlight.enter('sent')];
    sent.confirmed();
    const reason = new Error('the broker is away');
    inFlight.refuse(reason);
    const late = inFlight.enter('late');
    assert.deepEqual([unsent.signal.reason, late.signal.reason, sent.signal.aborted], [reason, reason, false]);
    inFlight.allow();
    assert.equal(inFlight.enter('next').signal.aborted, false);
  });

  it('gives no two elements the same signal, and none one that was aborted', () => {
    const inFlight = new InFlight();
    const first = inFlight.enter('first');
    first.drop();
    first.drop();
    const [second, third] = [inFlight.enter('second'), inFlight.enter('third')];
    assert.notEqual(second.signal, third.signal);
    inFlight.refuse(new Error('the broker is away'));
    second.drop();
    inFlight.allow();
    const fourth = inFlight.enter('fourth');
    assert.deepEqual([third.signal.aborted, fourth.signal.aborted], [true, false]);
    second.drop();
    assert.ok(inFlight.has('fourth'));
  });

  it('gives back everything at the end', () => {
    const inFlight = new InFlight();
    const sent = inFlight.enter('sent');
    sent.confirmed();
    inFlight.close(new Error('the end'));
    assert.equal(sent.signal.aborted, true);
  });

  it('says when nothing is on its way any more', async () => {
    const inFlight = new InFlight();
    await inFlight.empty(never);
    const one = inFlight.enter('one');
    const empty = inFlight.empty(never);
    one.drop();
    await empty;
    inFlight.enter('two');
    const stop = new AbortController();
    const stopped = inFlight.empty(stop.signal);
    stop.abort();
    await stopped;
  });

  it('touches every claim; a lost one is given up, another failure is only told', async () => {
    const inFlight = new InFlight();
    const touched: string[] = [];
    const enter = (name: string, touch: () => Promise<void>): AbortSignal => {
      const element = inFlight.enter(name);
      element.claimed(claimOf(name, 1, new Date(0), touch));
      return element.signal;
    };
    const good = enter('good', async () => void touched.push('good'));
    const lost = enter('lost', () => Promise.reject(new SpoolError('claim-lost', '')));
    const bad = enter('bad', () => Promise.reject(new SpoolError('io-error', '')));
    inFlight.enter('not claimed yet');
    const failed: string[] = [];
    await inFlight.touch(({ name }) => failed.push(name));
    assert.deepEqual(touched, ['good']);
    assert.deepEqual(failed, ['lost', 'bad']);
    assert.deepEqual([good.aborted, lost.aborted, bad.aborted], [false, true, false]);
  });
});
