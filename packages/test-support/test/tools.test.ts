import assert from 'node:assert/strict';
import process, { getuid } from 'node:process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { requireTools } from '../src/index.js';

describe('requireTools', () => {
  const saved = { ...process.env };
  beforeEach(() => {
    process.env = { ...saved, PATH: '/nonexistent', CI: 'false' };
  });
  afterEach(() => {
    process.env = saved;
  });

  it('says what is missing and how to get it', () => {
    assert.match(String(requireTools('openssl', 'runuser')), /^needs openssl: apt-get install openssl; runuser: /);
    assert.equal(requireTools(), false);
    assert.equal(requireTools('root') === false, getuid?.() === 0);
  });

  it('throws where nothing may be left out', () => {
    process.env = { PATH: '/nonexistent', CI: 'true' };
    assert.throws(() => requireTools('openssl'));
  });
});
