import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { receiverSettings } from '@ssm/receiver';
import { describeSettings } from '@ssm/service-kit';
import { requireTools } from '@ssm/test-support';
import { template, type Values } from './helm.js';

// What the chart refuses, and that it says what to do instead.

const skip = requireTools('helm');

const BROKER = { urls: ['stomp+ssl://broker.example.org:61612'], destination: '/queue/accounting' };
const SENDER = { enabled: true, config: { broker: BROKER }, certificate: { existingSecret: 'host' } };
const RECEIVER = { ...SENDER, lists: { allow: ['/C=UK/CN=host.example.org'] } };
const ISSUED = { enabled: true, issuerRef: { name: 'ca' }, commonName: 'a' };
const TRUST = { secret: 'cas' };

const sender = (over: Values): Values => ({ sender: { ...SENDER, ...over }, trust: TRUST });
const receiver = (over: Values): Values => ({ receiver: { ...RECEIVER, ...over }, trust: TRUST });

const REFUSED: readonly (readonly [what: string, values: Values, says: RegExp])[] = [
  ['no destination', sender({ config: {} }), /sender\.config\.broker\.destination is missing/],
  ['no certificate', sender({ certificate: {} }), /give existingSecret, or enable certManager/],
  ['two certificates', sender({ certificate: { existingSecret: 'host', certManager: { enabled: true } } }), /one of the two/],
  ['cert-manager without an issuer', sender({ certificate: { certManager: { enabled: true } } }), /issuerRef is missing/],
  [
    'two subjects',
    sender({ certificate: { certManager: { enabled: true, issuerRef: { name: 'ca' }, commonName: 'a', literalSubject: 'CN=a' } } }),
    /commonName or literalSubject/,
  ],
  [
    'an RSA size for ECDSA',
    sender({ certificate: { certManager: { ...ISSUED, algorithm: 'ECDSA', size: 2048 } } }),
    /ECDSA has no keys of 2048/,
  ],
  ['an ECDSA size for RSA', sender({ certificate: { certManager: { ...ISSUED, size: 256 } } }), /RSA has no keys of 256/],
  [
    'a key that cert-manager never writes',
    sender({ certificate: { certManager: ISSUED, keyKey: 'key.pem' } }),
    /writes tls\.crt and tls\.key/,
  ],
  ['a broker without a port', sender({ config: { broker: { ...BROKER, urls: ['stomp+ssl://a'] } } }), /stomp\+ssl:\/\/a is not stomp/],
  ['no broker', sender({ config: { broker: { ...BROKER, urls: [] } } }), /broker\.urls is empty/],
  ['a name that no Service has', { ...sender({}), fullnameOverride: 'Site' }, /a Service cannot be called Site-sender/],
  ['a pod label that selects pods', sender({ podLabels: { 'app.kubernetes.io/component': 'x' } }), /sender\.podLabels: the chart sets/],
  ['a common label of the chart', { ...sender({}), commonLabels: { 'helm.sh/chart': 'x' } }, /commonLabels: the chart sets/],
  ['no trust anchors', { sender: SENDER }, /exactly one of .* \(none is given\)/],
  ['two sources of trust anchors', { ...sender({}), trust: { secret: 'a', hostPath: '/b' } }, /\(secret, hostPath\)/],
  ['two CAs of the broker', { ...sender({}), brokerCa: { secret: 'a', configMap: 'b' } }, /not both/],
  ['once in a Deployment', sender({ config: { broker: BROKER, once: true } }), /kind: CronJob instead/],
  ['an emptyDir in a Deployment', sender({ volume: { emptyDir: true } }), /would go with the pod/],
  ['an emptyDir that nobody fills', sender({ kind: 'CronJob', volume: { emptyDir: true } }), /no init container writes files/],
  [
    'an emptyDir and a claim',
    sender({ kind: 'CronJob', volume: { emptyDir: true, existingClaim: 'x' }, initContainers: [{ name: 'kapel' }] }),
    /not both/,
  ],
  ['replicas of a CronJob', sender({ kind: 'CronJob', replicas: 2 }), /one pod at a time/],
  ['senders on a volume for one node', sender({ replicas: 2 }), /several senders need .* ReadWriteMany/],
  [
    'one name for two',
    sender({ replicas: 2, config: { broker: BROKER, instance: 'a' }, volume: { accessMode: 'ReadWriteMany' } }),
    /one name/,
  ],
  [
    'one name for as many as KEDA likes',
    receiver({
      kind: 'Deployment',
      config: { broker: BROKER, instance: 'a' },
      keda: { enabled: true },
      volume: { accessMode: 'ReadWriteMany' },
    }),
    /4 pods would have one name/,
  ],
  ['recipients without a ConfigMap', sender({ recipients: { keys: ['a.pem'] } }), /configMap, which is missing/],
  ['a ConfigMap of recipients of which none is one', sender({ recipients: { configMap: 'a' } }), /nothing would be encrypted/],
  [
    'no recipients in place of some',
    sender({ config: { broker: BROKER, encryption: { recipients: [] } }, recipients: { certificates: { 'a.pem': 'x' } } }),
    /encryption\.recipients would replace sender\.recipients/,
  ],
  ['nobody on the list', receiver({ lists: {} }), /nobody could send/],
  ['two lists', receiver({ lists: { allow: ['/CN=a'], configMap: 'b' } }), /not both/],
  ['a deny list without a ConfigMap', receiver({ lists: { allow: ['/CN=a'], denyKey: 'deny' } }), /configMap, which is missing/],
  [
    'no deny list in place of one',
    receiver({ config: { broker: BROKER, authorisation: { deny: '' } }, lists: { allow: ['/CN=a'], deny: ['/CN=b'] } }),
    /authorisation\.deny would replace receiver\.lists/,
  ],
  [
    'a list in place of another',
    receiver({ config: { broker: BROKER, authorisation: { allow: '/own/dns' } } }),
    /authorisation\.allow would replace receiver\.lists/,
  ],
  ['a volume each and no shared record', receiver({ replicas: 2 }), /may be stored twice.*acceptDuplicates: true/],
  [
    'a volume each on an AMS subscription',
    receiver({
      replicas: 2,
      acceptDuplicates: true,
      config: { transport: 'ams', ams: { host: 'a.example.org', project: 'p', subscription: 's' } },
    }),
    /nearly all are stored twice/,
  ],
  ['receivers on a volume for one node', receiver({ kind: 'Deployment', replicas: 2 }), /several receivers .* ReadWriteMany/],
  ['a claim for a StatefulSet', receiver({ volume: { existingClaim: 'x' } }), /use kind: Deployment/],
  ['KEDA with a volume each', receiver({ keda: { enabled: true } }), /keda needs kind: Deployment/],
  ['KEDA on a volume for one node', receiver({ kind: 'Deployment', keda: { enabled: true } }), /ReadWriteMany/],
  [
    'KEDA for AMS',
    receiver({ kind: 'Deployment', config: { transport: 'ams' }, keda: { enabled: true, maxReplicas: 1 } }),
    /no trigger for AMS/,
  ],
  ['CRLs into what cannot be written', { ...receiver({}), fetchCrl: { enabled: true } }, /writes into trust\.existingClaim/],
  ['a ServiceMonitor that is locked out', { ...receiver({}), monitoring: { serviceMonitor: { enabled: true } } }, /metricsFrom is empty/],
  [
    'a drain that is no duration',
    sender({ config: { broker: BROKER, shutdown: { drain: '30 seconds' } } }),
    /shutdown.drain|does not match/i,
  ],
];

/** Keys that are misspelt, or have no effect where they are. */
const UNKNOWN: readonly (readonly [key: string, values: Values])[] = [
  ['sendr', { sendr: SENDER }],
  ['relpicas', sender({ relpicas: 2 })],
  ['destinaton', sender({ config: { broker: { ...BROKER, destinaton: 'x' } } })],
  ['incoming', sender({ config: { broker: BROKER, incoming: { path: '/x' } } })],
  ['outgoing', receiver({ config: { broker: BROKER, outgoing: { path: '/x' } } })],
  ['broker.pascode', sender({ secrets: { 'broker.pascode': { name: 'a', key: 'b' } } })],
  ['emptyDir', receiver({ volume: { emptyDir: true } })],
  ['SsmOutgoingOd', { monitoring: { prometheusRule: { alerts: { SsmOutgoingOd: { enabled: false } } } } }],
  ['tresholds', { monitoring: { prometheusRule: { alerts: { SsmOutgoingOld: { tresholds: 3 } } } } }],
  ['threshold', { monitoring: { prometheusRule: { alerts: { SsmQuarantine: { threshold: 10 } } } } }],
  ['runAsUsr', { podSecurityContext: { runAsUsr: 1 } }],
  ['limit', sender({ resources: { limit: {} } })],
  ['comand', sender({ kind: 'CronJob', initContainers: [{ name: 'kapel', comand: [] }] })],
  ['mountPth', receiver({ sidecars: [{ name: 'loader', volumeMounts: [{ name: 'spool', mountPth: '/x' }] }] })],
  ['emptydir', sender({ extraVolumes: [{ name: 'scratch', emptydir: {} }] })],
  ['maxSkw', receiver({ topologySpreadConstraints: [{ maxSkw: 1 }] })],
  ['polcies', { networkPolicy: { polcies: [] } }],
];

const WRONG: readonly (readonly [what: string, values: Values])[] = [
  ['a mode that YAML read as a number', receiver({ config: { broker: BROKER, incoming: { directoryMode: 504 } } })],
  ['a word that YAML read as a boolean', receiver({ config: { broker: BROKER, trust: { crl: false } } })],
  ['a size without a unit that exists', receiver({ config: { broker: BROKER, limits: { body: '20 megabytes' } } })],
  ['a port that no probe knows', sender({ config: { broker: BROKER, ops: { port: 0 } } })],
  ['a list that is none', receiver({ config: { broker: { ...BROKER, urls: 'stomp://a:1' } } })],
  ['a kind of the other service', sender({ kind: 'StatefulSet' })],
];

const WITHOUT_LABELS: Values = {
  monitoring: Object.fromEntries(['serviceMonitor', 'prometheusRule', 'dashboards'].map((part) => [part, { enabled: true, labels: null }])),
  networkPolicy: { metricsFrom: [{ namespaceSelector: {} }] },
};

describe('charts/ssm refuses', { skip }, () => {
  for (const [what, values, says] of REFUSED)
    it(what, () => {
      const { status, stderr } = template([], values);
      assert.equal(status, 1);
      assert.match(stderr, says);
    });

  for (const [key, values] of UNKNOWN)
    it(`the unknown ${key}`, () => {
      const { status, stderr } = template([], values);
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`(additional propert.*${key.replaceAll('.', '\\.')})`, 'i'));
    });

  for (const [what, values] of WRONG)
    it(what, () => {
      const { status, stderr } = template([], values);
      assert.equal(status, 1);
      assert.match(stderr, /values don't meet the specifications of the schema/);
    });

  it('none of what it is to accept instead', () => {
    const accepted = [
      sender({}),
      // Of a parent chart: `condition: ssm.enabled`.
      { ...sender({}), enabled: true },
      // What older values have not, as with `helm upgrade --reuse-values`, and what is taken away with null.
      { ...sender({}), helmTest: null },
      { ...sender({}), ...WITHOUT_LABELS },
      { ...sender({ kind: 'CronJob' }), fullnameOverride: '2026' },
      sender({ kind: 'CronJob', volume: { emptyDir: true }, initContainers: [{ name: 'kapel' }] }),
      sender({ certificate: { certManager: { ...ISSUED, algorithm: 'ECDSA', size: 384 } } }),
      sender({ podLabels: { 'app.kubernetes.io/version': '7' } }),
      sender({ replicas: 2, volume: { accessMode: 'ReadWriteMany' } }),
      sender({ recipients: { configMap: 'a', keys: ['a.pem'] } }),
      sender({ config: { broker: BROKER, encryption: { recipients: ['/own/a.pem'] } } }),
      receiver({}),
      receiver({ config: { broker: BROKER, authorisation: { deny: '/own/deny' } } }),
      receiver({ config: { broker: BROKER, authorisation: { allow: '/own/dns' } }, lists: { deny: ['/CN=a'] } }),
      receiver({ replicas: 2, acceptDuplicates: true }),
      receiver({ kind: 'Deployment', replicas: 2, volume: { accessMode: 'ReadWriteMany' } }),
      receiver({ secrets: { 'broker.passcode': { name: 'a', key: 'b' } } }),
      receiver({ config: { transport: 'ams', ams: { host: 'ams.example.org', project: 'p', subscription: 's' } } }),
    ];
    for (const values of accepted) assert.equal(template([], values).stderr, '');
  });

  it('a name that begins with a digit where a Service may not be called so', () => {
    const values = { ...sender({}), fullnameOverride: '2026' };
    assert.match(template([], values, ['--kube-version', '1.35.9']).stderr, /a Service cannot be called 2026-sender/);
    assert.equal(template([], values, ['--kube-version', '1.36.0']).stderr, '');
  });

  for (const { key } of describeSettings(receiverSettings).filter(({ secret }) => secret))
    it(`the secret ${key} in a ConfigMap`, () => {
      const [group = '', name = ''] = key.split('.');
      const config = { broker: BROKER, [group]: { ...(group === 'broker' && BROKER), [name]: 'x' } };
      const { status, stderr } = template([], receiver({ config }));
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`receiver\\.secrets with the key ${key.replace('.', '\\.')}`));
    });
});
