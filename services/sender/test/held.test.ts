import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Claim, SpoolError } from '@ssm/spool';
import { Held } from '../src/held.js';

const never = new AbortController().signal;
const unused = (): never => assert.fail('not asked for');

function claimOf(name: string, size: number, modified: Date, touch: () => Promise<void> = unused): Claim {
  return { name, size, modified, touch, read: unused, release: unused, remove: unused, quarantine: unused };
}

describe('Held', () => {
  it('counts what is on its way, and what of it is claimed', () => {
    const held = new Held();
    const one = held.enter('one');
    held.enter('two').claimed(claimOf('two', 7, new Date(2000)));
    assert.deepEqual([held.size, held.bytes, held.oldest], [2, 7, new Date(2000)]);
    one.claimed(claimOf('one', 5, new Date(1000)));
    assert.deepEqual([held.size, held.bytes, held.oldest], [2, 12, new Date(1000)]);
    one.drop();
    assert.deepEqual([held.size, held.has('one'), held.has('two')], [1, false, true]);
  });

  it('gives back what no broker confirmed, and what comes, until it is allowed again', () => {
    const held = new Held();
    const [unsent, sent] = [held.enter('unsent'), held.enter('sent')];
    sent.confirmed();
    const reason = new Error('the broker is away');
    held.refuse(reason);
    const late = held.enter('late');
    assert.deepEqual([unsent.signal.reason, late.signal.reason, sent.signal.aborted], [reason, reason, false]);
    held.allow();
    assert.equal(held.enter('next').signal.aborted, false);
  });

  it('gives no two elements the same signal, and none one that was aborted', () => {
    const held = new Held();
    const first = held.enter('first');
    first.drop();
    first.drop();
    const [second, third] = [held.enter('second'), held.enter('third')];
    assert.notEqual(second.signal, third.signal);
    held.refuse(new Error('the broker is away'));
    second.drop();
    held.allow();
    const fourth = held.enter('fourth');
    assert.deepEqual([third.signal.aborted, fourth.signal.aborted], [true, false]);
    second.drop();
    assert.ok(held.has('fourth'));
  });

  it('gives back everything at the end', () => {
    const held = new Held();
    const sent = held.enter('sent');
    sent.confirmed();
    held.close(new Error('the end'));
    assert.equal(sent.signal.aborted, true);
  });

  it('says when nothing is on its way any more', async () => {
    const held = new Held();
    await held.empty(never);
    const one = held.enter('one');
    const empty = held.empty(never);
    one.drop();
    await empty;
    held.enter('two');
    const stop = new AbortController();
    const stopped = held.empty(stop.signal);
    stop.abort();
    await stopped;
  });

  it('touches every claim; a lost one is given up, another failure is only told', async () => {
    const held = new Held();
    const touched: string[] = [];
    const enter = (name: string, touch: () => Promise<void>): AbortSignal => {
      const element = held.enter(name);
      element.claimed(claimOf(name, 1, new Date(0), touch));
      return element.signal;
    };
    const good = enter('good', async () => void touched.push('good'));
    const lost = enter('lost', () => Promise.reject(new SpoolError('claim-lost', '')));
    const bad = enter('bad', () => Promise.reject(new SpoolError('io-error', '')));
    held.enter('not claimed yet');
    const failed: string[] = [];
    await held.touch(({ name }) => failed.push(name));
    assert.deepEqual(touched, ['good']);
    assert.deepEqual(failed, ['lost', 'bad']);
    assert.deepEqual([good.aborted, lost.aborted, bad.aborted], [false, true, false]);
  });
});
