import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { it } from 'node:test';
import { loadTrustStore } from '@ssm/empa';
import {
  createCertificate,
  createCrl,
  nameHash,
  requireTools,
  type Scope,
  temporaryDirectory,
  writeTrustDirectory,
} from '@ssm/test-support';
import { one, podsOf, render } from './helm.js';
import { claimDirectory, startPod } from './kubelet.js';

// The pod of the CronJob that renews CRLs, with the real fetch-crl, against a CA on loopback.

const skip = requireTools('helm', 'root', 'unshare', 'fetch-crl', 'openssl');

const ID = 1000;

async function serve(scope: Scope, body: Buffer): Promise<number> {
  const server = createServer((_request, response) => response.end(body));
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

it('the CronJob with fetch-crl puts the CRL of a CA beside its certificate, where the services read it', { skip }, async (test) => {
  const claim = claimDirectory(path.join(temporaryDirectory(test), 'trust'), ID);
  const directory = path.join(claim, 'certificates');
  mkdirSync(directory);
  const ca = createCertificate({ subject: '/C=UK/O=eScience/CN=CA', key: 'rsa2048', ca: true });
  const [old, renewed] = [
    createCrl({ issuer: ca, number: 1, nextUpdate: new Date(Date.now() + 3_600_000) }),
    createCrl({ issuer: ca, number: 7 }),
  ];
  writeTrustDirectory(directory, { cas: [ca], crls: [old] });
  const port = await serve(test, renewed.der);
  writeFileSync(path.join(directory, `${nameHash(ca.subject)}.info`), `alias = CA\ncrl_url = http://127.0.0.1:${port}/ca.crl\n`);
  for (const file of ['.', ...readdirSync(directory)]) chownSync(path.join(directory, file), ID, ID);

  const manifests = render(['ci/receiver-shared.yaml'], { trust: { subDirectory: 'certificates' } });
  const [spec] = podsOf(one(manifests, 'CronJob'));
  const cluster = { objects: {}, claims: { 'grid-certificates': claim } };
  const { child } = await startPod(test, spec!, { name: 'fetch-crl', manifests, cluster });
  assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output());

  const { crls, problems } = await loadTrustStore(directory, { now: new Date(), stabilityMs: 0 });
  assert.deepEqual(problems, []);
  assert.deepEqual(
    crls.map(({ nextUpdate }) => nextUpdate! > new Date(Date.now() + 86_400_000)),
    [true],
  );
});
