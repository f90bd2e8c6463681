import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as check, property, string } from 'fast-check';
import { hexEscaped, jsonEscaped } from '../src/unprintable.js';

const HOSTILE = 'a\u001b[2Jb\n\u009bc\u202ed\u2028e\u{e0001}f\ud800';
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

test('every character that would be obeyed is shown', () => {
  assert.equal(hexEscaped(HOSTILE), String.raw`a\x1B[2Jb\x0A\x9Bc\u{202E}d\u{2028}e\u{E0001}f\u{D800}`);
  assert.equal(jsonEscaped(HOSTILE), String.raw`a\u001b[2Jb\u000a\u009bc\u202ed\u2028e\udb40\udc01f\ud800`);
});

test('what is kept stays', () => {
  assert.equal(hexEscaped('a\nb\tc\r', '\n\t'), 'a\nb\tc\\x0D');
  assert.equal(jsonEscaped('a\nb\t', '\n'), 'a\nb\\u0009');
});

test('an escaped JSON line says the same as before', () => {
  check(
    property(string({ unit: 'binary' }), (text) => {
      const json = jsonEscaped(JSON.stringify({ text }));
      return JSON.parse(json).text === text && !UNPRINTABLE.test(json);
    }),
  );
});
