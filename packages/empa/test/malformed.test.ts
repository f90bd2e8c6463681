/** Hostile signed messages: whatever is done to one, it is refused with a code, or it is still the same body of the same signer. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as fc from 'fast-check';
import { writeSigningCertificate } from '../src/cms/signing-certificate.js';
import { parseDer } from '../src/der.js';
import { writeMultipartSigned } from '../src/mime.js';
import { BODY, mutations, outcome, outcomes, trimmed, truncations } from './hostile.js';
import { certificateOf, signedData, signerInfo, usualAttributes } from './recipe.js';
import { World } from './world.js';

const world = new World({ after });
const { site } = world;

describe('a signed message', () => {
  it('is refused when it is cut off anywhere', async () => {
    const tally = await outcomes(world, truncations(trimmed(await world.seal(BODY))));
    assert.deepEqual([...tally.keys()].toSorted(), ['message-malformed', 'not-signed']);
  });

  it('is refused or unchanged with any octet left out, or there twice', async () => {
    const raw = await world.seal(BODY);
    function* changes(): Generator<Buffer> {
      for (let at = 0; at < raw.length; at += 1) {
        yield Buffer.concat([raw.subarray(0, at), raw.subarray(at + 1)]);
        yield Buffer.concat([raw.subarray(0, at + 1), raw.subarray(at)]);
      }
    }
    const tally = await outcomes(world, changes());
    assert.ok((tally.get('digest-mismatch') ?? 0) >= BODY.length);
  });

  it('is refused or unchanged with other octets in its place', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.uint8Array({ maxLength: 20 }), fc.nat(30), async (position, octets, removed) => {
        const raw = await world.seal(BODY);
        const at = position % raw.length;
        await outcome(world, Buffer.concat([raw.subarray(0, at), octets, raw.subarray(at + removed)]), new Map());
      }),
      { numRuns: 500 },
    ));
});

describe('the structure of CMS', () => {
  it('of a signature is refused or unchanged with any value missing, twice, in another place, or of another kind', async () => {
    const part = Buffer.from(`Content-Type: text/plain\r\n\r\n${BODY}`.replaceAll('\n', '\r\n').replaceAll('\r\r', '\r'), 'latin1');
    const attributes = [...usualAttributes(part), writeSigningCertificate(certificateOf(site))];
    const cms = signedData({ signerInfos: [signerInfo(part, { signer: site, attributes })], certificates: [site.der] });
    const messages = function* (): Generator<Buffer> {
      for (const mutation of mutations(parseDer(cms))) yield writeMultipartSigned([part], mutation);
    };
    const tally = await outcomes(world, messages());
    for (const code of ['der-malformed', 'signer-count', 'signed-attributes-missing', 'signer-certificate-missing', 'signature-invalid']) {
      assert.ok((tally.get(code) ?? 0) > 0, code);
    }
  });
});
