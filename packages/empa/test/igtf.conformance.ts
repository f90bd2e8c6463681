import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { igtfPath, requireTools, temporaryDirectory } from '@ssm/test-support';
import { EmpaError } from '../src/errors.js';
import { loadTrustStore } from '../src/trust-store.js';
import { type Certificate, parseCertificates } from '../src/x509/certificate.js';
import { nameHashes } from '../src/x509/name-hash.js';
import { chainingKey } from '../src/x509/name-matching.js';
import { policyAllows } from '../src/x509/signing-policy.js';
import { kindOfTrustFile, TrustBuilder } from '../src/x509/trust.js';

const HASHED = /^([0-9a-f]{8})\.0$/u;

/** All profiles in one directory, as sites have them. */
function distribution(directory: string): readonly string[] {
  for (const profile of readdirSync(igtfPath()))
    for (const name of readdirSync(path.join(igtfPath(), profile)))
      copyFileSync(path.join(igtfPath(), profile, name), path.join(directory, name));
  return readdirSync(directory).toSorted();
}

describe('the distribution of the IGTF', { skip: requireTools('igtf') }, () => {
  it('is read without a fault, every CA with its hashes and its signing policy', async (context) => {
    const directory = temporaryDirectory(context);
    const files = distribution(directory);
    const { anchors, problems } = await loadTrustStore(directory, { now: new Date(), stabilityMs: 0 });
    assert.deepEqual(problems, []);
    assert.ok(anchors.length > 40, String(anchors.length));

    const builder = new TrustBuilder();
    const cas = new Map<string, Certificate>();
    for (const name of files) {
      const kind = kindOfTrustFile(name);
      if (kind === undefined) continue;
      const bytes = readFileSync(path.join(directory, name));
      builder.add({ name, bytes }, kind);
      for (const ca of kind === 'certificates' ? parseCertificates(bytes) : []) {
        cas.set(ca.raw.toString('hex'), ca);
        const hash = HASHED.exec(name)?.[1];
        assert.ok(hash === undefined || nameHashes(ca.subjectDer).includes(hash), name);
      }
    }
    const trust = builder.finish();
    for (const ca of cas.values()) {
      assert.deepEqual(ca.extensions.unknownCritical, [], ca.toString());
      const issuers = trust.casNamed(chainingKey(ca.issuer));
      assert.ok(issuers.length > 0, `an issuer of ${ca.toString()}`);
      for (const issuer of [ca, ...issuers]) {
        const policy = trust.policyOf(issuer);
        assert.ok(policy !== undefined && !(policy instanceof EmpaError), issuer.toString());
        if (issuer !== ca && !trust.isAnchor(ca)) assert.ok(policyAllows(policy, ca.subject), `${issuer.toString()} for ${ca.toString()}`);
      }
    }
  });
});
