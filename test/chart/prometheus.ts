import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { eventually, freePort, type Scope, startCommand, temporaryDirectory } from '@ssm/test-support';
import { stringify } from 'yaml';

// Prometheus and Alertmanager as child processes on loopback, and a webhook that an alert ends at.

/** What is scraped: the URL of a service by its name, which becomes job and instance. */
type Targets = Readonly<Record<string, string>>;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

export interface Prometheus {
  /** Scrapes these from now on. */
  scrape(targets: Targets): void;
  /** The series of a query over a time, a point each second. */
  range(expr: string, from: Date, to: Date): Promise<Series[]>;
  /** The values of a label of the series of a selector. */
  labelValues(selector: string, label: string): Promise<string[]>;
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

async function ask<T>(url: string, parameters: Record<string, string>): Promise<T> {
  const answer = (await (await fetch(`${url}?${new URLSearchParams(parameters).toString()}`)).json()) as Answer<T>;
  if (answer.status !== 'success') throw new Error(`${parameters['query'] ?? ''}: ${answer.error}`);
  return answer.data;
}

async function started(scope: Scope, command: string, args: readonly string[], port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}`;
  const child = await startCommand(scope, command, args);
  const ready = async (): Promise<boolean> => {
    if (child.exit !== undefined) throw new Error(child.output());
    return (await fetch(`${url}/-/ready`)).ok;
  };
  await eventually(ready, { timeout: 30_000, interval: 100, what: `${command} ready` });
  return url;
}

const SECOND = { scrape_interval: '1s', evaluation_interval: '1s', scrape_timeout: '1s' };

/** Scrapes and evaluates each second. `rules` is the text of a rule file; alerts go to an Alertmanager at `alerts`. */
export async function startPrometheus(scope: Scope, options: { rules?: string; alerts?: string } = {}): Promise<Prometheus> {
  const folder = temporaryDirectory(scope);
  const file = (name: string, content: string): string => {
    writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const targets = file('targets.json', '[]');
  const config = {
    global: SECOND,
    rule_files: [file('rules.yaml', options.rules ?? 'groups: []')],
    scrape_configs: [{ job_name: 'ssm', file_sd_configs: [{ files: [targets], refresh_interval: '1s' }] }],
    ...(options.alerts !== undefined && {
      alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(options.alerts).host] }] }] },
    }),
  };
  const port = await freePort();
  const args = [
    `--config.file=${file('prometheus.yaml', stringify(config))}`,
    `--storage.tsdb.path=${path.join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const api = `${await started(scope, 'prometheus', args, port)}/api/v1`;
  return {
    scrape: (wanted) => {
      const entries = Object.entries(wanted).map(([name, url]) => ({
        targets: [new URL(url).host],
        labels: { job: name, instance: name },
      }));
      file('targets.json', JSON.stringify(entries));
    },
    range: async (query, from, to) => {
      const [start, end] = [from, to].map((time) => String(time.getTime() / 1000)) as [string, string];
      return (await ask<{ result: Series[] }>(`${api}/query_range`, { query, start, end, step: '1' })).result;
    },
    labelValues: async (selector, label) => {
      const series = await ask<Record<string, string>[]>(`${api}/series`, { 'match[]': selector });
      return [...new Set(series.flatMap((labels) => labels[label] ?? []))];
    },
  };
}

/** An alert as Alertmanager hands it on. */
export interface Notice {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Alertmanager {
  readonly url: string;
  /** What has come in at the webhook, oldest first. */
  readonly notices: readonly Notice[];
}

/** Debian calls it prometheus-alertmanager. */
const COMMAND = spawnSync('prometheus-alertmanager', ['--version']).error === undefined ? 'prometheus-alertmanager' : 'alertmanager';

/** Hands every alert on at once. */
export async function startAlertmanager(scope: Scope): Promise<Alertmanager> {
  const notices: Notice[] = [];
  const hook = createServer((request, response) => {
    void text(request).then((body) => {
      notices.push(...(JSON.parse(body) as { alerts: Notice[] }).alerts);
      response.end();
    });
  });
  const hookPort = await new Promise<number>((resolve) => {
    hook.listen(0, '127.0.0.1', () => resolve((hook.address() as { port: number }).port));
  });
  scope.after(() => {
    hook.close();
    hook.closeAllConnections();
  });
  const folder = temporaryDirectory(scope);
  const config = path.join(folder, 'alertmanager.yaml');
  const route = { receiver: 'hook', group_by: ['...'], group_wait: '0s', group_interval: '1s', repeat_interval: '1h' };
  const receivers = [{ name: 'hook', webhook_configs: [{ url: `http://127.0.0.1:${hookPort}/`, send_resolved: true }] }];
  writeFileSync(config, stringify({ route, receivers }));
  const port = await freePort();
  const args = [`--config.file=${config}`, `--storage.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
  return { url: await started(scope, COMMAND, [...args, '--cluster.listen-address=', '--log.level=warn'], port), notices };
}
