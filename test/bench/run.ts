import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { createDemoPki, type Scope } from '@ssm/test-support';
import { LIMIT } from './bounds.js';
import { warmBroker } from './ceiling.js';
import { Growth } from './growth.js';
import { measureLimits } from './limits.js';
import { type Ground, keysCompared, measureLoad, signingLimits } from './loads.js';
import type { Aimed } from './measurement.js';
import type { BenchOptions } from './options.js';
import type { Stage } from './pair.js';
import { GROWTH, loadName, planOf, STILL } from './plan.js';
import { makeSpread } from './spread.js';
import { measureStill } from './still.js';
import { developmentBrokers, realBrokers } from './venue.js';

/** Limits that no run of a service is held against. */
const SHOWN = [LIMIT.verify.RSA, LIMIT.verify['P-256'], LIMIT.decryptOne];

/** Start, idle and the largest messages, at a broker of their own. */
async function still(ground: Ground): Promise<Aimed[]> {
  const venue = await ground.brokers.open(false);
  try {
    const stage: Stage = { ...ground, directory: mkdtempSync(path.join(ground.directory, 'still-')), pki: ground.pki.RSA, venue };
    return await measureStill(stage, ground.plan.idleMs);
  } finally {
    await venue.close();
  }
}

async function measureRepeat(ground: Ground, growth: Growth | undefined): Promise<Aimed[]> {
  const { directory, plan } = ground;
  const figures: Aimed[] = [];
  const part = async (name: string, measured: Promise<Aimed[]>): Promise<void> => {
    process.stderr.write(`${figures.length === 0 ? '' : ', '}${name}`);
    figures.push(...(await measured));
  };
  if (plan.loads.length > 0) await part('limits', measureLimits(SHOWN, directory, plan.limitMs));
  for (const load of plan.loads) await part(loadName(load), measureLoad(ground, load));
  if (plan.loads.some(({ key }) => key !== 'RSA')) figures.push(...keysCompared(figures, await signingLimits(figures, ground)));
  if (plan.still) await part(STILL, still(ground));
  if (growth !== undefined) await part(GROWTH, growth.measure());
  return figures;
}

/** Everything the options ask for, repeat by repeat: limits and services by turns, so that both meet the same machine. */
export async function run(scope: Scope, directory: string, options: BenchOptions): Promise<{ broker: string; figures: Aimed[] }> {
  const plan = planOf(options);
  makeSpread(directory);
  const pki = {
    RSA: createDemoPki(path.join(directory, 'pki')),
    'P-256': createDemoPki(path.join(directory, 'pki-p256'), { key: 'p256' }),
  };
  const brokers = options.broker === 'devbroker' ? developmentBrokers(scope, pki.RSA) : await realBrokers(scope, pki.RSA, options.broker);
  const ground: Ground = { scope, directory, pki, brokers, kind: brokers.kind, plan, seen: new Map() };
  if (brokers.kind !== 'devbroker') {
    const venue = await brokers.open(false);
    await warmBroker(scope, venue);
    await venue.close();
  }
  const growth = plan.backlog === undefined ? undefined : new Growth(ground, plan.backlog);
  const figures: Aimed[] = [];
  for (let repeat = 1; repeat <= plan.repeats; repeat += 1) {
    process.stderr.write(`repeat ${repeat} of ${plan.repeats}: `);
    figures.push(...(await measureRepeat(ground, growth)));
    process.stderr.write('\n');
  }
  return { broker: brokers.title, figures };
}
