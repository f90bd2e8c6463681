/** Variables that are set on purpose are not taken for misspelt settings. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { unusedParts } from '@ssm/service-kit';

const SERVICES = { sender: senderSettings, receiver: receiverSettings };
const FILES = [
  'docker-compose.yml',
  'Dockerfile',
  'deploy/image/ssm-entrypoint',
  'deploy/image/ssm-health',
  'charts/ssm/templates/_pod.tpl',
  'docs/configuration.md',
  'docs/containers.md',
  'docs/migrating.md',
  'scripts/install-brokers.mjs',
  'scripts/test.mjs',
];

function variablesIn(file: string): string[] {
  const text = readFileSync(fileURLToPath(new URL(`../../../../${file}`, import.meta.url)), 'utf8');
  return [...text.matchAll(/\bSSM_[A-Z0-9_]*[A-Z0-9]\b/g)].map(([name]) => name);
}

describe('no warning of a variable', () => {
  // Of all settings there are: docs/configuration.md has those of both services, which may have one environment.
  for (const [service, settings] of Object.entries(SERVICES))
    for (const file of FILES)
      it(`of ${file} for a ${service}`, () => {
        const names = variablesIn(file);
        assert.ok(names.length > 0);
        assert.deepEqual(unusedParts(settings, { env: Object.fromEntries(names.map((name) => [name, 'x'])) }), []);
      });
});
