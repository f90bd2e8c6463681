import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textLine } from '../src/log-text.js';

const base = { level: 'info', time: '2030-01-31T10:00:00.000Z', service: 'sender', instance: 'a', msg: 'text' };
const line = (fields: object, colours = false): string => textLine(JSON.stringify({ ...base, ...fields }), colours);

test('one readable line', () => {
  assert.equal(line({ id: 'x', count: 3, name: 'a b' }), '2030-01-31T10:00:00.000Z INFO  text  id=x  count=3  name="a b"\n');
});

test('colours only when asked for', () => {
  assert.ok(!line({}).includes('\u001b'));
  assert.ok(line({}, true).includes('\u001b[32mINFO \u001b[0m'));
});

test('an error in one line, its stack below', () => {
  const error = {
    name: 'SpoolError',
    code: 'x',
    message: 'outer',
    cause: { name: 'Error', message: 'inner', stack: 'Error: inner\n    at a' },
    stack: 'SpoolError\n    at b',
  };
  assert.equal(
    line({ error }),
    '2030-01-31T10:00:00.000Z INFO  text  error="SpoolError x: outer <- Error: inner"\nSpoolError\n    at b\nError: inner\n    at a\n',
  );
});

test('nothing in a message or field can forge a line, hide text or command a terminal', () => {
  const hostile = 'a\nb\rc\u001b[2Jd\u009be\u2028f\u202eg\u200bh\u0000i\u007f\u{e0001}';
  const text = line({ msg: hostile, [hostile]: hostile, error: { name: hostile, message: hostile, stack: hostile } });
  assert.equal(text.split('\n').length, 4, 'the line, the two lines of the stack, the end');
  assert.ok(!/[^\n\P{C}]/u.test(text), JSON.stringify(text));
});
