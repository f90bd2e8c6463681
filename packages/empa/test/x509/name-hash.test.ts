import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeName, type NameInput, nameHash, nameHashOld } from '@ssm/test-support';
import { nameHashes } from '../../src/x509/name-hash.js';

const NAMES: readonly NameInput[] = [
  '/C=UK/O=eScience/CN=CA 2B',
  [['O', '  A\t B ', 'printable']],
  [['O', 'Z\u00fcrich \u00c4', 't61']],
  [['O', 'Z\u00fcrich \u00c4', 'bmp']],
  [['CN', '\u{1d4b3} X', 'universal']],
  [['2.5.4.5', '12 34 ', 'numeric']],
  [
    [
      ['UID', 'b'],
      ['CN', 'A'],
    ],
  ],
  [],
];

describe('nameHashes', () => {
  it('gives the hashes of OpenSSL, the newer one first', () => {
    for (const name of NAMES) {
      const der = encodeName(name);
      assert.deepEqual(nameHashes(der), [nameHash(der), nameHashOld(der)]);
    }
  });
});
