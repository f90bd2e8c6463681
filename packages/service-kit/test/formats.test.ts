import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as check, constantFrom, nat, property } from 'fast-check';
import { formatValue, parseSetting } from '../src/formats.js';
import type { Setting, SettingFormat } from '../src/settings.js';

function parse(format: SettingFormat, raw: unknown, more: Partial<Setting<unknown>> = {}): unknown {
  const parsed = parseSetting({ doc: '', default: '', format, ...more }, raw);
  return 'value' in parsed ? parsed.value : 'not allowed';
}

test('durations are milliseconds', () => {
  const good = {
    '500ms': 500,
    '30s': 30_000,
    '10m': 600_000,
    '12h': 43_200_000,
    '7d': 604_800_000,
    '1.5s': 1_500,
    '2000': 2_000,
    '0': 0,
    '3 s': 3_000,
  };
  for (const [text, value] of Object.entries(good)) assert.equal(parse('duration', text), value, text);
  for (const text of ['', 's', '-1s', '1w', '1S', '1s2', '1e3', '0x10', ' 1s', '٣s', '1.s', 'constructor'])
    assert.equal(parse('duration', text), 'not allowed', text);
});

test('a duration longer than a timer can be needs its own maximum', () => {
  assert.equal(parse('duration', '25d'), 'not allowed');
  assert.equal(parse('duration', '25d', { maximum: 30 * 86_400_000 }), 25 * 86_400_000);
});

test('sizes are bytes', () => {
  const good = {
    '64KiB': 65_536,
    '20MiB': 20_971_520,
    '1GiB': 1_073_741_824,
    '5MB': 5_000_000,
    '1kB': 1_000,
    '1KB': 1_000,
    '7': 7,
    '7B': 7,
    '0.5KiB': 512,
  };
  for (const [text, value] of Object.entries(good)) assert.equal(parse('bytes', text), value, text);
  for (const text of ['', '1M', '1mib', '-1', '1e9', '99999999999TiB', '1__proto__'])
    assert.equal(parse('bytes', text), 'not allowed', text);
});

test('modes are octal with a leading zero', () => {
  assert.equal(parse('mode', '0770'), 0o770);
  assert.equal(parse('mode', '02750'), 0o2750);
  assert.equal(parse('mode', '0o640'), 0o640);
  for (const text of ['770', '504', '0780', '0', '077777', 'rwx']) assert.equal(parse('mode', text), 'not allowed', text);
});

test('whole numbers, ports, booleans', () => {
  assert.equal(parse('integer', '-5'), -5);
  assert.equal(parse('port', '0'), 0);
  assert.equal(parse('port', '65535'), 65_535);
  for (const [text, value] of Object.entries({ true: true, YES: true, on: true, 1: true, False: false, no: false, off: false, 0: false }))
    assert.equal(parse('boolean', text), value, text);
  for (const text of ['', '1.0', '1e3', '9'.repeat(16)]) assert.equal(parse('integer', text), 'not allowed', text);
  for (const text of ['65536', '-1', 'http']) assert.equal(parse('port', text), 'not allowed', text);
  for (const text of ['', 'maybe', '2', 'toString']) assert.equal(parse('boolean', text), 'not allowed', text);
});

test('lists come from texts with commas and from lists', () => {
  assert.deepEqual(parse('string-list', 'a, b,,c'), ['a', 'b', 'c']);
  assert.deepEqual(parse('string-list', ''), []);
  assert.deepEqual(parse('string-list', ['a,b', 'c']), ['a,b', 'c']);
  assert.equal(parse('string-list', ['a', ['b']]), 'not allowed');
  assert.equal(parse('string-list', [{ a: 'b' }]), 'not allowed');
});

test('texts, paths and choices', () => {
  assert.equal(parse('string', ' a '), ' a ');
  assert.equal(parse('path', 'a\0b'), 'not allowed');
  assert.equal(parse('string', ['a']), 'not allowed');
  assert.equal(parse({ oneOf: ['a', 'b'] }, 'b'), 'b');
  assert.equal(parse({ oneOf: ['a', 'b'] }, 'B'), 'not allowed');
});

test('limits, required and own checks', () => {
  assert.equal(parse('integer', '0', { minimum: 1 }), 'not allowed');
  assert.equal(parse('integer', '11', { maximum: 10 }), 'not allowed');
  assert.equal(parse('integer', '10', { minimum: 1, maximum: 10 }), 10);
  assert.equal(parse('string', '', { required: true }), 'not allowed');
  assert.equal(parse('string-list', '', { required: true }), 'not allowed');
  assert.equal(parse('string', 'x', { check: (value) => (value === 'x' ? 'not x' : undefined) }), 'not allowed');
  assert.equal(parse('mode', '', { default: undefined }), undefined);
  assert.equal(parse('mode', '', { default: 0o640 }), 'not allowed');
});

test('what is shown can be given', () => {
  const formats = ['duration', 'bytes', 'integer'] as const;
  check(
    property(constantFrom(...formats), nat({ max: 2_000_000_000 }), (format, value) => parse(format, formatValue(format, value)) === value),
  );
  assert.equal(formatValue('duration', 90_000), '90s');
  assert.equal(formatValue('duration', 0), '0ms');
  assert.equal(formatValue('bytes', 67_108_864), '64MiB');
  assert.equal(formatValue('mode', 0o750), '0750');
  assert.equal(formatValue('string-list', ['a', 'b']), 'a,b');
});
