import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { decodeEmpaId, encodeEmpaId } from '../../src/ams/empa-id.js';
import { encodeMessage, hasMoreValues, largestBody, parseObject, parseOffsets, parsePulled, storedSize } from '../../src/ams/wire.js';
import { createAmsPublisher, createAmsSubscriber, TransportError } from '../../src/index.js';

describe('the id as an attribute', () => {
  it('goes as it is where that is safe', () => {
    for (const id of ['5f0e4a1c/5f0e4a1c3d0907', 'records.txt', 'a_b-c', '']) assert.equal(encodeEmpaId(id), id);
  });

  it('comes back as it was, and is never more than plain characters on the way', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.string().map((text) => `ssm.b64url.${text}`),
        ),
        (id) => {
          const encoded = encodeEmpaId(id);
          assert.match(encoded, /^[0-9A-Za-z/._-]*$/);
          assert.equal(decodeEmpaId(encoded), id);
        },
      ),
    );
  });

  it('is left alone where it is not exactly what we would have written', () => {
    for (const attribute of ['ssm.b64url.', 'ssm.b64url.a', 'ssm.b64url.YQ==', 'ssm.b64url.YQ', 'SSM.b64url.WsO8'])
      assert.equal(decodeEmpaId(attribute), attribute);
  });
});

describe('a message for AMS', () => {
  it('is JSON, and not larger than it was counted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (body, id) => {
        const text = encodeMessage({ id, body });
        const parsed = JSON.parse(text) as { data: string; attributes: { empaid: string } };
        assert.deepEqual(Uint8Array.from(Buffer.from(parsed.data, 'base64')), body);
        assert.equal(decodeEmpaId(parsed.attributes.empaid), id);
        assert.ok(text.length <= storedSize({ id, body }));
      }),
    );
  });

  it('of the largest size fits', () => {
    for (const limit of [10_000, 999_999, 1_000_000]) {
      const body = new Uint8Array(largestBody(limit));
      assert.ok(storedSize({ id: 'ü'.repeat(128), body }) <= limit);
      assert.ok(limit - storedSize({ id: '', body }) < 520);
    }
    assert.equal(largestBody(10), 0);
  });
});

describe('values of a JSON text', () => {
  const count = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 1;
    const inner = Object.values(value);
    // An empty list is counted as if there was something in it.
    return 1 + (inner.length === 0 ? 1 : inner.reduce((sum: number, each) => sum + count(each), 0));
  };

  it('are counted without what is in strings', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(1), (json, more) => {
        const values = count(JSON.parse(json));
        assert.equal(hasMoreValues(Buffer.from(json), values - more), more > 0, json);
      }),
    );
  });

  it('are counted in a text that is none', () => {
    for (const text of ['{'.repeat(10), '{},'.repeat(5), '"unfinished ,,,,', '"\\",,,,,,,,,,,', '\\', ''])
      assert.equal(hasMoreValues(Buffer.from(text), 9), text.startsWith('{'), text);
  });
});

const bodyOf = (data: string): string | undefined =>
  parsePulled('x', { receivedMessages: [{ ackId: 's:1', message: { data } }] }, 's:')[0]?.body.toString();

describe('data of a message', () => {
  const text = 'MIME-Version: 1.0\n'.repeat(8);
  const data = Buffer.from(text).toString('base64');

  it('is decoded, whatever lines it is broken into', () => {
    for (const end of ['\n', '\r\n', ' ', '\t']) assert.equal(bodyOf(`${data.replaceAll(/.{76}/g, `$&${end}`)}${end}`), text);
    assert.equal(bodyOf(data), text);
  });

  it('is left as it came where it is no base64', () => {
    for (const other of ['YWI', 'YW I', 'no base64!', 'a b\nc', '====']) assert.equal(bodyOf(other), other);
  });
});

const offsets = (text: string): unknown => parseOffsets('server', parseObject('server', Buffer.from(text)));

it('takes numbers for offsets that can be counted with', () => {
  assert.deepEqual(offsets('{"max":7,"min":0,"current":-1}'), { max: 7, current: -1 });
  for (const text of ['{"max":1e400,"current":0}', '{"max":7,"current":1e400}', '{"max":7.5,"current":1}', '{"max":"7","current":1}', '{}'])
    assert.throws(() => offsets(text), /server: the answer has no offsets/);
});

describe('options', () => {
  const good = {
    host: 'msg.example.org',
    project: 'accounting',
    topic: 'records',
    subscription: 'records',
    authentication: { type: 'token', token: 'abc' },
    tls: () => ({ ca: [] }),
  } as const;
  const bad: readonly [string, object][] = [
    ['host', { host: 'a/b' }],
    ['host', { host: '' }],
    ['port 0', { port: 0 }],
    ['project', { project: 'a/b' }],
    ['token', { authentication: { type: 'token', token: '' } }],
    ['token', { authentication: { type: 'token', token: 'a\r\nb' } }],
    ['port 70000', { authentication: { type: 'x509', port: 70_000 } }],
    ['batch 0', { batch: 0 }],
    ['requestTimeoutMs', { requestTimeoutMs: 0 }],
    ['topic', { topic: 'a:b' }],
    ['subscription', { subscription: '' }],
    ['ackDeadlineSeconds', { ackDeadlineSeconds: 601 }],
    ['pollIntervalMs', { pollIntervalMs: -1 }],
  ];
  for (const [name, change] of bad)
    it(`${name} is refused: ${JSON.stringify(change)}`, () => {
      const make = name === 'subscription' || name.startsWith('ack') || name.startsWith('poll') ? createAmsSubscriber : createAmsPublisher;
      assert.throws(
        () => make({ ...good, ...change }),
        (error) =>
          error instanceof TransportError &&
          error.code === 'options-invalid' &&
          error.message.includes(name) &&
          !error.message.includes('abc'),
      );
    });
});
