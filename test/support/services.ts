import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, type ChildOptions, eventually, freePort, type Scope, startNode } from '@ssm/test-support';

/** The root of the checkout. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

export type ServiceName = 'sender' | 'receiver';

/** A configuration file as a person would write it. */
export type ConfigFile = Readonly<Record<string, unknown>>;

export interface ServiceOptions extends ChildOptions {
  /** Where the configuration file goes. */
  readonly directory: string;
  readonly args?: readonly string[];
  /** Instead of the service's own main: a composition of the same service with a hook. */
  readonly script?: string;
  /** Arguments before `--config`, for such a script. */
  readonly scriptArgs?: readonly string[];
  readonly configName?: string;
}

export interface Service {
  readonly name: ServiceName;
  readonly child: Child;
  readonly configFile: string;
  /** `http://127.0.0.1:PORT` of health and metrics. */
  readonly url: string;
  /** Resolves when /health/ready answers 200; rejects with what is not ready after `timeout` ms (default 60,000). */
  ready(timeout?: number): Promise<void>;
  /** Value of one series; labels in any order; 0 when it is not there. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Sum of the samples of a metric whose labels include `labels`, in Prometheus text. */
export function sampleOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => wanted.every((pair) => line.includes(pair)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

export async function startService(scope: Scope, name: ServiceName, config: ConfigFile, options: ServiceOptions): Promise<Service> {
  const port = await freePort();
  const configFile = path.join(options.directory, `${options.configName ?? name}.json`);
  writeFileSync(configFile, JSON.stringify({ ...config, ops: { host: '127.0.0.1', port } }, undefined, 2));
  const [script, before] =
    options.script === undefined ? [path.join(root, 'scripts', 'start.cjs'), [name]] : [options.script, options.scriptArgs ?? []];
  const child = await startNode(scope, script, [...before, '--config', configFile, ...(options.args ?? [])], options);
  const url = `http://127.0.0.1:${port}`;
  return {
    name,
    child,
    configFile,
    url,
    ready: (timeout = 60_000) =>
      eventually(
        async () => {
          if (child.exit !== undefined) throw new Error(`${name} ended: ${child.output()}`);
          const answer = await fetch(`${url}/health/ready`);
          if (!answer.ok) throw new Error(await answer.text());
        },
        { timeout, what: `${name} ready` },
      ),
    metric: async (metricName, labels) => sampleOf(await (await fetch(`${url}/metrics`)).text(), metricName, labels),
    stop: async () => {
      child.signal('SIGTERM');
      return (await child.exited).code;
    },
    kill: async () => {
      child.signal('SIGKILL');
      await child.exited;
    },
  };
}
