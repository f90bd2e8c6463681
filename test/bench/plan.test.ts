import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundOf, LIMIT, type Limits, type Load, loadName, messagesFor, planOf, readOptions } from './plan.js';

const SMALL: Load = { bytes: 1024, encrypted: true, key: 'RSA', tls: false };
const BIG: Load = { ...SMALL, bytes: 102_400 };
const limits = (changes: readonly (readonly [string, number])[] = []): Limits =>
  new Map([
    [LIMIT.sign.RSA, 6000],
    [LIMIT.verify.RSA, 50_000],
    [LIMIT.durable(1024), 2700],
    [LIMIT.durable(102_400), 1500],
    [LIMIT.decrypt, 3000],
    [LIMIT.bytes(true), 102_400_000],
    ...changes,
  ]);

describe('the plan of a benchmark', () => {
  it('repeats five times, and three times when it is to be quick', () => {
    assert.equal(planOf({ quick: false, only: [] }).repeats, 5);
    assert.equal(planOf({ quick: true, only: [] }).repeats, 3);
  });

  it('has 1 KB signed and signed+encrypted when it is quick, and all keys and TLS when not', () => {
    const quick = planOf({ quick: true, only: [] }).loads.map(loadName);
    const full = planOf({ quick: false, only: [] }).loads.map(loadName);
    for (const name of ['1 KB signed', '1 KB signed+encrypted']) assert.ok(quick.includes(name));
    for (const name of [...quick, '100 KB signed', '1 KB signed, P-256', '1 KB signed, mutual TLS']) assert.ok(full.includes(name), name);
    assert.equal(new Set(full).size, full.length);
  });

  it('leaves out what --only does not name', () => {
    assert.deepEqual(planOf({ quick: false, only: ['P-256'] }).loads.map(loadName), ['1 KB signed, P-256', '100 KB signed, P-256']);
  });

  it('holds a sender against signing, and against bytes where they are the slower', () => {
    assert.deepEqual(boundOf('sender', SMALL, limits()), { of: LIMIT.sign.RSA, limit: 6000, share: 0.45 });
    assert.deepEqual(boundOf('sender', BIG, limits()), { of: LIMIT.bytes(true), limit: 1000, share: 0.6 });
  });

  it('holds a receiver against durable adds, and against decryption only where there is any', () => {
    const slow = limits([
      [LIMIT.decrypt, 2000],
      [LIMIT.bytes(false), 1e9],
    ]);
    assert.deepEqual(boundOf('receiver', SMALL, limits()), { of: LIMIT.durable(1024), limit: 2700, share: 0.5 });
    assert.deepEqual(boundOf('receiver', SMALL, slow), { of: LIMIT.decrypt, limit: 2000, share: 0.5 });
    assert.equal(boundOf('receiver', { ...SMALL, encrypted: false }, slow).of, LIMIT.durable(1024));
  });

  it('makes as many files as the limit allows in a window, within the memory of a broker', () => {
    assert.equal(messagesFor(SMALL, limits(), 2000), 10_800);
    const huge = limits([[LIMIT.bytes(true), 1e12]]);
    assert.ok(messagesFor(BIG, huge, 60_000) * BIG.bytes * 2 < 400e6);
    assert.equal(messagesFor(SMALL, limits([[LIMIT.sign.RSA, 1]]), 2000), 200);
  });
});

describe('the options of a benchmark', () => {
  it('are the development broker, all loads, and text by default', () => {
    assert.deepEqual(readOptions([]), { quick: false, output: 'text', broker: 'devbroker', only: [], directory: undefined });
  });

  it('name a product or a version of it', () => {
    assert.deepEqual(readOptions(['--broker', 'rabbitmq']).broker, ['rabbitmq4', 'rabbitmq3']);
    assert.deepEqual(readOptions(['--broker', 'activemq5']).broker, ['activemq5']);
  });

  it('are refused when they are unknown or contradict each other', () => {
    assert.throws(() => readOptions(['--broker', 'kafka']), /--broker must be one of devbroker, rabbitmq/);
    assert.throws(() => readOptions(['--fast']), /fast/);
    assert.throws(() => readOptions(['--json', '--markdown']), /not both/);
  });
});
