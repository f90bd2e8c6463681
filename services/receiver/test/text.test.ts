import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { empaIdText, harmless } from '../src/text.js';

describe('empaIdText', () => {
  it('keeps the ids that senders use', () => {
    for (const id of ['5f3a1b2c/5f3a1b2c0123ab', 'file name.txt', '20240101-000000', 'Zürich']) assert.equal(empaIdText(id), id);
  });

  it('stores noid for none', () => {
    assert.equal(empaIdText(undefined), 'noid');
    assert.equal(empaIdText(''), 'noid');
  });

  it('makes harmless what could move a cursor, end a line, or turn the direction of a text', () => {
    assert.equal(empaIdText('a\r\nb\u0000\u001b[31m\u007f\u0085'), String.raw`a\x0D\x0Ab\x00\x1B[31m\x7F\x85`);
    assert.equal(empaIdText('a\u202eb\u2028c\u200fd'), String.raw`a\u{202E}b\u{2028}c\u{200F}d`);
    assert.equal(empaIdText('\ud800'), String.raw`\u{D800}`);
  });

  it('is bounded, whatever comes', () => {
    const text = empaIdText('\u0000'.repeat(1_000_000));
    assert.equal(text, `${String.raw`\x00`.repeat(256)}...`);
  });

  it('does not take a path for one: it stays a text', () => {
    assert.equal(empaIdText('../../etc/passwd'), '../../etc/passwd');
  });
});

describe('harmless', () => {
  it('does not leave half a character at the cut', () => {
    assert.equal(harmless('ab😀', 3), String.raw`ab\u{D83D}...`);
  });
});
