import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requireTools } from '@ssm/test-support';
import { parse } from 'yaml';
import { type AlertRule, alertRules, CHART, type RuleFile } from './files.js';
import { helm, type Manifest, one, parseManifests, podsOf, render, template, type Values } from './helm.js';

// What the values come to in the manifests, where a mistake would only show in a cluster.

const skip = requireTools('helm');

interface Workload {
  readonly replicas?: number;
  readonly strategy: unknown;
  readonly schedule?: string;
  readonly concurrencyPolicy?: string;
  readonly jobTemplate: { readonly spec: { readonly activeDeadlineSeconds?: number } };
}
const specOf = (manifest: Manifest): Workload => manifest['spec'] as Workload;

const KINDS = { sender: ['ci/sender-deployment.yaml', 'Deployment'], receiver: ['ci/receiver-statefulset.yaml', 'StatefulSet'] } as const;

function podWith(service: keyof typeof KINDS, values: Values) {
  const [file, kind] = KINDS[service];
  return podsOf(one(render([file], values), kind))[0]!;
}

const graceFor = (drain: unknown): number | undefined =>
  podWith('receiver', { receiver: { config: { shutdown: { drain } } } }).terminationGracePeriodSeconds;

const strategyOf = (file: string, values: Values = {}): unknown => specOf(one(render([file], values), 'Deployment')).strategy;

/** Whether the first container gets its name from the pod. */
const named = (file: string, kind: string): boolean =>
  podsOf(one(render([file]), kind))[0]!.containers[0]!.env!.some(({ name }) => name === 'SSM_INSTANCE');

const sorted = (rules: readonly AlertRule[]): AlertRule[] => rules.toSorted((a, b) => (a.alert < b.alert ? -1 : 1));

/** Two receivers with a volume each and a shared record; the schema has that setting when the services do. */
function withRecord(server: string): Manifest[] {
  const values = { receiver: { replicas: 2, config: { deduplication: { server } } } };
  const { status, stdout, stderr } = template(['ci/receiver-statefulset.yaml'], values, ['--skip-schema-validation']);
  assert.equal(status, 0, stderr);
  return parseManifests(stdout);
}

describe('charts/ssm', { skip }, () => {
  it('gives as grace what the drain takes, five seconds more, and a margin', () => {
    const graces = ['25s', '500ms', '1.5m', '2h', 12_000, '12000', '1d'].map(graceFor);
    assert.deepEqual(graces, [35, 11, 100, 7210, 22, 22, 86_410]);
    assert.equal(podWith('sender', { terminationMarginSeconds: 0 }).terminationGracePeriodSeconds, 45);
  });

  it('replaces pods in the order that their volume asks for', () => {
    const forOneNode = { keda: { enabled: false }, volume: { accessMode: 'ReadWriteOnce' } };
    // What is not said here cannot be taken back by a server-side apply, and the API refuses it beside Recreate.
    const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } };
    assert.deepEqual(strategyOf('ci/receiver-shared.yaml'), rolling);
    assert.deepEqual(strategyOf('ci/receiver-shared.yaml', { receiver: forOneNode }), { type: 'Recreate' });
    assert.deepEqual(strategyOf('ci/sender-deployment.yaml'), { type: 'Recreate' });
    assert.deepEqual(strategyOf('ci/sender-replicas.yaml'), rolling);
  });

  it('names one sender for ever, and several by their pods', () => {
    assert.equal(named('ci/sender-replicas.yaml', 'Deployment'), true);
    assert.equal(named('ci/receiver-statefulset.yaml', 'StatefulSet'), true);
    assert.equal(named('ci/sender-deployment.yaml', 'Deployment'), false);
    const { data } = one(render(['ci/sender-deployment.yaml']), 'ConfigMap', '-sender') as unknown as { data: Record<string, string> };
    assert.equal((parse(data['sender.yaml']!) as { instance: string }).instance, 'site-ssm-sender');
  });

  it('runs a CronJob alone and to its end, with a limit that leaves the run its own', () => {
    const [hourly, kapel] = ['ci/sender-cronjob.yaml', 'ci/sender-kapel.yaml'].map((file) => one(render([file]), 'CronJob'));
    assert.equal(specOf(hourly!).concurrencyPolicy, 'Forbid');
    assert.deepEqual(podsOf(hourly!)[0]!.containers[0]!.args, ['sender', '--config', '/etc/ssm/config/sender.yaml', '--once']);
    // Two tries of 20 minutes, their grace, and a minute to start.
    assert.equal(specOf(hourly!).jobTemplate.spec.activeDeadlineSeconds, 2 * (1200 + 35 + 60));
    assert.equal(specOf(kapel!).jobTemplate.spec.activeDeadlineSeconds, undefined);
    assert.deepEqual(
      podsOf(kapel!)[0]!.initContainers!.map(({ name }) => name),
      ['kapel'],
    );
  });

  it('gives a secret setting as the file of a Secret', () => {
    const pod = podsOf(one(render(['ci/sender-cronjob.yaml']), 'CronJob'))[0]!;
    const variable = pod.containers[0]!.env!.find(({ name }) => name === 'SSM_BROKER_PASSCODE_FILE');
    const mount = pod.containers[0]!.volumeMounts!.find(({ mountPath }) => variable!.value!.startsWith(`${mountPath}/`))!;
    const { secret } = pod.volumes!.find(({ name }) => name === mount.name)!;
    assert.deepEqual(secret, { secretName: 'broker-login', defaultMode: 0o440, items: [{ key: 'passcode', path: 'value' }] });
    assert.equal(variable!.value, `${mount.mountPath}/value`);
  });

  it('lets traffic out to the ports of the brokers, and in to the metrics alone', () => {
    const policy = one(render(['ci/sender-deployment.yaml']), 'NetworkPolicy', '-sender')['spec'] as Record<
      string,
      { ports: { port: unknown }[] }[]
    >;
    assert.deepEqual(
      policy['egress']!.map(({ ports }) => ports.map(({ port }) => port)),
      [
        [53, 53],
        [61_612, 61_613],
      ],
    );
    assert.deepEqual(
      policy['ingress']!.map(({ ports }) => ports.map(({ port }) => port)),
      [['metrics']],
    );
    const open = one(render(['ci/both.yaml']), 'NetworkPolicy', '-receiver')['spec'] as Record<string, { ports: { port: unknown }[] }[]>;
    assert.deepEqual(
      open['egress']![1]!.ports.map(({ port }) => port),
      [61_613],
    );
  });

  it('gives leave to every pod of the release where everything is denied', () => {
    const manifests = render(['ci/receiver-shared.yaml', 'ci/sender-replicas.yaml']);
    const selected = manifests
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map((policy) => (policy['spec'] as { podSelector: { matchLabels: Values } }).podSelector.matchLabels['app.kubernetes.io/component'])
      .map(String);
    assert.deepEqual(
      selected.toSorted((a, b) => a.localeCompare(b)),
      ['fetch-crl', 'receiver', 'sender', 'test'],
    );
    assert.equal(manifests.flatMap(podsOf).length, selected.length);
    const { egress } = one(manifests, 'NetworkPolicy', '-test')['spec'] as { egress: unknown[] };
    assert.deepEqual(egress[1], { to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/instance': 'site' } } }] });
  });

  it('places every pod of the release alike, and lets the quota of a namespace be met for the pod of helm test', () => {
    const placement = { nodeSelector: { a: 'b' }, tolerations: [{ operator: 'Exists' }], priorityClassName: 'accounting' };
    const helmTest = { resources: { limits: { cpu: '1' } } };
    const manifests = render(['ci/receiver-shared.yaml', 'ci/sender-replicas.yaml'], { ...placement, helmTest });
    for (const { nodeSelector, tolerations, priorityClassName } of manifests.flatMap(podsOf) as unknown as Values[])
      assert.deepEqual({ nodeSelector, tolerations, priorityClassName }, placement);
    const [{ resources }] = podsOf(one(manifests, 'Pod'))[0]!.containers as unknown as [Values];
    assert.deepEqual(resources, { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } });
  });

  it('takes volumes with a shared record for what they are, and lets traffic out to its server', () => {
    for (const [server, port] of [
      ['rediss://redis.example.org:6380', 6380],
      ['redis://redis.example.org:6381/2', 6381],
      ['rediss://redis.example.org', 6379],
    ] as const) {
      const policy = one(withRecord(server), 'NetworkPolicy', '-receiver')['spec'] as { egress: { ports: { port: unknown }[] }[] };
      assert.deepEqual(policy.egress[2]!.ports, [{ port, protocol: 'TCP' }]);
    }
  });

  it('scales by the queue of the destination, and leaves the number of pods to KEDA', () => {
    const manifests = render(['ci/receiver-shared.yaml']);
    const { triggers, maxReplicaCount } = one(manifests, 'ScaledObject')['spec'] as { triggers: unknown[]; maxReplicaCount: number };
    const metadata = { protocol: 'http', queueName: 'accounting', mode: 'QueueLength', value: '1000', vhostName: '/' };
    assert.deepEqual(triggers, [{ type: 'rabbitmq', metadata, authenticationRef: { name: 'rabbitmq-management' } }]);
    assert.equal(maxReplicaCount, 6);
    assert.equal(specOf(one(manifests, 'Deployment')).replicas, undefined);
    for (const trigger of ['activemq', 'artemis-queue'])
      assert.match(
        JSON.stringify(one(render(['ci/receiver-shared.yaml'], { receiver: { keda: { trigger } } }), 'ScaledObject')),
        /"accounting"/,
      );
  });

  it('changes threshold, for, severity and labels of an alert, and nothing else', () => {
    const { groups } = one(render(['ci/receiver-shared.yaml']), 'PrometheusRule')['spec'] as RuleFile;
    const rendered = groups.flatMap(({ rules }) => rules);
    const expected = alertRules()
      .filter(({ alert }) => alert !== 'SsmSignerSilent')
      .map((rule) => {
        const changed = rule.alert === 'SsmIncomingOld';
        return {
          ...rule,
          ...(changed && { expr: rule.expr.replace('3600', '7200'), for: '10m' }),
          labels: { severity: changed ? 'critical' : rule.labels['severity']!, team: 'accounting' },
          annotations: {
            ...rule.annotations,
            ...(changed && { threshold: '7200' }),
            runbook_url: `https://git.example.org/ssm/blob/main/${rule.annotations['runbook_url']}`,
          },
        };
      });
    assert.deepEqual(sorted(rendered), sorted(expected));
  });

  it('writes a threshold as a plain number, large and small', () => {
    const alerts = { SsmOutgoingGrowing: { threshold: 2_500_000 }, SsmCrlExpiring: { threshold: 0.5 }, SsmOutgoingOld: { threshold: 0 } };
    const rule = JSON.stringify(one(render(['ci/receiver-shared.yaml'], { monitoring: { prometheusRule: { alerts } } }), 'PrometheusRule'));
    for (const expr of ['} > 2500000 and', 'time() < 0.5"', '} > 0"']) assert.ok(rule.includes(expr), expr);
  });

  it('asks cert-manager for a certificate that the services take', () => {
    const manifests = render(['ci/sender-kapel.yaml']);
    const spec = one(manifests, 'Certificate')['spec'] as Record<string, unknown>;
    assert.equal(spec['literalSubject'], 'CN=kapel.example.org,O=eScience,C=UK');
    assert.deepEqual(spec['privateKey'], { algorithm: 'RSA', size: 2048, encoding: 'PKCS8', rotationPolicy: 'Always' });
    const ecdsa = one(
      render(['ci/sender-kapel.yaml'], { sender: { certificate: { certManager: { algorithm: 'ECDSA' } } } }),
      'Certificate',
    );
    assert.deepEqual((ecdsa['spec'] as Values)['privateKey'], { ...(spec['privateKey'] as Values), algorithm: 'ECDSA', size: 256 });
    const { secret } = podsOf(one(manifests, 'CronJob'))[0]!.volumes!.find(({ name }) => name === 'identity')!;
    assert.equal(secret!.secretName, spec['secretName']);
  });

  it('makes names without dots of a release that has one, and a label of the pods weighs more than one for everything', () => {
    const label = { 'example.org/tier': 'a' };
    const values = { fullnameOverride: 'site.example', commonLabels: label, sender: { podLabels: { 'example.org/tier': 'b' } } };
    const manifests = render(['ci/sender-deployment.yaml'], values);
    for (const { metadata } of manifests) assert.match(metadata.name, /^site-example/);
    const { template: pod } = one(manifests, 'Deployment')['spec'] as { template: { metadata: Manifest['metadata'] } };
    assert.equal(pod.metadata.labels['example.org/tier'], 'b');
  });

  it('is text to YAML whatever the release and what it uses are called', () => {
    const values = { sender: { certificate: { existingSecret: '1e3' } }, trust: { secret: 'true' } };
    const { stdout } = helm(['template', 'null', CHART, '--values', `${CHART}/ci/sender-cronjob.yaml`], values);
    const manifests = parseManifests(stdout);
    for (const { metadata } of manifests) assert.equal(metadata.labels['app.kubernetes.io/instance'], 'null');
    const { volumes } = podsOf(one(manifests, 'CronJob'))[0]!;
    for (const name of ['1e3', 'true']) assert.ok(volumes!.some(({ secret }) => secret?.secretName === name));
  });

  it('says nothing twice where values say what the chart says, too: theirs weighs more', () => {
    const labels = { team: 'other', 'app.kubernetes.io/instance': 'prometheus' };
    const manifests = render(['ci/receiver-shared.yaml'], {
      receiver: { podAnnotations: { 'kubectl.kubernetes.io/default-container': 'loader' } },
      monitoring: { serviceMonitor: { labels }, prometheusRule: { labels }, dashboards: { labels } },
    });
    assert.equal(one(manifests, 'ServiceMonitor').metadata.labels['app.kubernetes.io/instance'], 'prometheus');
    const { template: pod } = one(manifests, 'Deployment')['spec'] as { template: { metadata: Manifest['metadata'] } };
    assert.equal(pod.metadata.annotations!['kubectl.kubernetes.io/default-container'], 'loader');
  });

  it('keeps claims when the release goes', () => {
    const claim = one(render(['ci/sender-deployment.yaml']), 'PersistentVolumeClaim');
    assert.equal(claim.metadata.annotations?.['helm.sh/resource-policy'], 'keep');
    const { persistentVolumeClaimRetentionPolicy: policy } = one(render(['ci/receiver-statefulset.yaml']), 'StatefulSet')['spec'] as Values;
    assert.deepEqual(policy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
  });
});
