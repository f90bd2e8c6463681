import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../src/index.js';

describe('eventually', () => {
  it('answers what the check answers, nothing included', async () => {
    assert.equal(await eventually(() => 0), 0);
    assert.equal(await eventually(async () => Promise.resolve('')), '');
    assert.equal(await eventually(() => assert.equal(1, 1)), undefined);
  });

  it('goes on after false and errors', async () => {
    let calls = 0;
    const answer = await eventually(
      () => {
        calls += 1;
        if (calls === 1) return false;
        assert.equal(calls, 3);
        return 'there';
      },
      { interval: 1 },
    );
    assert.equal(answer, 'there');
  });

  it('gives up after the time-out and says why', async () => {
    const fault = new Error('still not');
    const fail = (): void => {
      throw fault;
    };
    await assert.rejects(eventually(fail, { timeout: 20, interval: 1, what: 'the moon' }), (error: Error) => {
      assert.equal(error.cause, fault);
      assert.match(error.message, /^the moon .* 20 ms: still not$/);
      return true;
    });
  });
});
