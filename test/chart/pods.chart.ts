import assert from 'node:assert/strict';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { it } from 'node:test';
import {
  createDemoPki,
  type DemoIdentity,
  type DemoPki,
  elements,
  eventually,
  freePort,
  requireTools,
  type Scope,
  type StoredElement,
  startCommand,
  temporaryDirectory,
} from '@ssm/test-support';
import { addToDirq, sha256 } from '../e2e/world.js';
import { startBrokerProcess } from '../support/broker.js';
import { sampleOf } from '../support/services.js';
import { type Container, type Manifest, one, type Probe, podsOf, render, type Values } from './helm.js';
import { type Cluster, claimDirectory, type Data, type RunningPod, startPod } from './kubelet.js';

// The rendered pods for real, but for the cluster: their files, mounts, user, arguments and probes, from the outgoing claim to the incoming one.

const skip = requireTools('helm', 'root', 'unshare');

const ID = 1000;
const PATIENCE = { timeout: 60_000, interval: 100 };
const LOGIN = { login: 'site', passcode: '0123 secret' };

/** Every file of a directory. */
const dataOf = (directory: string): Data =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name))]));

const pair = ({ certificatePath, keyPath }: DemoIdentity): Data => ({
  'tls.crt': readFileSync(certificatePath),
  'tls.key': readFileSync(keyPath),
});

class Site {
  readonly pki: DemoPki;
  readonly outgoing: string;
  readonly spool: string;
  readonly ports: { readonly sender: number; readonly receiver: number };
  readonly #values: Values;
  readonly #cluster: Cluster;
  readonly #scope: Scope;

  private constructor(scope: Scope, pki: DemoPki, parts: { ports: Site['ports']; values: Values; directory: string }) {
    this.#scope = scope;
    this.pki = pki;
    this.ports = parts.ports;
    this.#values = parts.values;
    this.outgoing = claimDirectory(path.join(parts.directory, 'outgoing'), ID);
    this.spool = claimDirectory(path.join(parts.directory, 'spool'), ID);
    this.#cluster = {
      objects: {
        cas: dataOf(pki.trustDirectory),
        'broker-ca': { 'ca.crt': readFileSync(pki.caPath) },
        'broker-login': { passcode: `${LOGIN.passcode}\n` },
        site: pair(pki.sites[0]),
        'site-b': pair(pki.sites[1]),
        server: pair(pki.server),
      },
      claims: { 'site-ssm-sender': this.outgoing, spool: this.spool },
    };
  }

  static async create(scope: Scope): Promise<Site> {
    const directory = temporaryDirectory(scope);
    const pki = createDemoPki(path.join(directory, 'pki'));
    const { url } = await startBrokerProcess(scope, pki, ['--login', LOGIN.login, '--passcode', LOGIN.passcode]);
    const ports = { sender: await freePort(), receiver: await freePort() };
    const config = (port: number): Values => ({
      broker: { urls: [url], destination: '/queue/accounting', login: LOGIN.login },
      ops: { host: '127.0.0.1', port },
      trust: { maximumAge: '5s' },
    });
    const shared = { enabled: true, secrets: { 'broker.passcode': { name: 'broker-login', key: 'passcode' } } };
    const sender = {
      ...shared,
      config: { ...config(ports.sender), outgoing: { scanInterval: '500ms' } },
      certificate: { existingSecret: 'site' },
      recipients: { certificates: { 'server.pem': readFileSync(pki.server.certificatePath, 'utf8') } },
    };
    const receiver = {
      ...shared,
      config: config(ports.receiver),
      certificate: { existingSecret: 'server' },
      lists: { allow: [pki.sites[0].dn] },
    };
    const values = { sender, receiver, trust: { secret: 'cas' }, brokerCa: { configMap: 'broker-ca' } };
    return new Site(scope, pki, { ports, values, directory });
  }

  render(more: Values = {}): Manifest[] {
    return render([], { ...this.#values, ...more });
  }

  /** The same with other values for the sender. */
  withSender(sender: Values, more: Values): Manifest[] {
    return this.render({ ...more, sender: { ...(this.#values['sender'] as Values), ...sender } });
  }

  start(manifests: readonly Manifest[], kind: string, name: string): Promise<RunningPod> {
    return startPod(this.#scope, podsOf(one(manifests, kind, name))[0]!, { name: `site-ssm-${name}-0`, manifests, cluster: this.#cluster });
  }

  /** Waits until a metric of a service is at least so much, and returns it. */
  async metric(
    service: 'sender' | 'receiver',
    name: string,
    least: number,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    return await eventually(
      async () => {
        const value = sampleOf(await (await fetch(`http://127.0.0.1:${this.ports[service]}/metrics`)).text(), name, labels);
        return value >= least && value;
      },
      { ...PATIENCE, what: `${name} at ${least}` },
    );
  }

  /** Puts files into the outgoing claim, as a writer of the pod's group does. */
  add(count: number): string[] {
    const hashes = addToDirq(this.outgoing, count);
    for (const entry of readdirSync(this.outgoing, { recursive: true, encoding: 'utf8' })) chownIfThere(path.join(this.outgoing, entry));
    return hashes;
  }

  /** Waits for elements with these bodies in a queue of the receiver. */
  async arrived(hashes: readonly string[], queue: 'incoming' | 'reject' = 'incoming'): Promise<StoredElement[]> {
    return await eventually(
      async () => {
        const all = await elements(path.join(this.spool, queue));
        const found = all.filter(({ keys }) => hashes.includes(sha256(keys['body']!)));
        return found.length === hashes.length && found;
      },
      { ...PATIENCE, what: `${hashes.length} messages in ${queue}` },
    );
  }
}

/** A sender may take a file away at any moment. */
function chownIfThere(file: string): void {
  if (existsSync(file)) chownSync(file, ID, ID);
}

async function probed({ child }: RunningPod, { livenessProbe, readinessProbe, startupProbe, ports }: Container): Promise<void> {
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe] as Probe[]) {
    const port = ports!.find(({ name }) => name === httpGet.port)!.containerPort;
    await eventually(
      async () => {
        if (child.exit !== undefined) throw new Error(child.output());
        const answer = await fetch(`http://127.0.0.1:${port}${httpGet.path}`);
        if (!answer.ok) throw new Error(await answer.text());
      },
      { ...PATIENCE, what: httpGet.path },
    );
  }
}

async function stopped({ child }: RunningPod): Promise<void> {
  child.signal('SIGTERM');
  assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output());
}

/** As the kernel sees the process. */
const statusOf = ({ child }: RunningPod, field: string): string =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]!.replaceAll('\t', ' ');

/** The pod of `helm test`, with this machine instead of the cluster's names. Returns its exit code and what it prints. */
async function helmTest(scope: Scope, manifests: readonly Manifest[], seconds = 60): Promise<{ code: number | null; output: string }> {
  const [container] = podsOf(one(manifests, 'Pod'))[0]!.containers;
  const [command, ...args] = container!.command!.map((word) => word.replace(/^http:\/\/site-ssm-\w+:/, 'http://127.0.0.1:'));
  assert.equal(command, 'node');
  const child = await startCommand(scope, process.execPath, args, { env: { SSM_TEST_SECONDS: String(seconds) } });
  const { code } = await child.exited;
  return { code, output: child.output() };
}

/** An init container that puts these files into the volume of the outgoing queue (dirq). */
function recordsWriter(bodies: readonly string[]): Values {
  const script = `import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
    mkdirSync('/srv/kapel/65000000');
    ${JSON.stringify(bodies)}.forEach((body, index) => {
      const name = '/srv/kapel/65000000/6500000000000' + index;
      writeFileSync(name + '.tmp', body);
      renameSync(name + '.tmp', name);
    });`;
  const volumeMounts = [{ name: 'spool', mountPath: '/srv/kapel' }];
  return { name: 'kapel', image: 'kapel', command: ['node', '--input-type=module', '--eval', script], volumeMounts };
}

it('the rendered pods carry files from one claim to the other, follow their ConfigMaps and Secrets, and stop in order', {
  skip,
}, async (test) => {
  const site = await Site.create(test);
  const manifests = site.render();
  const before = await helmTest(test, manifests, 1);
  assert.equal(before.code, 1);
  assert.match(before.output, /no answer: /);

  const receiver = await site.start(manifests, 'StatefulSet', 'receiver');
  const sender = await site.start(manifests, 'Deployment', 'sender');
  const containers = [one(manifests, 'StatefulSet'), one(manifests, 'Deployment')].map((manifest) => podsOf(manifest)[0]!.containers[0]!);
  await Promise.all([probed(receiver, containers[0]!), probed(sender, containers[1]!)]);
  for (const pod of [receiver, sender]) {
    assert.deepEqual(
      [statusOf(pod, 'Uid'), statusOf(pod, 'CapBnd'), statusOf(pod, 'NoNewPrivs')],
      ['1000 1000 1000 1000', '0'.repeat(16), '1'],
    );
  }
  const ready = await helmTest(test, manifests);
  assert.equal(ready.code, 0, ready.output);
  assert.equal(ready.output.match(/: ready$/gm)?.length, 2);

  const [first] = await site.arrived(site.add(20));
  assert.equal(first!.keys['signer']!.toString(), site.pki.sites[0].dn);

  // Lists and certificate change, and are picked up without a restart.
  const [siteA, siteB] = site.pki.sites;
  receiver.update('lists', { dns: `${siteA.dn}\n${siteB.dn}\n`, deny: `${siteA.dn}\n` });
  await site.metric('receiver', 'ssm_denied_signers', 1);
  const [denied] = await site.arrived(site.add(1), 'reject');
  assert.match(denied!.keys['error']!.toString(), /^dn-denied/);
  const loads = await site.metric('sender', 'ssm_reloads_total', 1, { source: 'identity' });
  sender.update('identity', pair(siteB));
  // One look may have been under way.
  await site.metric('sender', 'ssm_reloads_total', loads + 2, { source: 'identity' });
  const [renewed] = await site.arrived(site.add(1));
  assert.equal(renewed!.keys['signer']!.toString(), siteB.dn);
  await stopped(sender);

  // As KAPEL does it: an init container of another user writes records into an emptyDir, and the sender drains it.
  const bodies = ['first\n', 'second\n', 'third\n'];
  const runs = site.withSender(
    { kind: 'CronJob', volume: { emptyDir: true }, certificate: { existingSecret: 'site-b' }, initContainers: [recordsWriter(bodies)] },
    { podSecurityContext: { runAsUser: 10_000, runAsGroup: 10_000 } },
  );
  const run = await site.start(runs, 'CronJob', 'sender');
  assert.deepEqual(await run.child.exited, { code: 0, signal: null }, run.child.output());
  await site.arrived(bodies.map((body) => sha256(Buffer.from(body))));
  await stopped(receiver);
});
