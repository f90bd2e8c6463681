/** Hostile encrypted messages: whatever is done to one, it is refused with a code, or it is still the same body of the same signer. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { writeEnvelopedData } from '../src/cms/enveloped-data.js';
import { parseDer } from '../src/der.js';
import { writePkcs7Mime } from '../src/mime.js';
import { BODY, mutations, outcome, outcomes, type Tally, trimmed, truncations } from './hostile.js';
import { certificateOf, encryptContent } from './recipe.js';
import { World } from './world.js';

const world = new World({ after });
const { server } = world;

function encrypted(plaintext: Buffer): Buffer {
  return writePkcs7Mime(writeEnvelopedData(encryptContent(plaintext), [certificateOf(server)]), 'enveloped-data');
}

describe('what follows the end of a decrypted message', () => {
  it('may be white space', async () => {
    const opened = await world.open(encrypted(Buffer.concat([Buffer.from(await world.seal(BODY)), Buffer.from('\r\n \t\n')])));
    assert.equal(Buffer.from(opened.body).toString(), BODY);
  });

  it('is nothing else: blocks appended to a captured message would tell by their padding what it holds', async () => {
    const message = encrypted(Buffer.concat([Buffer.from(await world.seal(BODY)), Buffer.from('\r\nx')]));
    await assert.rejects(world.open(message), { code: 'decryption-failed' });
  });
});

describe('an encrypted message', () => {
  it('is refused when it is cut off anywhere', async () => {
    const tally = await outcomes(world, truncations(trimmed(await world.sealFor(BODY))));
    assert.deepEqual([...tally.keys()].toSorted(), ['der-malformed', 'message-malformed', 'not-signed']);
  });

  // Every bit of the frame; of the content, of which there is much and all of it alike, here and there one.
  for (const [cipher, frame, step] of [
    ['aes128', 420, 5],
    ['aes128-gcm', 0, 7],
  ] as const) {
    it(`is refused or unchanged with bits of its DER flipped: ${cipher}`, async () => {
      const cms = Buffer.concat(writeEnvelopedData(encryptContent(await world.seal(BODY), cipher), [certificateOf(server)]));
      const tally: Tally = new Map();
      for (let at = 0; at < cms.length; at += at < frame ? 1 : step) {
        for (let bit = 1; bit < 256; bit *= at < frame ? 2 : 256) {
          const flipped = Buffer.from(cms);
          flipped[at] = flipped.readUInt8(at) ^ bit;
          await outcome(world, writePkcs7Mime([flipped], 'enveloped-data'), tally);
        }
      }
      assert.ok((tally.get('decryption-failed') ?? 0) > 0);
      assert.ok((tally.get('no-matching-recipient') ?? 0) > 0);
    });
  }

  it('is refused or unchanged with any value missing, twice, in another place, or of another kind', async () => {
    const cms = Buffer.concat(writeEnvelopedData(encryptContent(await world.seal(BODY)), [certificateOf(server)]));
    const messages = function* (): Generator<Buffer> {
      for (const mutation of mutations(parseDer(cms))) yield writePkcs7Mime([mutation], 'enveloped-data');
    };
    const tally = await outcomes(world, messages());
    for (const code of ['der-malformed', 'algorithm-unsupported', 'no-matching-recipient', 'decryption-failed']) {
      assert.ok((tally.get(code) ?? 0) > 0, `${code}: ${JSON.stringify([...tally])}`);
    }
  });
});
