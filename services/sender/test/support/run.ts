/** Senders for tests: in this process with signals of its own, or a real process. */
import { EventEmitter } from 'node:events';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { runService } from '@ssm/service-kit';
import { type Child, eventually, type Scope, startNode } from '@ssm/test-support';
import { senderService } from '../../src/index.js';
import type { StartOptions } from '../../src/sender.js';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly url?: unknown;
  readonly empaId?: unknown;
  readonly deliveryId?: unknown;
  readonly bytes?: unknown;
  readonly wireBytes?: unknown;
  readonly seconds?: unknown;
  readonly broker?: unknown;
  readonly code?: unknown;
  readonly count?: unknown;
  readonly sent?: unknown;
  readonly locked?: unknown;
  readonly left?: unknown;
  readonly error?: unknown;
}

export interface RunningSender {
  readonly lines: readonly LogLine[];
  readonly exited: Promise<number>;
  /** The first line with this message, now or later. */
  line(message: string): Promise<LogLine>;
  signal(name: 'SIGTERM' | 'SIGHUP'): void;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number>;
  /** Body of /health/ready and whether it was 200. */
  ready(): Promise<{ readonly ok: boolean; readonly body: string }>;
  metrics(): Promise<string>;
}

/** Stopped at the end of the test, whatever becomes of it. */
export function runSender(scope: Scope, config: string, options: StartOptions & { readonly args?: readonly string[] } = {}): RunningSender {
  const stdout = new PassThrough();
  const lines: LogLine[] = [];
  let rest = '';
  stdout.on('data', (chunk: Buffer) => {
    const [...parts] = (rest + chunk.toString('utf8')).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part));
  });
  const stderr = new PassThrough();
  stderr.on('data', (chunk: Buffer) => lines.push({ level: 'error', msg: chunk.toString('utf8') }));
  const events = new EventEmitter();
  const { args = [], ...start } = options;
  const exited = runService(senderService('0.0.0-test', start), {
    args: ['--config', config, ...args],
    env: {},
    stdout,
    stderr,
    events,
    exit: (code) => lines.push({ level: 'error', msg: `exit ${code}` }),
  });
  const line = (message: string): Promise<LogLine> =>
    eventually(() => lines.find(({ msg }) => msg === message) ?? false, { what: `log line "${message}"` });
  const stop = async (): Promise<number> => {
    events.emit('SIGTERM');
    return exited;
  };
  scope.after(async () => void (await stop()));
  const get = async (page: string): Promise<Response> => fetch(`${String((await line('health and metrics are served')).url)}${page}`);
  return {
    lines,
    exited,
    line,
    stop,
    signal: (name) => void events.emit(name),
    ready: async () => {
      const response = await get('/health/ready');
      return { ok: response.ok, body: await response.text() };
    },
    metrics: async () => (await get('/metrics')).text(),
  };
}

const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'main.js');

/** The sender as it is deployed. */
export function startSenderProcess(scope: Scope, config: string, ...args: readonly string[]): Promise<Child> {
  return startNode(scope, MAIN, ['--config', config, ...args]);
}
