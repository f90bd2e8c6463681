import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { requireTools } from '@ssm/test-support';
import { parse } from 'yaml';
import { root } from '../support/services.js';
import { type Manifest, type PodSpec, render, type Values } from './helm.js';
import { faultsOf } from './schemas.js';
import { restrictedFaults } from './security.js';

// The examples of docs/kubernetes.md do what the page says.

const skip = requireTools('helm');

const page = readFileSync(path.join(root, 'docs/kubernetes.md'), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => parse(text) as Values);

/** What an example that changes only a part of the values stands on. */
const BASES: Readonly<Record<string, string>> = { kapel: 'ci/sender-kapel.yaml', monitoring: 'ci/receiver-statefulset.yaml' };

function baseOf(values: Values): string[] {
  if ('image' in values) return [];
  return ['monitoring' in values ? BASES['monitoring']! : BASES['kapel']!];
}

describe('the examples of docs/kubernetes.md', { skip }, () => {
  const ofChart = blocks.filter((block) => !('initContainers' in block));

  it('are values that the chart takes, and make what the API has', async () => {
    assert.equal(ofChart.length, 4);
    for (const values of ofChart) {
      const manifests = render(baseOf(values), values);
      assert.ok(manifests.length > 4);
      assert.deepEqual((await Promise.all(manifests.map(faultsOf))).flat(), []);
    }
  });

  it('show a sidecar that the API and the restricted standard take', async () => {
    const [sidecar] = blocks.filter((block) => 'initContainers' in block);
    const spec = { containers: [{ name: 'writer', image: 'writer' }], ...sidecar };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', labels: {} }, spec } as Manifest;
    assert.deepEqual(await faultsOf(pod), []);
    const own = { ...spec, containers: [], securityContext: {} } as unknown as PodSpec;
    assert.deepEqual(restrictedFaults(own), []);
  });
});
