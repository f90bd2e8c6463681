import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type StompOptions, TransportError } from '../src/index.js';
import { isSendable } from '../src/stomp/headers.js';
import { brokerName, DEFAULTS, resolveOptions } from '../src/stomp/settings.js';

const good: StompOptions = { brokers: [{ host: 'localhost', port: 61613 }], destination: '/queue/test' };

describe('resolveOptions', () => {
  it('fills in the defaults, also for what is given as undefined', () => {
    // What JavaScript can give, and TypeScript cannot.
    assert.deepEqual(resolveOptions(Object.assign({}, good, { window: undefined })), { ...DEFAULTS, ...good });
  });

  for (const [what, bad] of Object.entries<Partial<StompOptions>>({
    'no broker': { brokers: [] },
    'no host': { brokers: [{ host: '', port: 1 }] },
    'a port that is none': { brokers: [{ host: 'h', port: 65_536 }] },
    'a broker twice': { brokers: [...good.brokers, ...good.brokers] },
    'no destination': { destination: '' },
    'a header in the destination': { destination: '/queue/a\nreceipt:x' },
    'a header in the login': { login: 'a\r\nb' },
    'a NUL in the passcode': { passcode: 'a\0' },
    'a header in an extra header': { extraHeaders: { a: 'b\nc' } },
    'an extra header without a name': { extraHeaders: { '': 'b' } },
    'an extra header that is ours': { extraHeaders: { persistent: 'false' } },
    'a window of nothing': { window: 0 },
    'half a byte': { byteBudget: 0.5 },
    'a time-out that no timer takes': { receiptTimeoutMs: 2 ** 31 },
    'no time': { connectTimeoutMs: 0 },
    'heart-beats that are no number': { heartbeatMs: Number.NaN },
    'no back-off': { backoff: { initialMs: 0, maximumMs: 1 } },
  }))
    it(`refuses ${what}`, () => {
      assert.throws(
        () => resolveOptions({ ...good, ...bad }),
        (error) => error instanceof TransportError && error.code === 'options-invalid',
      );
    });

  it('names every fault in one message, and no secret', () => {
    assert.throws(
      () => resolveOptions({ ...good, window: 0, passcode: 'secret\n' }),
      (error) =>
        error instanceof TransportError && /window.*passcode|passcode.*window/.test(error.message) && !error.message.includes('secret'),
    );
  });
});

it('names a broker by host and port', () => {
  assert.equal(brokerName({ host: '::1', port: 1 }), '[::1]:1');
  assert.equal(brokerName({ host: 'a.example', port: 1 }), 'a.example:1');
});

it('knows what a header can carry', () => {
  assert.deepEqual(
    ['a\0', 'a\r', 'a\n', 'a:\\é'].map((text) => [isSendable(text, '1.2'), isSendable(text, '1.1'), isSendable(text, 'connect')]),
    [
      [false, false, false],
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ],
  );
});
