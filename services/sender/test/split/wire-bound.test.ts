import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { loadIdentity, parseCertificates, sealMessage } from '@ssm/empa';
import * as fc from 'fast-check';
import { Breath } from '../../src/split/breath.js';
import { split } from '../../src/split/split.js';
import { type Sealing, WireBound } from '../../src/split/wire-bound.js';
import { sharedPki } from '../support/site.js';

const keys = sharedPki({ after });

async function sealed(body: Uint8Array, { recipients, transferEncoding }: Sealing): Promise<number> {
  const [site] = keys.sites;
  const signer = await loadIdentity({ certificate: site.certificatePath, key: site.keyPath }, { now: new Date() });
  const certificates = parseCertificates(Buffer.from(keys.server.issued.certificatePem));
  const options = { signer, transferEncoding, deliveryId: 'a'.repeat(64), now: new Date() };
  return (await sealMessage(body, { ...options, recipients: Array.from({ length: recipients }, () => certificates[0]!) })).length;
}

const record = (index: number): string => `Name: Zoë ${index} =\t \nText: ${'é'.repeat(index % 50)}\n%%\n`;

describe('the bound on a sealed message', () => {
  const SEALINGS: readonly Sealing[] = [
    { recipients: 0, transferEncoding: 'auto' },
    { recipients: 2, transferEncoding: 'auto' },
    { recipients: 1, transferEncoding: 'base64' },
  ];
  for (const sealing of SEALINGS)
    it(`holds for any bytes: ${JSON.stringify(sealing)}`, async () => {
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 3000 }),
        fc
          .string({ unit: fc.constantFrom('a', ' ', '\n', '=', 'pkcs7-mime', ' \n', '\t\n', 'ü'), maxLength: 3000 })
          .map((text) => Buffer.from(text)),
        fc.nat(200_000).map((length) => Buffer.alloc(length, ' \n')),
      );
      await fc.assert(
        fc.asyncProperty(bytes, async (body) => {
          const bound = new WireBound(Buffer.from(body), sealing);
          assert.ok((await sealed(body, sealing)) <= bound.sealed(await bound.encoded(body, new Breath())));
        }),
        { numRuns: 60 },
      );
    });

  it('is not far off for records of text', async () => {
    const body = Buffer.from(`APEL-summary-job-message: v0.2\n${'Site: EXAMPLE\nVO: atlas /a/b/c 1234567890\n%%\n'.repeat(10_000)}`);
    for (const sealing of SEALINGS.slice(0, 2)) {
      const bound = new WireBound(body, sealing);
      assert.ok(bound.sealed(await bound.encoded(body, new Breath())) < (await sealed(body, sealing)) * 1.25);
    }
  });

  it('is kept by the parts of a file', async () => {
    const body = Buffer.from(`APEL-cloud-message: v0.4\n${Array.from({ length: 3000 }, (_, index) => record(index)).join('')}`);
    for (const sealing of SEALINGS) {
      const parts = await split(body, { body: 1_000_000, message: 100_000 }, sealing);
      assert.ok(parts && parts.count > 2);
      for (let index = 0; index < parts.count; index += 1) assert.ok((await sealed(parts.body(index), sealing)) <= 100_000);
    }
  });
});
