import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoPki, Scope } from '@ssm/test-support';
import { type ConfigFile, type Service, type ServiceName, sampleOf, startService } from '../support/services.js';
import type { Load } from './plan.js';
import { cpuSeconds, peakMemory } from './process-figures.js';
import type { Venue } from './venue.js';
import { type Reading, type Window, windowOf } from './window.js';

// The real services as processes of their own, with a broker as another one.

export interface Throughput {
  /** Messages a second, once it runs. */
  readonly rate: number;
  /** Messages so far, at the end of the measurement. */
  readonly messages: number;
  /** User and system seconds of the process for one message; undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined;
  /** Largest resident memory of the process, bytes. */
  readonly peakMemory: number | undefined;
}

/** Where a pair of services works. */
export interface Stage {
  readonly scope: Scope;
  /** Of this pair alone; emptied first. */
  readonly directory: string;
  readonly pki: DemoPki;
  readonly venue: Venue;
}

/** Seldom, since each answer costs the service about as much as a message does. */
const POLL_MS = 100;
const TIMEOUT_MS = 120_000;

/** So many files of about this many bytes of text, in one directory of a dirq queue; its path. */
export function fill(outgoing: string, bytes: number, messages: number): string {
  const started = Math.floor(Date.now() / 60_000) * 60;
  const directory = path.join(outgoing, started.toString(16).padStart(8, '0'));
  mkdirSync(directory, { recursive: true });
  for (let index = 0; index < messages; index += 1) {
    const line = `${randomBytes(30).toString('hex')}\n`;
    const body = line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
    writeFileSync(path.join(directory, `${started.toString(16)}${index.toString(16).padStart(5, '0')}0`), body);
  }
  return directory;
}

async function readingOf(service: Service, result: string): Promise<Reading> {
  if (service.child.exit !== undefined) throw new Error(`the ${service.name} ended:\n${service.child.output().slice(-2000)}`);
  const answer = await fetch(`${service.url}/metrics`).catch(() => undefined);
  const count = answer === undefined ? 0 : sampleOf(await answer.text(), 'ssm_messages_total', { result });
  return { at: performance.now(), count, cpu: cpuSeconds(service.child.pid) };
}

function throughputOf({ from, to }: Window, pid: number): Throughput {
  const done = to.count - from.count;
  const cpu = from.cpu === undefined || to.cpu === undefined ? undefined : (to.cpu - from.cpu) / done;
  return { rate: (done * 1000) / (to.at - from.at), messages: to.count, cpuSeconds: cpu, peakMemory: peakMemory(pid) };
}

/** Follows one counter of a service for `windowMs`, or until it has reached `total`. */
async function follow(service: Service, result: string, total: number, windowMs: number): Promise<Throughput> {
  const readings: Reading[] = [];
  for (const began = performance.now(); performance.now() - began < TIMEOUT_MS; await sleep(POLL_MS)) {
    readings.push(await readingOf(service, result));
    const window = windowOf(readings, total, windowMs);
    if (window !== undefined) return throughputOf(window, service.child.pid);
  }
  throw new Error(`the ${service.name} did not get through ${total} messages in ${TIMEOUT_MS / 1000} s`);
}

/** The configuration of a service that sends from, or stores to, the stage. */
export function configOf(name: ServiceName, { directory, pki, venue }: Stage, encrypted: boolean): ConfigFile {
  const shared = (who: { certificatePath: string; keyPath: string }): ConfigFile => ({
    broker: venue.settings,
    identity: { certificate: who.certificatePath, key: who.keyPath },
    trust: { directory: pki.trustDirectory, stability: 0 },
    log: { level: 'warn', format: 'json' },
  });
  if (name === 'sender')
    return {
      ...shared(pki.sites[0]),
      outgoing: { path: path.join(directory, 'outgoing') },
      encryption: encrypted ? { recipients: [pki.server.certificatePath] } : {},
    };
  return {
    ...shared(pki.server),
    incoming: { path: path.join(directory, 'incoming') },
    reject: { path: path.join(directory, 'reject') },
    authorisation: { allow: path.join(directory, 'dns') },
  };
}

/** Empty volumes, and an allow list, in a directory that is new: what was removed a moment ago makes some file systems slow for minutes. */
export function prepare({ directory, pki }: Stage): void {
  for (const folder of ['outgoing', 'incoming', 'reject']) mkdirSync(path.join(directory, folder), { recursive: true });
  writeFileSync(path.join(directory, 'dns'), `${pki.sites[0].dn}\n`);
}

/** One load of so many messages through a sender, then through a receiver. */
export async function measurePair(stage: Stage, load: Load, messages: number, windowMs: number): Promise<Record<ServiceName, Throughput>> {
  prepare(stage);
  const { scope, directory } = stage;
  fill(path.join(directory, 'outgoing'), load.bytes, messages);
  const one = async (name: ServiceName, result: string, total: number): Promise<Throughput> => {
    const service = await startService(scope, name, configOf(name, stage, load.encrypted), { directory });
    const throughput = await follow(service, result, total, windowMs);
    await service.stop();
    return throughput;
  };
  const sender = await one('sender', 'sent', messages);
  return { sender, receiver: await one('receiver', 'stored', sender.messages) };
}
