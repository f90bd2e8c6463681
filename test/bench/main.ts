import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createDemoPki, type Scope } from '@ssm/test-support';
import { bytes as sizeText, table } from '../demo/table.js';
import { byteRate, decryptionRate, durableAddRate, signingRate } from './limits.js';
import { type Load, measurePair, type Throughput } from './pair.js';

// npm run bench [-- --quick] [--json] [--directory DIR]: what this machine can do at all, what the services do, and the share.

interface Measurement {
  readonly name: string;
  /** Median over the repeats. */
  readonly value: number;
  readonly unit: string;
  /** The slowest of the limits that apply, in the same unit. */
  readonly limit: number | null;
  readonly share: number | null;
  readonly lowest: number;
  readonly highest: number;
}

interface Plan {
  readonly repeats: number;
  readonly limitMs: number;
  readonly loads: readonly Load[];
}

function plan(quick: boolean): Plan {
  const windowMs = quick ? 500 : 10_000;
  const loads = [1024, 102_400].flatMap((bytes) =>
    [false, true].map((encrypted) => ({ bytes, encrypted, windowMs, messages: messagesFor(bytes, quick) })),
  );
  return quick ? { repeats: 1, limitMs: 250, loads } : { repeats: 3, limitMs: 1500, loads };
}

/** More than a window takes on a fast machine, and not more than the broker's memory. */
function messagesFor(bytes: number, quick: boolean): number {
  if (bytes === 1024) return quick ? 1200 : 10_000;
  return quick ? 400 : 1000;
}

/** All values of one name, in the order of the repeats. */
type Samples = Map<string, number[]>;

function note(samples: Samples, name: string, value: number | undefined): void {
  if (value !== undefined) samples.set(name, [...(samples.get(name) ?? []), value]);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const loadName = ({ bytes, encrypted }: Load): string => `${bytes / 1024} KB ${encrypted ? 'signed+encrypted' : 'signed'}`;

const LIMITS = {
  signing: 'limit: RSA-2048 signatures',
  decryption: 'limit: RSA-2048 private-key operations',
  durable1: 'limit: durable adds, 1 KB',
  durable100: 'limit: durable adds, 100 KB',
  plainBytes: 'limit: base64 and SHA-256',
  encryptedBytes: 'limit: base64, SHA-256, AES-128 and base64',
} as const;

async function measureLimits(samples: Samples, directory: string, milliseconds: number): Promise<void> {
  note(samples, LIMITS.signing, await signingRate(milliseconds));
  note(samples, LIMITS.decryption, await decryptionRate(milliseconds));
  note(samples, LIMITS.durable1, await durableAddRate(directory, 1024, milliseconds));
  note(samples, LIMITS.durable100, await durableAddRate(directory, 102_400, milliseconds));
  note(samples, LIMITS.plainBytes, await byteRate(false, milliseconds));
  note(samples, LIMITS.encryptedBytes, await byteRate(true, milliseconds));
}

function notePair(samples: Samples, load: Load, pair: Record<'sender' | 'receiver', Throughput>): void {
  for (const service of ['sender', 'receiver'] as const) {
    note(samples, `${service}, ${loadName(load)}`, pair[service].rate);
    note(samples, `${service} peak memory, ${loadName(load)}`, pair[service].peakMemory);
  }
}

/** The slowest of what a service cannot do without for one message of this load, messages a second. */
function limitOf(service: 'sender' | 'receiver', load: Load, limit: (name: string) => number): number {
  const byBytes = limit(load.encrypted ? LIMITS.encryptedBytes : LIMITS.plainBytes) / load.bytes;
  if (service === 'sender') return Math.min(limit(LIMITS.signing), byBytes);
  const durable = limit(load.bytes === 1024 ? LIMITS.durable1 : LIMITS.durable100);
  return Math.min(durable, byBytes, load.encrypted ? limit(LIMITS.decryption) : Number.POSITIVE_INFINITY);
}

function results(samples: Samples, loads: readonly Load[]): Measurement[] {
  const limits = new Map<string, number>();
  for (const load of loads)
    for (const service of ['sender', 'receiver'] as const)
      limits.set(
        `${service}, ${loadName(load)}`,
        limitOf(service, load, (name) => median(samples.get(name) ?? [])),
      );
  return [...samples].map(([name, values]) => {
    const value = median(values);
    const limit = limits.get(name) ?? null;
    const unit = name.includes('memory') ? 'bytes' : name.includes('base64') ? 'bytes/s' : '1/s';
    return {
      name,
      value,
      unit,
      limit,
      share: limit === null ? null : value / limit,
      lowest: Math.min(...values),
      highest: Math.max(...values),
    };
  });
}

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function shown(unit: string, amount: number): string {
  if (unit === 'bytes') return sizeText(amount);
  return unit === 'bytes/s' ? `${sizeText(amount)}/s` : `${number(amount)} /s`;
}

function show(measurements: readonly Measurement[]): void {
  const rows = measurements.map(({ name, unit, lowest, highest, ...each }) => [
    name,
    shown(unit, each.value),
    lowest === highest ? '' : `${shown(unit, lowest)} to ${shown(unit, highest)}`,
    each.limit === null ? '' : shown(unit, each.limit),
    each.share === null ? '' : each.share.toFixed(2),
  ]);
  process.stdout.write(`\n${table([['what', 'median', 'spread', 'slowest limit', 'share'], ...rows])}\n`);
}

async function run(scope: Scope, directory: string, quick: boolean): Promise<Measurement[]> {
  const { repeats, limitMs, loads } = plan(quick);
  const pki = createDemoPki(path.join(directory, 'pki'));
  const samples: Samples = new Map();
  // Limits and services by turns, so that both meet the same machine.
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    process.stderr.write(`repeat ${repeat} of ${repeats}: limits`);
    await measureLimits(samples, directory, limitMs);
    for (const load of loads) {
      process.stderr.write(`, ${loadName(load)}`);
      notePair(samples, load, await measurePair(scope, directory, pki, load));
    }
    process.stderr.write('\n');
  }
  return results(samples, loads);
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, directory: { type: 'string' } },
  });
  const directory = mkdtempSync(path.join(values.directory ?? tmpdir(), 'ssm-bench-'));
  const steps: (() => void | Promise<void>)[] = [];
  try {
    const measurements = await run({ after: (step) => void steps.unshift(step) }, directory, values.quick === true);
    if (values.json === true)
      process.stdout.write(`${JSON.stringify({ node: process.version, cores: cpus().length, measurements }, undefined, 2)}\n`);
    else show(measurements);
  } finally {
    for (const step of steps) await step();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
