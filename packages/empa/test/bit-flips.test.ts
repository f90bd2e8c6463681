/** Every bit of a signed message, flipped. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { BODY, bitFlips, outcomes } from './hostile.js';
import { World } from './world.js';

const world = new World({ after });

describe('a signed message', () => {
  it('is refused or unchanged with any bit flipped', async () => {
    const raw = await world.seal(BODY);
    const tally = await outcomes(world, bitFlips(raw));
    for (const code of [
      'opened',
      'message-malformed',
      'digest-mismatch',
      'signature-invalid',
      'signer-certificate-missing',
      'der-malformed',
    ]) {
      assert.ok((tally.get(code) ?? 0) > 0, code);
    }
  });
});
