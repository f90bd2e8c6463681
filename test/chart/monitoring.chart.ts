import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { createDemoPki, eventually, requireTools, type Scope, temporaryDirectory } from '@ssm/test-support';
import { stringify } from 'yaml';
import { addToDirq, DESTINATION, eachExactlyOnce, World } from '../e2e/world.js';
import { type BrokerProcess, startBrokerProcess } from '../support/broker.js';
import type { Service } from '../support/services.js';
import { checkDashboard } from './dashboard-check.js';
import { alertRules, chartFiles, chartText } from './files.js';
import { one, render } from './helm.js';
import { type Alertmanager, type Notice, type Prometheus, startAlertmanager, startPrometheus } from './prometheus.js';

// One story of real services, a real Prometheus and a real Alertmanager: load, then one fault after the other. What the dashboards ask must have an
// answer, and the alerts must arrive at the webhook.

const skip = requireTools('helm', 'prometheus', 'alertmanager');

const BASE = 'https://git.example.org/ssm/blob/main/';
const LIMIT = 100_000;
type Labels = Readonly<Record<string, string>>;

const PATIENCE = { timeout: 60_000, interval: 100 };

/** The chart's rules, as it renders them with every waiting time shortened, and minutes that are counted to seconds; else the expressions are the ones that ship. */
function quickRules(): string {
  const alerts = Object.fromEntries(alertRules().flatMap((rule) => (rule.for === undefined ? [] : [[rule.alert, { for: '1s' }]])));
  const values = { monitoring: { prometheusRule: { alerts, runbookBase: BASE } } };
  const rules = stringify(one(render(['ci/receiver-shared.yaml'], values), 'PrometheusRule')['spec'], { lineWidth: 0 });
  return rules.replaceAll(/\[(\d+)m:1m\]/g, '[$1s:1s]');
}

class Story {
  readonly begun = new Date();
  readonly world: World;
  readonly broker: BrokerProcess;
  readonly prometheus: Prometheus;
  readonly alertmanager: Alertmanager;
  readonly sender: Service;
  readonly #scope: Scope;

  private constructor(scope: Scope, parts: Pick<Story, 'world' | 'broker' | 'prometheus' | 'alertmanager' | 'sender'>) {
    this.#scope = scope;
    this.world = parts.world;
    this.broker = parts.broker;
    this.prometheus = parts.prometheus;
    this.alertmanager = parts.alertmanager;
    this.sender = parts.sender;
  }

  static async begin(scope: Scope): Promise<Story> {
    const pki = createDemoPki(path.join(temporaryDirectory(scope), 'pki'), { key: 'p256' });
    const broker = await startBrokerProcess(scope, pki);
    const world = await World.create(scope, { pki, urls: [broker.url], destination: DESTINATION });
    const alertmanager = await startAlertmanager(scope);
    const prometheus = await startPrometheus(scope, { rules: quickRules(), alerts: alertmanager.url });
    const config = { limits: { body: LIMIT }, outgoing: { releaseAfter: '2s' }, log: { level: 'info' } };
    return new Story(scope, { world, broker, alertmanager, prometheus, sender: await world.sender({ config }) });
  }

  async receiver(killAt?: { stage: string; count: number }): Promise<Service> {
    const config = { incoming: { depthInterval: '1s' }, reject: { maximumCount: 1 }, log: { level: 'info' } };
    const receiver = await this.world.receiver({ config, ...(killAt !== undefined && { killAt }) });
    this.prometheus.scrape({ sender: this.sender.url, receiver: receiver.url });
    return receiver;
  }

  async brokerAgain(): Promise<void> {
    await startBrokerProcess(this.#scope, this.world.pki, ['--port', String(this.broker.port)]);
  }

  /** Waits for an alert at the webhook. */
  notice(alert: string, labels: Labels, status = 'firing'): Promise<Notice> {
    const wanted = Object.entries({ alertname: alert, ...labels });
    const matches = (each: Notice): boolean => each.status === status && wanted.every(([key, value]) => each.labels[key] === value);
    return eventually(() => this.alertmanager.notices.find(matches) ?? false, { ...PATIENCE, what: `${alert} ${status} at the webhook` });
  }
}

/** What is recorded is finished at the next start, and a damaged record is told of. */
async function receiverDiesTwice(story: Story): Promise<Service> {
  const hashes = addToDirq(story.world.outgoing, 60);
  for (const count of [5, 20]) {
    const { child } = await story.receiver({ stage: 'record', count });
    await child.exited;
  }
  // A record has two names until its acknowledgement is confirmed.
  const record = path.join(story.world.incoming, '.delivered');
  writeFileSync(path.join(record, 'pending', 'damaged'), 'not a record\n');
  linkSync(path.join(record, 'pending', 'damaged'), path.join(record, '00', 'damaged'));
  const receiver = await story.receiver();
  await Promise.all([story.sender.ready(), receiver.ready()]);
  await story.notice('SsmDeliveryRecordDamaged', { operation: 'recover' });
  await eachExactlyOnce(story.world, hashes, PATIENCE.timeout);
  return receiver;
}

async function load({ sender, world }: Story): Promise<void> {
  const hashes: string[] = [];
  const before = await sender.metric('ssm_messages_total', { result: 'sent' });
  for (let burst = 0; burst < 6; burst += 1) {
    hashes.push(...addToDirq(world.outgoing, 50));
    await eventually(async () => (await sender.metric('ssm_messages_total', { result: 'sent' })) - before >= hashes.length, PATIENCE);
  }
  await eachExactlyOnce(world, hashes, PATIENCE.timeout);
}

async function tooLargeAFile(story: Story): Promise<void> {
  const folder = path.join(story.world.outgoing, '00000001');
  mkdirSync(folder);
  const name = path.join(folder, '00000001000010');
  writeFileSync(`${name}.tmp`, Buffer.alloc(LIMIT + 1));
  renameSync(`${name}.tmp`, name);
  const { labels, annotations } = await story.notice('SsmQuarantine', { instance: 'sender' });
  assert.equal(labels['severity'], 'warning');
  assert.equal(annotations['summary'], 'Files in quarantine at sender (1)');
  assert.equal(annotations['runbook_url'], `${BASE}docs/operations.md#ssmquarantine`);
}

async function siteThatIsNotOnTheList(story: Story): Promise<void> {
  const { world } = story;
  const outgoing = path.join(world.directory, 'outgoing-b');
  mkdirSync(outgoing);
  const [, { certificatePath: certificate, keyPath: key }] = world.pki.sites;
  const other = await world.sender({ instance: 'sender-2', config: { identity: { certificate, key }, outgoing: { path: outgoing } } });
  addToDirq(outgoing, 2);
  await story.notice('SsmRejects', { code: 'dn-not-listed', instance: 'receiver' });
  await story.notice('SsmRejectsReduced', { code: 'dn-not-listed' });
  assert.equal(await other.stop(), 0);
}

async function brokenList(story: Story): Promise<void> {
  const list = path.join(story.world.directory, 'dns');
  writeFileSync(list, 'no DN\n');
  await story.notice('SsmReloadFailed', { source: 'authorisation' });
  writeFileSync(list, `${story.world.pki.sites[0].dn}\n`);
  await story.notice('SsmReloadFailed', { source: 'authorisation' }, 'resolved');
}

async function volumeThatIsGone(story: Story): Promise<void> {
  const { incoming, outgoing } = story.world;
  renameSync(incoming, `${incoming}-away`);
  const hashes = addToDirq(outgoing, 3);
  await story.notice('SsmDiskFailing', { component: 'incoming' });
  await story.notice('SsmConsumingStopped', { severity: 'critical' });
  renameSync(`${incoming}-away`, incoming);
  await story.notice('SsmConsumingStopped', {}, 'resolved');
  await eachExactlyOnce(story.world, hashes, PATIENCE.timeout);
}

/** Claims are given back, the alerts arrive, and end when the broker is back. */
async function brokerAnswersNothingThenDies(story: Story): Promise<void> {
  const { broker, sender, world } = story;
  broker.child.signal('SIGSTOP');
  const hashes = addToDirq(world.outgoing, 20);
  await eventually(async () => (await sender.metric('ssm_receipt_timeouts_total')) > 0, PATIENCE);
  broker.child.signal('SIGKILL');
  for (const instance of ['sender', 'receiver']) {
    await story.notice('SsmDisconnected', { instance, severity: 'critical' });
    await story.notice('SsmNotReady', { instance });
  }
  await eventually(async () => (await sender.metric('ssm_retried_messages_total')) > 0, PATIENCE);
  await story.brokerAgain();
  for (const instance of ['sender', 'receiver']) await story.notice('SsmDisconnected', { instance }, 'resolved');
  await eachExactlyOnce(world, hashes, PATIENCE.timeout);
}

async function dashboards({ prometheus, begun: from }: Story): Promise<void> {
  for (const file of chartFiles('files/dashboards')) await checkDashboard(chartText(file), { prometheus, from });
}

/** Nothing in the texts of what has come that a template left over. */
function textsAreWhole({ alertmanager }: Story): void {
  const seen = new Set(alertmanager.notices.map(({ labels }) => labels['alertname']!));
  const texts = alertmanager.notices.flatMap(({ annotations }) => Object.values(annotations));
  assert.deepEqual(
    texts.filter((text) => /\{\{|<no value>|<error/.test(text)),
    [],
  );
  assert.ok(seen.size >= 10, [...seen].join(' '));
}

it('faults of real services end as alerts at a webhook, and every panel of the dashboards has data', { skip }, async (test) => {
  const story = await Story.begin(test);
  const receiver = await receiverDiesTwice(story);
  await load(story);
  await tooLargeAFile(story);
  await siteThatIsNotOnTheList(story);
  await brokenList(story);
  await volumeThatIsGone(story);
  await brokerAnswersNothingThenDies(story);
  await dashboards(story);
  assert.equal(await receiver.stop(), 0);
  await story.notice('SsmDown', { instance: 'receiver' });
  textsAreWhole(story);
});
