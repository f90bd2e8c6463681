import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import type { DemoPki, Scope } from '@ssm/test-support';
import type { ServiceName } from '../support/services.js';
import { type Amount, measureBarestReceiver, measureBarestSender } from './barest.js';
import type { BarestResult } from './barest-meter.js';
import { allowed, boundsOf, isLarge, LIMIT, type Limits, quickerKey } from './bounds.js';
import { measureCeiling } from './ceiling.js';
import type { CeilingResult } from './ceiling-main.js';
import { forkRate } from './fork-way.js';
import { type Between, between, limitRate, measureLimits } from './limits.js';
import type { Aim, Aimed } from './measurement.js';
import { fill, measureService, prepare, type Stage, storeOf, type Throughput } from './pair.js';
import { type KeyName, type Load, loadName, messagesFor, mostRate, type Plan } from './plan.js';
import type { Sample } from './sample.js';
import type { Brokers } from './venue.js';

const SENDER_OF_BAREST = 0.8;
const SENDER_OF_CEILING = 0.8;
const TIMES_FORK_WAY = 10;
/** A program may be so much quicker than it was before, and a sender than the barest loop, before it runs out of messages. */
const QUICKER = 1.25;
/** Before a receiver was measured it is counted on for this share of what it is bounded by. */
const RECEIVER_AT_FIRST = 0.6;
/** Messages a second; an absolute figure, for a machine with two cores that signs about 6,500 a second. */
const RABBITMQ_RATE = 2600;
/** The load that is compared with the ways of others. */
const COMPARED = '1 KB signed';
/** How the barest programs are called. */
const BAREST = { sender: 'barest loop', receiver: 'barest receiver' } as const;
/** What {@link Ground.seen} knows beside rates. */
const CONNECTIONS = 'connections';

/** Where everything of a run is. */
export interface Ground {
  readonly scope: Scope;
  readonly directory: string;
  readonly pki: Readonly<Record<KeyName, DemoPki>>;
  readonly brokers: Brokers;
  readonly kind: Brokers['kind'];
  readonly plan: Plan;
  /** Highest rates so far, 1/s, by service or loop and load: what the next run needs messages for. And connections of the sender. */
  readonly seen: Map<string, number>;
}

export const atLeast = (share: number): Aim['target'] => ({ kind: 'at least', share });

/** Over TLS and at real brokers something else may be the limit: shown, not judged. */
const isJudged = ({ kind }: Ground, { tls }: Load): boolean => !tls && kind === 'devbroker';

/** A service's own figures. */
export function serviceFigures(service: string, load: string, { rate, cpuSeconds, peakMemory }: Throughput): Aimed[] {
  return [
    { name: `${service}, ${load}`, value: rate, unit: '1/s' },
    ...(cpuSeconds === undefined ? [] : [{ name: `${service} CPU, ${load}`, value: cpuSeconds * 1e6, unit: 'us/message' }]),
    ...(peakMemory === undefined ? [] : [{ name: `${service} peak memory, ${load}`, value: peakMemory, unit: 'bytes' }]),
  ];
}

/** A service's rate, held against each of what it is bounded by. */
function heldAgainst(ground: Ground, service: ServiceName, load: Load, { result, limits }: Between<Throughput>): Aimed[] {
  const name = loadName(load);
  const [own, ...others] = serviceFigures(service, name, result);
  const aims = boundsOf(service, load).map(({ of, share, lowestOnly }): Aim => {
    const target = share !== null && isJudged(ground, load) ? atLeast(share) : null;
    return { limit: allowed(of, load, limits), of, target, ...(lowestOnly ? { lowestOf: `${service}, ${name}` } : {}) };
  });
  const held = aims.map((aim, index): Aimed => {
    const beside = index === 0 ? '' : ` beside ${aim.of.replace('limit: ', '')}`;
    return { name: `${service}${beside}, ${name}`, value: result.rate, unit: '1/s', aim };
  });
  return own === undefined ? [] : [...held, ...others];
}

/** Messages for the next run of a program; `first`: the rate to count on when it is the first run. */
export async function messagesOf(
  { seen, plan }: Ground,
  program: string,
  load: Load,
  first: () => number | Promise<number>,
): Promise<number> {
  const rate = seen.get(`${program}, ${loadName(load)}`);
  return messagesFor(load, rate === undefined ? await first() : QUICKER * rate, plan);
}

function remember({ seen }: Ground, program: string, load: Load, rate: number): void {
  const key = `${program}, ${loadName(load)}`;
  seen.set(key, Math.max(rate, seen.get(key) ?? 0));
}

/** The rate that a receiver may have, before one was measured. */
async function receiverRate({ directory, plan }: Ground, load: Load): Promise<number> {
  const names = boundsOf('receiver', load).map(({ of }) => of);
  const limits: Limits = new Map((await measureLimits(names, directory, plan.limitMs)).map(({ name, value }) => [name, value]));
  return RECEIVER_AT_FIRST * Math.min(...names.map((of) => allowed(of, load, limits)));
}

/** A sender that sends what is in outgoing until it was measured and the receiver has enough. */
async function measureSender(ground: Ground, stage: Stage, load: Load, barest: number): Promise<Between<Throughput>> {
  const { plan, directory } = ground;
  const until = await messagesOf(ground, 'receiver', load, () => receiverRate(ground, load));
  const total = Math.max(until, await messagesOf(ground, 'sender', load, () => QUICKER * barest));
  fill(path.join(stage.directory, 'outgoing'), load.bytes, total);
  const names = boundsOf('sender', load).map(({ of }) => of);
  return await between(
    () => measureLimits(names, directory, plan.limitMs),
    () => measureService('sender', stage, load.encrypted, { ...plan, total, until }),
  );
}

function measureReceiver({ plan }: Ground, stage: Stage, load: Load, total: number): Promise<Between<Throughput>> {
  const names = boundsOf('receiver', load).map(({ of }) => of);
  return between(
    () => measureLimits(names, storeOf(stage.directory), plan.limitMs),
    () => measureService('receiver', stage, load.encrypted, { ...plan, total, until: 0 }),
  );
}

/** What the barest programs need. How quick the barest receiver is shows when it runs for the first time. */
async function amountOf(ground: Ground, load: Load): Promise<Amount> {
  const files = await messagesOf(ground, BAREST.sender, load, () => mostRate(load));
  return { files, until: await messagesOf(ground, BAREST.receiver, load, () => 0) };
}

/** A sender and a receiver at one broker, and before each of them the barest one, with what they are held against. */
export async function measureLoad(ground: Ground, load: Load): Promise<Aimed[]> {
  const { scope, plan } = ground;
  const venue = await ground.brokers.open(load.tls);
  const stage: Stage = { scope, directory: mkdtempSync(path.join(ground.directory, 'pair-')), pki: ground.pki[load.key], venue };
  try {
    prepare(stage);
    const barest = load.tls ? undefined : await measureBarestSender(stage, load, await amountOf(ground, load), plan);
    const isCompared = loadName(load) === COMPARED;
    const ceiling = isCompared ? await ceilingOf(ground, stage) : undefined;
    const sender = await measureSender(ground, stage, load, barest?.rate ?? mostRate(load) / 2);
    const connections = sender.result.connections ?? 1;
    // Known only now: where it is another number than was thought, what was measured before says nothing.
    const before = connectionsOf(ground) === connections ? ceiling : undefined;
    ground.seen.set(CONNECTIONS, connections);
    const compared = isCompared ? await compare(ground, stage, sender.result, before) : [];
    const barestReceiver = barest && (await measureBarestReceiver(stage, load, barest, plan));
    const receiver = await measureReceiver(ground, stage, load, sender.result.messages);
    remember(ground, 'sender', load, sender.result.rate);
    remember(ground, 'receiver', load, receiver.result.rate);
    if (barest !== undefined) remember(ground, BAREST.sender, load, barest.rate);
    if (barestReceiver !== undefined) remember(ground, BAREST.receiver, load, barestReceiver.rate);
    return [
      ...unique([...sender.samples, ...receiver.samples]),
      ...heldAgainst(ground, 'sender', load, sender),
      ...besideBarest(ground, 'sender', load, { ...sender.result, barest }),
      ...compared,
      ...heldAgainst(ground, 'receiver', load, receiver),
      ...besideBarest(ground, 'receiver', load, { ...receiver.result, barest: barestReceiver }),
    ];
  } finally {
    await venue.close();
  }
}

/** The byte passes of sender and receiver can be the same ones. */
const unique = (samples: readonly Sample[]): Sample[] => [...new Map(samples.map((sample) => [sample.name, sample])).values()];

/** A service's rate, 1/s, and what the barest program that does its work came to. */
interface Rates {
  readonly rate: number;
  readonly barest: BarestResult | undefined;
}

/** Nobody said what a receiver must reach of the barest one. */
function besideBarest(ground: Ground, service: ServiceName, load: Load, { rate, barest }: Rates): Aimed[] {
  if (barest === undefined) return [];
  const [name, of] = [loadName(load), BAREST[service]];
  const target = service === 'sender' && isJudged(ground, load) && !isLarge(load) ? atLeast(SENDER_OF_BAREST) : null;
  return [
    { name: `${of}, ${name}`, value: barest.rate, unit: '1/s' },
    { name: `${of} CPU, ${name}`, value: barest.cpuSeconds * 1e6, unit: 'us/message' },
    { name: `${service} beside the ${of}, ${name}`, value: rate, unit: '1/s', aim: { limit: barest.rate, of, target } },
  ];
}

/** What a real broker takes and delivers on as many connections as the sender was last seen to have. */
async function ceilingOf(ground: Ground, { venue }: Stage): Promise<CeilingResult | undefined> {
  const { scope, kind, plan } = ground;
  return kind === 'devbroker' ? undefined : await measureCeiling(scope, venue, connectionsOf(ground), plan.windowMs);
}

const connectionsOf = ({ seen }: Ground): number => Math.max(1, seen.get(CONNECTIONS) ?? 1);

/** The sender's rate at the simplest load beside what others make of the same broker. `before`: what it took before that sender. */
async function compare(ground: Ground, stage: Stage, { rate }: Throughput, before: CeilingResult | undefined): Promise<Aimed[]> {
  const { kind, plan } = ground;
  const { directory, pki, venue } = stage;
  const beside = (of: string, limit: number, target: Aim['target']): Aimed => {
    return { name: `sender beside ${of}`, value: rate, unit: '1/s', aim: { limit, of, target } };
  };
  const after = await ceilingOf(ground, stage);
  const fork = await forkRate(directory, pki, venue.bare(), 2 * plan.limitMs);
  const isForkJudged = kind === 'devbroker' || kind.startsWith('rabbitmq');
  const figures = [
    { name: 'fork-per-message way', value: fork, unit: '1/s' },
    beside('the fork-per-message way', fork, isForkJudged ? atLeast(TIMES_FORK_WAY) : null),
  ];
  if (after === undefined) return figures;
  const taken = ((before ?? after).taken + after.taken) / 2;
  return [
    ...figures,
    { name: 'the broker takes, 5 KB', value: taken, unit: '1/s' },
    { name: 'the broker delivers, 5 KB', value: ((before ?? after).delivered + after.delivered) / 2, unit: '1/s' },
    { name: 'connections of the sender', value: connectionsOf(ground), unit: 'connections' },
    beside('what the broker takes', taken, kind.startsWith('activemq') ? atLeast(SENDER_OF_CEILING) : null),
    ...(kind.startsWith('rabbitmq') ? [beside('40 times the Python SSM', RABBITMQ_RATE, atLeast(1))] : []),
  ];
}

/** What EC keys bring: the sender's rates of one repeat beside each other, judged where EC signatures are the quicker ones. */
export function keysCompared(figures: readonly Aimed[], limits: Limits): Aimed[] {
  const rates = new Map(figures.map(({ name, value }) => [name, value]));
  const target: Aim['target'] = quickerKey(limits) === 'P-256' ? { kind: 'more than', share: 1 } : null;
  return [...rates].flatMap(([name, value]) => {
    const rsa = /^sender, \d+ KB signed, P-256$/.test(name) ? rates.get(name.replace(', P-256', '')) : undefined;
    if (rsa === undefined) return [];
    return [{ name: name.replace('sender', 'sender beside RSA'), value, unit: '1/s', aim: { limit: rsa, of: 'RSA', target } }];
  });
}

/** Signing limits of a repeat: the newest that were measured. */
export async function signingLimits(figures: readonly Aimed[], { directory, plan }: Ground): Promise<Limits> {
  const limits = new Map<string, number>();
  for (const name of Object.values(LIMIT.sign)) {
    const measured = figures.findLast((figure) => figure.name === name)?.value;
    limits.set(name, measured ?? (await limitRate(name, directory, plan.limitMs)));
  }
  return limits;
}
