// The broker as a process of its own: see `--help`.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { startDevBroker } from './broker.js';
import type { DevBrokerOptions } from './options.js';

const USAGE = `usage: main.js [--host 127.0.0.1] [--port 0] [--login NAME] [--passcode TEXT] [--heartbeat MS,MS]
  [--max-frame-size BYTES] [--max-queued-bytes BYTES]
  [--tls-key FILE --tls-cert FILE [--tls-ca FILE] [--require-client-certificate]]
`;

const text = { type: 'string' } as const;
const flags = {
  host: text,
  port: text,
  login: text,
  passcode: text,
  heartbeat: text,
  'max-frame-size': text,
  'max-queued-bytes': text,
  'tls-key': text,
  'tls-cert': text,
  'tls-ca': text,
  'require-client-certificate': { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values'];

function number(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new RangeError(`--${name} is not a number`);
  return Number(value);
}

function heartbeatOf(value: string | undefined): [number, number] | undefined {
  if (value === undefined) return undefined;
  const [sends, wants] = value.split(',');
  return [number(sends, 'heartbeat') ?? 0, number(wants, 'heartbeat') ?? 0];
}

function tlsOf(values: Values): DevBrokerOptions['tls'] {
  const { 'tls-key': key, 'tls-cert': cert, 'tls-ca': ca } = values;
  if (key === undefined && cert === undefined) return undefined;
  if (key === undefined || cert === undefined) throw new RangeError('--tls-key and --tls-cert go together');
  return {
    key: readFileSync(key),
    cert: readFileSync(cert),
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    requireClientCertificate: values['require-client-certificate'] ?? false,
  };
}

/** Leaves out what was not given, so that the defaults apply. */
function optionsOf(values: Values): DevBrokerOptions {
  const given = {
    host: values.host,
    port: number(values.port, 'port'),
    login: values.login,
    passcode: values.passcode,
    heartbeat: heartbeatOf(values.heartbeat),
    maxFrameSize: number(values['max-frame-size'], 'max-frame-size'),
    maxQueuedBytes: number(values['max-queued-bytes'], 'max-queued-bytes'),
    tls: tlsOf(values),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

async function run(): Promise<void> {
  const { values } = parseArgs({ options: flags });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const broker = await startDevBroker(optionsOf(values));
  process.stdout.write(`devbroker listening on ${broker.host}:${broker.port}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void broker.close());
}

try {
  await run();
} catch (error) {
  process.stderr.write(`devbroker: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}
