import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoggableOptions, loggableFields, loggableText, toLoggable } from '../src/loggable.js';

const plain: LoggableOptions = { secrets: [], stacks: false };
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----';

class WithCode extends Error {
  readonly code = 'some-code';
  override readonly name = 'WithCode';
}

test('plain data stays', () => {
  const data = { text: 'a', count: 1, yes: true, none: null, list: [1, 'b'], group: { c: 2 } };
  assert.deepEqual(toLoggable(data, plain), data);
});

test('what JSON has no form for', () => {
  const value = {
    big: 10n,
    missing: undefined,
    nan: Number.NaN,
    call: () => 1,
    bytes: new Uint8Array(3),
    buffer: Buffer.alloc(4),
    at: new Date(0),
    url: new URL('http://a/'),
  };
  assert.deepEqual(toLoggable(value, plain), {
    big: '10',
    nan: 'NaN',
    call: '[function]',
    bytes: '[3 bytes]',
    buffer: '[4 bytes]',
    at: '1970-01-01T00:00:00.000Z',
    url: 'http://a/',
  });
  assert.deepEqual(toLoggable({ map: new Map([['a', 1]]), set: new Set([1]) }, plain), { map: { a: 1 }, set: [1] });
});

test('instances show by their own text, never by their fields', () => {
  class Named {
    readonly hidden = 'hidden';
    toString(): string {
      return '/C=UK/CN=host';
    }
  }
  class Silent {
    readonly hidden = 'hidden';
  }
  assert.deepEqual(toLoggable([new Named(), new Silent()], plain), ['/C=UK/CN=host', '[Silent]']);
});

test('errors with code and causes, stacks only when asked for', () => {
  const error = new WithCode('outer', { cause: new TypeError('inner', { cause: 'text' }) });
  const expected = { name: 'WithCode', code: 'some-code', message: 'outer', cause: { name: 'TypeError', message: 'inner', cause: 'text' } };
  assert.deepEqual(toLoggable(error, plain), expected);
  const withStack = JSON.stringify(toLoggable(error, { ...plain, stacks: true }));
  assert.equal(withStack.match(/loggable\.test/g)?.length, 2);
});

test('many errors in one, and a chain without end', () => {
  const many = new AggregateError([new Error('a'), new Error('b')], 'both');
  assert.deepEqual(toLoggable(many, plain), {
    name: 'AggregateError',
    message: 'both',
    errors: [
      { name: 'Error', message: 'a' },
      { name: 'Error', message: 'b' },
    ],
  });
  const endless = new Error('x');
  endless.cause = endless;
  assert.ok(JSON.stringify(toLoggable(endless, plain)).length < 1_000);
});

test('cycles, depth, width and length are limited', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  assert.ok(JSON.stringify(toLoggable(cycle, plain)).length < 200);
  assert.equal(
    JSON.stringify(
      toLoggable(
        Array.from({ length: 100_000 }, () => 1),
        plain,
      ),
    ).length,
    201,
  );
  assert.ok(JSON.stringify(toLoggable({ text: 'x'.repeat(1e6) }, plain)).length < 9_000);
});

test('whatever throws while it is looked at does not throw out', () => {
  const hostile = {
    get bad(): string {
      throw new Error('getter');
    },
  };
  const json = {
    toJSON(): never {
      throw new Error('toJSON');
    },
  };
  const proxy = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('proxy');
      },
    },
  );
  assert.deepEqual(toLoggable([hostile, Object.create(json), proxy], plain), ['[unprintable]', '[unprintable]', '[unprintable]']);
});

test('fields with secret names are blanked at every depth', () => {
  const fields = {
    passcode: 'a',
    deep: [{ 'db-password': 'b', apiToken: 'c', Authorization: 'd', client_secret: 'e', privateKey: 'f', passphrase: 'g' }],
  };
  const text = JSON.stringify(loggableFields(fields, plain));
  for (const secret of 'abcdefg') assert.ok(!text.includes(`"${secret}"`), text);
  assert.deepEqual(loggableFields({ passcodeSet: true, key: '/etc/key.pem' }, plain), { passcodeSet: true, key: '/etc/key.pem' });
});

test('known secrets are blanked in any text', () => {
  const options = { secrets: ['hunter2', 'abc'], stacks: true };
  const error = new Error('login hunter2 failed', { cause: new Error('hunter2') });
  assert.ok(!JSON.stringify(toLoggable({ error, list: ['xhunter2x'] }, options)).includes('hunter2'));
  assert.equal(loggableText('abc', options.secrets), 'abc', 'too short to be blanked everywhere');
});

test('a secret across the cut is not shown in part', () => {
  const secret = 'S3cret'.repeat(10);
  const text = loggableText(`${'x'.repeat(8_180)}${secret}`, [secret]);
  assert.ok(!text.includes('S3cret'));
});

test('private keys are blanked, also when cut off', () => {
  assert.equal(loggableText(`before ${PEM} after`, []), 'before [redacted] after');
  assert.ok(!loggableText(PEM.slice(0, 40), []).includes('MII'));
});
