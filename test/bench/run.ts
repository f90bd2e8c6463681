import { mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { createDemoPki, type DemoPki, type Scope } from '@ssm/test-support';
import { measureBarest } from './barest.js';
import { measureCeiling } from './ceiling.js';
import { forkRate } from './fork-way.js';
import { measureLimits } from './limits.js';
import type { Aim, Aimed } from './measurement.js';
import { measurePair, type Stage, type Throughput } from './pair.js';
import {
  type BenchOptions,
  boundOf,
  type KeyName,
  type Limits,
  type Load,
  loadName,
  messagesFor,
  type Plan,
  planOf,
  STILL,
} from './plan.js';
import { measureStill } from './still.js';
import { type Brokers, developmentBrokers, realBrokers } from './venue.js';

const SENDER_OF_BAREST = 0.8;
/** Messages a second; an absolute figure, for a machine with two cores that signs about 6,500 a second. */
const RABBITMQ_RATE = 2600;
/** The load that is compared with the ways of others. */
const COMPARED = '1 KB signed';

/** Where everything of a run is. */
interface Ground {
  readonly scope: Scope;
  readonly directory: string;
  readonly pki: Readonly<Record<KeyName, DemoPki>>;
  readonly brokers: Brokers;
  readonly kind: Brokers['kind'];
  readonly plan: Plan;
}

const atLeast = (share: number): Aim['target'] => ({ kind: 'at least', share });

/** A service's figures, held against what this machine can do. */
function serviceFigures(name: string, { rate, cpuSeconds, peakMemory }: Throughput, aim: Aim): Aimed[] {
  const [service, load] = [name.slice(0, name.indexOf(',')), name.slice(name.indexOf(','))];
  return [
    { name, value: rate, unit: '1/s', aim },
    ...(cpuSeconds === undefined ? [] : [{ name: `${service} CPU${load}`, value: cpuSeconds * 1e6, unit: 'us/message' }]),
    ...(peakMemory === undefined ? [] : [{ name: `${service} peak memory${load}`, value: peakMemory, unit: 'bytes' }]),
  ];
}

/** Sender, receiver and barest loop at one broker, with what they are held against. */
async function measureLoad(ground: Ground, load: Load, limits: Limits): Promise<Aimed[]> {
  const { scope, plan, kind } = ground;
  const venue = await ground.brokers.open(load.tls);
  const stage: Stage = { scope, directory: mkdtempSync(path.join(ground.directory, 'pair-')), pki: ground.pki[load.key], venue };
  try {
    const messages = messagesFor(load, limits, plan.windowMs);
    const pair = await measurePair(stage, load, messages, plan.windowMs);
    const name = loadName(load);
    // Over TLS and at real brokers something else may be the limit: shown, not judged.
    const judged = !load.tls && kind === 'devbroker';
    const figures = (['sender', 'receiver'] as const).flatMap((service) => {
      const { share, ...bound } = boundOf(service, load, limits);
      return serviceFigures(`${service}, ${name}`, pair[service], { ...bound, target: judged ? atLeast(share) : null });
    });
    if (load.tls) return figures;
    const barest = await measureBarest(stage, load, messages, plan.windowMs);
    const aim = { limit: barest.rate, of: 'barest loop', target: judged ? atLeast(SENDER_OF_BAREST) : null };
    figures.push(
      { name: `barest loop, ${name}`, value: barest.rate, unit: '1/s' },
      { name: `barest loop CPU, ${name}`, value: barest.cpuSeconds * 1e6, unit: 'us/message' },
      { name: `sender beside the barest loop, ${name}`, value: pair.sender.rate, unit: '1/s', aim },
    );
    if (name === COMPARED) figures.push(...(await compare(ground, stage, pair.sender.rate)));
    return figures;
  } finally {
    await venue.close();
  }
}

/** The sender's rate at the simplest load beside what others make of the same broker. */
async function compare({ kind, plan }: Ground, stage: Stage, value: number): Promise<Aimed[]> {
  const { scope, directory, pki, venue } = stage;
  const figures: Aimed[] = [];
  const beside = (of: string, limit: number, target: Aim['target']): void => {
    figures.push({ name: `sender beside ${of}`, value, unit: '1/s', aim: { limit, of, target } });
  };
  const fork = await forkRate(directory, pki, venue.bare(), plan.limitMs);
  figures.push({ name: 'fork-per-message way', value: fork, unit: '1/s' });
  beside('the fork-per-message way', fork, atLeast(10));
  if (kind === 'devbroker') return figures;
  const { taken, delivered } = await measureCeiling(scope, venue, plan.windowMs);
  figures.push({ name: 'the broker takes, 5 KB', value: taken, unit: '1/s' });
  figures.push({ name: 'the broker delivers, 5 KB', value: delivered, unit: '1/s' });
  beside('what the broker takes', taken, kind.startsWith('activemq') ? atLeast(0.8) : null);
  if (kind.startsWith('rabbitmq')) beside('40 times the Python SSM', RABBITMQ_RATE, atLeast(1));
  return figures;
}

/** Start, idle and the largest messages, at a broker of their own. */
async function still(ground: Ground): Promise<Aimed[]> {
  const venue = await ground.brokers.open(false);
  try {
    const stage = { scope: ground.scope, directory: mkdtempSync(path.join(ground.directory, 'still-')), pki: ground.pki.RSA, venue };
    return await measureStill(stage, ground.plan.idleMs);
  } finally {
    await venue.close();
  }
}

async function measureRepeat(ground: Ground): Promise<Aimed[]> {
  process.stderr.write('limits');
  const measured = await measureLimits(ground.directory, ground.plan.limitMs);
  const limits: Limits = new Map(measured.map(({ name, value }) => [name, value]));
  const figures: Aimed[] = [...measured];
  for (const load of ground.plan.loads) {
    process.stderr.write(`, ${loadName(load)}`);
    figures.push(...(await measureLoad(ground, load, limits)));
  }
  if (ground.plan.still) {
    process.stderr.write(`, ${STILL}`);
    figures.push(...(await still(ground)));
  }
  return figures;
}

/** Everything the options ask for, repeat by repeat: limits and services by turns, so that both meet the same machine. */
export async function run(scope: Scope, directory: string, options: BenchOptions): Promise<{ broker: string; figures: Aimed[] }> {
  const plan = planOf(options);
  mkdirSync(directory, { recursive: true });
  const pki = {
    RSA: createDemoPki(path.join(directory, 'pki')),
    'P-256': createDemoPki(path.join(directory, 'pki-p256'), { key: 'p256' }),
  };
  const brokers = options.broker === 'devbroker' ? developmentBrokers(scope, pki.RSA) : await realBrokers(scope, pki.RSA, options.broker);
  const ground: Ground = { scope, directory, pki, brokers, kind: brokers.kind, plan };
  const figures: Aimed[] = [];
  for (let repeat = 1; repeat <= plan.repeats; repeat += 1) {
    process.stderr.write(`repeat ${repeat} of ${plan.repeats}: `);
    figures.push(...(await measureRepeat(ground)));
    process.stderr.write('\n');
  }
  return { broker: brokers.title, figures };
}
