// The AMS server as a process of its own: see `--help`.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { AmsServerOptions } from './options.js';
import { startAmsServer } from './server.js';

const USAGE = `usage: main.js --tls-key FILE --tls-cert FILE --tls-ca FILE [--host 127.0.0.1] [--port 0] [--auth-port 0]
  [--project accounting] [--topic NAME ...] [--user NAME=TOKEN ...] [--dn NAME=DN ...] [--maximum-message BYTES]
`;

const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;
const flags = {
  host: text,
  port: text,
  'auth-port': text,
  'tls-key': text,
  'tls-cert': text,
  'tls-ca': text,
  project: text,
  topic: texts,
  user: texts,
  dn: texts,
  'maximum-message': text,
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values'];

function number(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new RangeError(`${value} is not a number`);
  return Number(value);
}

/** `NAME=VALUE`; a DN has more of these signs. */
function pair(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}

function file(values: Values, name: 'tls-key' | 'tls-cert' | 'tls-ca'): Buffer {
  const path = values[name];
  if (path === undefined) throw new RangeError(`--${name} is needed`);
  return readFileSync(path);
}

function optionsOf(values: Values): AmsServerOptions {
  const dns = new Map((values.dn ?? []).map(pair));
  const given = {
    port: number(values.port),
    authPort: number(values['auth-port']),
    maximumMessageBytes: number(values['maximum-message']),
  };
  return {
    tls: { key: file(values, 'tls-key'), cert: file(values, 'tls-cert'), ca: file(values, 'tls-ca') },
    host: values.host ?? '127.0.0.1',
    project: values.project ?? 'accounting',
    topics: values.topic ?? [],
    users: (values.user ?? []).map(pair).map(([name, token]) => {
      const dn = dns.get(name);
      return { name, token, ...(dn === undefined ? {} : { dn }) };
    }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}

async function run(): Promise<void> {
  const { values } = parseArgs({ options: flags });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const server = await startAmsServer(optionsOf(values));
  // Before the line that others wait for.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close());
  process.stdout.write(`ams listening on ${server.host}:${server.port}, authentication on ${server.authPort}\n`);
}

try {
  await run();
} catch (error) {
  process.stderr.write(`ams: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}
