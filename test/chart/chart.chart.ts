import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { checkConfig, receiverSettings } from '@ssm/receiver';
import { senderSettings } from '@ssm/sender';
import { loadConfig } from '@ssm/service-kit';
import { requireTools, temporaryDirectory } from '@ssm/test-support';
import { CHART, chartFiles, chartText } from './files.js';
import { helm, type Manifest, notes, one, podsOf, render } from './helm.js';
import { faultsOf, keysOf } from './schemas.js';
import { restrictedFaults } from './security.js';

// The chart over a matrix of values: everything that a cluster's API server would say of it, without a cluster.

const skip = requireTools('helm');
const MATRIX = chartFiles('ci');

const own = ({ containers }: ReturnType<typeof podsOf>[number]) => containers[0]!;

/** Labels and annotations of the receiver's pods: whatever changes there is a restart. */
const podMetadata = (values: object): unknown => {
  const { spec } = one(render(['ci/receiver-statefulset.yaml'], { receiver: values }), 'StatefulSet') as unknown as { spec: unknown };
  return (spec as { template: { metadata: unknown } }).template.metadata;
};

type Part = Readonly<Record<string, { readonly properties: object }>>;

/** Pieces of values that are handed on as they are, and what the API calls them. */
const PIECES = {
  container: 'CoreV1Container',
  volumeMount: 'CoreV1VolumeMount',
  volume: 'CoreV1Volume',
  spread: 'CoreV1TopologySpreadConstraint',
  envSource: 'CoreV1EnvVarSource',
  port: 'NetworkingV1NetworkPolicyPort',
  securityContext: 'CoreV1SecurityContext',
  podSecurityContext: 'CoreV1PodSecurityContext',
  resources: 'CoreV1ResourceRequirements',
} as const;

describe('charts/ssm', { skip }, () => {
  for (const file of MATRIX) {
    it(`${file}: passes helm lint --strict`, () => {
      const { status, stdout, stderr } = helm(['lint', '--strict', CHART, '--values', `${CHART}/${file}`]);
      assert.equal(status, 0, stdout + stderr);
    });

    describe(`${file}, rendered`, () => {
      let manifests: Manifest[] = [];
      it('is made of what the API has', async () => {
        manifests = render([file]);
        const faults = await Promise.all(manifests.map(faultsOf));
        assert.deepEqual(faults.flat(), []);
      });

      it('names nothing twice, and every name is short enough', () => {
        const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
        assert.deepEqual(names, [...new Set(names)]);
        for (const { kind, metadata } of manifests) assert.ok(metadata.name.length <= (kind === 'CronJob' ? 52 : 63), metadata.name);
      });

      it('keeps to the restricted Pod Security Standard, but for hostPath', () => {
        const faults = manifests.flatMap(podsOf).flatMap(restrictedFaults);
        assert.deepEqual(faults, file === 'ci/sender-deployment.yaml' ? ['volume trust: hostPath'] : []);
      });

      it('has a read-only root, no token, no links to services, and no subPath but the spool', () => {
        for (const pod of manifests.flatMap(podsOf)) {
          assert.equal(own(pod).securityContext?.['readOnlyRootFilesystem'], true);
          assert.deepEqual([pod.automountServiceAccountToken, pod.enableServiceLinks], [false, false]);
          const fixed = (own(pod).volumeMounts ?? []).filter(({ subPath }) => subPath !== undefined);
          assert.deepEqual(
            fixed.filter(({ name }) => name !== 'spool'),
            [],
          );
        }
      });

      it('mounts every volume that it declares, and declares every one that it mounts', () => {
        for (const pod of manifests.filter(({ kind }) => kind !== 'StatefulSet').flatMap(podsOf)) {
          const mounted = [...(pod.initContainers ?? []), ...pod.containers].flatMap(({ volumeMounts = [] }) =>
            volumeMounts.map(({ name }) => name),
          );
          assert.deepEqual([...new Set(mounted)].toSorted(), (pod.volumes ?? []).map(({ name }) => name).toSorted());
        }
      });

      it('configures the services as they read it', () => {
        const files = manifests.flatMap(({ kind, data }) => (kind === 'ConfigMap' ? Object.entries(data as Record<string, string>) : []));
        const configurations = files.filter(([name]) => /^(sender|receiver)\.yaml$/.test(name));
        for (const [name, fileText] of configurations) {
          const source = { file: name, fileText, env: {}, args: [] };
          if (name === 'sender.yaml') loadConfig(senderSettings, source);
          else checkConfig(loadConfig(receiverSettings, source));
        }
        assert.ok(configurations.length > 0);
      });
    });
  }

  it('is judged by schemas that see a misspelt key, a wrong type and an unknown API', async () => {
    const [pod] = render(['ci/receiver-statefulset.yaml']).filter(({ kind }) => kind === 'StatefulSet');
    const spoil = (text: string, other: string): Manifest => JSON.parse(JSON.stringify(pod).replace(text, other)) as Manifest;
    assert.match((await faultsOf(spoil('"imagePullPolicy"', '"imagePullPolice"'))).join(), /no schema has .*imagePullPolice/);
    assert.match((await faultsOf(spoil('"replicas":1', '"replicas":"1"'))).join(), /replicas/);
    assert.match((await faultsOf(spoil('apps/v1', 'apps/v1beta1'))).join(), /no API/);
  });

  it('knows the keys of every piece of the API that values may hold', async () => {
    const { $defs, properties } = JSON.parse(chartText('values.schema.json')) as { $defs: Part; properties: Part };
    for (const [part, api] of Object.entries(PIECES)) {
      const described = ($defs[part] ?? properties[part])!;
      assert.deepEqual(Object.keys(described.properties).toSorted(), await keysOf(api), part);
    }
  });

  it('renders nothing when nothing is enabled', () => {
    assert.deepEqual(render([]), []);
  });

  it('tells the next step', (test) => {
    assert.match(notes(test, []), /Nothing is installed yet: set sender.enabled or receiver.enabled/);
    const receiver = notes(test, ['ci/receiver-statefulset.yaml']);
    assert.match(receiver, /helm test site -n accounting --logs/);
    assert.match(receiver, /logs -f statefulset\/site-ssm-receiver -c receiver/);
    assert.match(receiver, /Next step: give the sites this queue \(\/queue\/accounting\)/);
    assert.match(notes(test, ['ci/sender-kapel.yaml']), /create job --from=cronjob\/site-ssm-sender site-ssm-sender-now/);
    assert.match(notes(test, ['ci/sender-deployment.yaml']), /claim site-ssm-sender\)/);
  });

  it('takes a restart for a new configuration, and none for new lists or a new version of the chart', () => {
    assert.deepEqual(podMetadata({ lists: { allow: ['/CN=other'] } }), podMetadata({}));
    assert.notDeepEqual(podMetadata({ config: { window: 8 } }), podMetadata({}));
    assert.doesNotMatch(JSON.stringify(podMetadata({})), /helm.sh.chart/);
  });

  it('is packaged with what it needs, and without its tests', (test) => {
    const folder = temporaryDirectory(test);
    assert.equal(helm(['package', CHART, '--destination', folder]).status, 0);
    const [tarball = ''] = readdirSync(folder);
    assert.match(tarball, /^ssm-\d+\.\d+\.\d+\.tgz$/);
    const shown = helm(['template', 'site', `${folder}/${tarball}`, '--values', `${CHART}/ci/receiver-shared.yaml`]);
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, /kind: PrometheusRule/);
    assert.match(shown.stdout, /SSM \/ Overview/);
  });
});
