import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPA_ERROR_CODES, EmpaError } from '@ssm/empa';
import { SPOOL_ERROR_CODES, SpoolError } from '@ssm/spool';
import { TRANSPORT_ERROR_CODES, TransportError } from '@ssm/transport';
import { SENDER_ERROR_CODES, SenderError } from '../src/errors.js';
import { codeOf, judge, type Verdict } from '../src/verdict.js';

function judged<C extends string>(codes: readonly C[], make: (code: C) => Error, verdict: Verdict): C[] {
  return codes.filter((code) => judge(make(code)) === verdict);
}

describe('judge', () => {
  it('puts into quarantine what can never be sent, and nothing else', () => {
    const spool = judged(SPOOL_ERROR_CODES, (code) => new SpoolError(code, ''), 'quarantine');
    const transport = judged(TRANSPORT_ERROR_CODES, (code) => new TransportError(code, ''), 'quarantine');
    const empa = judged(EMPA_ERROR_CODES, (code) => new EmpaError(code, ''), 'quarantine');
    const sender = judged(SENDER_ERROR_CODES, (code) => new SenderError(code, ''), 'quarantine');
    assert.deepEqual(spool, ['too-large', 'not-regular', 'unreadable', 'element-corrupt', 'name-invalid']);
    assert.deepEqual(transport, ['message-refused', 'message-too-large']);
    assert.deepEqual(empa, ['message-too-large', 'limit-exceeded']);
    assert.deepEqual(sender, ['sealed-too-large', 'not-splittable', 'name-reserved']);
  });

  it('lets an element wait for a fault that may be its own', () => {
    for (const code of ['io-error', 'disk-full', 'read-only', 'permission-denied', 'changed-while-reading', 'claim-lost'] as const) {
      assert.equal(judge(new SpoolError(code, '')), 'retry-later', code);
    }
    assert.equal(judge(new TypeError('a bug')), 'retry-later');
    assert.equal(judge('thrown text'), 'retry-later');
  });

  it('does not charge an element with the circumstances', () => {
    for (const code of ['aborted', 'closed'] as const) assert.equal(judge(new TransportError(code, '')), 'retry', code);
    for (const code of ['identity-not-valid', 'recipient-not-valid', 'broker-away', 'stopping'] as const) {
      assert.equal(judge(new SenderError(code, '')), 'retry', code);
    }
  });
});

describe('codeOf', () => {
  it('takes what has no code for a fault of the program', () => {
    assert.equal(codeOf(new Error('x')), 'unexpected');
    assert.equal(codeOf(undefined), 'unexpected');
    assert.equal(codeOf(new SpoolError('disk-full', '')), 'disk-full');
  });
});
