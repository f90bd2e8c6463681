import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOptions } from './options.js';
import { loadName, messagesFor, mostRate, type Plan, planOf } from './plan.js';

const plan = (...args: string[]): Plan => planOf(readOptions(args));
const names = (...args: string[]): string[] => plan(...args).loads.map(loadName);

describe('the plan of a benchmark', () => {
  it('repeats five times, three times when it is to be quick, or as often as is said', () => {
    assert.deepEqual([plan().repeats, plan('--quick').repeats, plan('--repeats', '7').repeats], [5, 3, 7]);
  });

  it('has 1 KB signed and signed+encrypted when it is quick, and all keys and TLS when not', () => {
    for (const name of ['1 KB signed', '1 KB signed+encrypted']) assert.ok(names('--quick').includes(name));
    for (const name of [...names('--quick'), '100 KB signed', '1 KB signed, P-256', '1 KB signed, mutual TLS'])
      assert.ok(names().includes(name), name);
    assert.equal(new Set(names()).size, names().length);
  });

  it('leaves out what --only does not name', () => {
    const { loads, still, backlog } = plan('--only', 'P-256');
    assert.deepEqual(loads.map(loadName), ['1 KB signed, P-256', '100 KB signed, P-256']);
    assert.deepEqual([still, backlog], [false, undefined]);
  });

  it('looks at growth unless it is to be quick or at a real broker, and always when that is named', () => {
    assert.equal(plan().backlog, 100_000);
    assert.equal(plan('--quick').backlog, undefined);
    assert.equal(plan('--broker', 'rabbitmq').backlog, undefined);
    const only = plan('--quick', '--only', 'growth', '--backlog', '1000000');
    assert.deepEqual([only.backlog, only.loads.length, only.still], [1_000_000, 0, false]);
  });

  it('lets a service warm up before it is measured', () => {
    for (const { warmMs, windowMs } of [plan(), plan('--quick')]) assert.ok(warmMs >= 4000 && windowMs >= 2000);
  });

  it('makes enough messages for warm-up, window and a margin, within the memory of a broker', () => {
    const times = { warmMs: 2000, windowMs: 5000 };
    assert.equal(messagesFor({ bytes: 1024 }, 1000, times), 9500);
    assert.equal(messagesFor({ bytes: 1024 }, 1, times), 200);
    assert.ok(messagesFor({ bytes: 102_400 }, 1e6, times) * 2 * 102_400 <= 3 * 1024 ** 3);
    assert.ok(mostRate({ bytes: 102_400 }) < mostRate({ bytes: 1024 }));
  });
});

describe('the options of a benchmark', () => {
  it('are the development broker, all loads, and text by default', () => {
    const { repeats, directory, ...given } = readOptions([]);
    assert.deepEqual(given, { quick: false, output: 'text', broker: 'devbroker', only: [], backlog: 100_000 });
    assert.deepEqual([repeats, directory], [undefined, undefined]);
  });

  it('name a product or a version of it', () => {
    assert.deepEqual(readOptions(['--broker', 'rabbitmq']).broker, ['rabbitmq4', 'rabbitmq3']);
    assert.deepEqual(readOptions(['--broker', 'activemq5']).broker, ['activemq5']);
  });

  it('are refused when they are unknown, contradict each other, or are no numbers', () => {
    assert.throws(() => readOptions(['--broker', 'kafka']), /--broker must be one of devbroker, rabbitmq/);
    assert.throws(() => readOptions(['--fast']), /fast/);
    assert.throws(() => readOptions(['--json', '--markdown']), /not both/);
    assert.throws(() => readOptions(['--repeats', '0']), /--repeats must be a number from 1 on/);
    assert.throws(() => readOptions(['--backlog', '1e6']), /--backlog must be a number from 10000 on/);
  });
});
