import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FoundElement, type SentFile, tally } from './ledger.js';

const sent = (id: string, hash: string): SentFile => ({ id, hash, bytes: 1 });
const found = (id: string, hash: string, path = `path of ${id}`): FoundElement => ({ id, hash, path });

describe('tally', () => {
  it('finds everything where it should be', () => {
    assert.deepEqual(tally([sent('a', '1'), sent('b', '1')], [found('b', '1'), found('a', '1')]), {
      sent: 2,
      arrived: 2,
      lost: [],
      altered: [],
      duplicated: [],
      extra: [],
    });
  });

  it('tells what is lost, altered, duplicated and extra', () => {
    const files = ['a', 'b', 'c', 'd', 'e'].map((id) => sent(id, `hash of ${id}`));
    const elements = [
      found('b', 'another hash'),
      found('c', 'hash of c'),
      found('c', 'hash of c'),
      found('d', 'hash of d'),
      found('d', 'another hash'),
      found('e', 'hash of e'),
      // The bytes are known, the id is not: a message that nobody sent.
      found('x', 'hash of e', 'path of x'),
    ];
    assert.deepEqual(tally(files, elements), {
      sent: 5,
      arrived: 3,
      lost: ['a'],
      altered: ['b', 'd'],
      duplicated: ['c', 'd'],
      extra: ['path of x'],
    });
  });

  it('refuses two files of one name, which could not be told apart', () => {
    assert.throws(() => tally([sent('a', '1'), sent('a', '2')], []));
  });
});
