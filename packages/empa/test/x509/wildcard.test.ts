import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { matchesWildcard } from '../../src/x509/wildcard.js';

/** The obvious definition, exponential and therefore only for short ones. */
function byDefinition(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [first] = pattern;
  if (first === '*') return byDefinition(pattern.slice(1), text) || (text !== '' && byDefinition(pattern, text.slice(1)));
  return text !== '' && (first === '?' || first === text[0]) && byDefinition(pattern.slice(1), text.slice(1));
}

describe('matchesWildcard', () => {
  it('takes * for any run and ? for one character', () => {
    const good = [
      ['*', ''],
      ['/C=UK/*', '/C=UK/O=eScience/CN=x'],
      ['/c=uk/o=ESCIENCE/*', '/C=UK/O=eScience/CN=x'],
      ['/CN=?', '/CN=𝒳'],
      ['/CN=a?c*', '/CN=abc'],
      ['*b*b', 'abab'],
      ['', ''],
    ] as const;
    const bad = [
      ['', 'x'],
      ['?', ''],
      ['/C=UK/*', '/C=UK'],
      ['/C=UK', '/C=UK/CN=x'],
      ['C=UK*', '/C=UK'],
      ['/CN=.*', '/CN=x'],
      ['/CN=[a-z]', '/CN=x'],
    ] as const;
    for (const [pattern, text] of good) assert.ok(matchesWildcard(pattern, text), `${pattern} ${text}`);
    for (const [pattern, text] of bad) assert.ok(!matchesWildcard(pattern, text), `${pattern} ${text}`);
  });

  it('agrees with the definition', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 7 }).map((parts) => parts.join(''));
    const text = fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, text, (p, t) => matchesWildcard(p, t) === byDefinition(p, t)),
      { numRuns: 3000 },
    );
  });

  it('does not go back further than the last star', () => {
    // Backtracking over every star would take longer than the universe has.
    assert.ok(!matchesWildcard('a*'.repeat(1000), `${'a'.repeat(4000)}b`.replace('a', 'b')));
    assert.ok(!matchesWildcard(`${'*a'.repeat(500)}*b`, 'a'.repeat(4000)));
  });
});
