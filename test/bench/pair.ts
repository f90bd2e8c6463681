import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoPki, Scope } from '@ssm/test-support';
import { type ConfigFile, type Service, type ServiceName, sampleOf, startService } from '../support/services.js';
import type { Times } from './plan.js';
import { connectionsOf, cpuSeconds, peakMemory } from './process-figures.js';
import { makeSpread } from './spread.js';
import type { Venue } from './venue.js';
import { type Reading, type Window, windowOf } from './window.js';

// The real services as processes of their own, with a broker as another one.

export interface Throughput {
  /** Messages a second, once it runs. */
  readonly rate: number;
  /** Messages done when it was stopped, at least. */
  readonly messages: number;
  /** User and system seconds of the process for one message; undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined;
  /** Largest resident memory of the process until then, bytes. */
  readonly peakMemory: number | undefined;
  /** Connections to the broker. */
  readonly connections: number | undefined;
}

/** Where a pair of services works. */
export interface Stage {
  readonly scope: Scope;
  /** Of this pair alone; emptied first. */
  readonly directory: string;
  readonly pki: DemoPki;
  readonly venue: Venue;
}

/** Seldom, since each answer costs the service some ms, and nobody asks the barest programs. */
const POLL_MS = 1000;
const TIMEOUT_MS = 120_000;

/** So many files of about this many bytes of text, in one directory of a dirq queue; its path. `minutesAgo`: what its name says. */
export function fill(outgoing: string, bytes: number, messages: number, minutesAgo = 0): string {
  const started = (Math.floor(Date.now() / 60_000) - minutesAgo) * 60;
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

function throughputOf({ from, to }: Window, { child: { pid } }: Service, port: number): Throughput {
  const done = to.count - from.count;
  const cpu = from.cpu === undefined || to.cpu === undefined ? undefined : (to.cpu - from.cpu) / done;
  const rate = (done * 1000) / (to.at - from.at);
  return { rate, messages: to.count, cpuSeconds: cpu, peakMemory: peakMemory(pid), connections: connectionsOf(pid, port) };
}

/** How far a service is followed. */
export interface Course extends Times {
  /** Messages that there are. */
  readonly total: number;
  /** It goes on until so many are done. */
  readonly until: number;
}

const RESULT = { sender: 'sent', receiver: 'stored' } as const;

/** Follows a service that has just been started; it is stopped afterwards. */
export async function follow(service: Service, port: number, { total, until, ...times }: Course): Promise<Throughput> {
  const readings: Reading[] = [];
  let throughput: Throughput | undefined;
  for (const began = performance.now(); performance.now() - began < TIMEOUT_MS; await sleep(POLL_MS)) {
    const reading = await readingOf(service, RESULT[service.name]);
    readings.push(reading);
    const window = throughput === undefined ? windowOf(readings, total, times) : undefined;
    if (window !== undefined) throughput = throughputOf(window, service, port);
    if (throughput === undefined || reading.count < Math.min(until, total)) continue;
    await service.stop();
    return { ...throughput, messages: reading.count };
  }
  throw new Error(`the ${service.name} did not get through ${total} messages in ${TIMEOUT_MS / 1000} s`);
}

/** Where a receiver writes. Durable adds are measured in the same directory: what a file costs can depend on where it is. */
export const storeOf = (directory: string): string => path.join(directory, 'store');

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
    incoming: { path: path.join(storeOf(directory), 'incoming') },
    reject: { path: path.join(storeOf(directory), 'reject') },
    authorisation: { allow: path.join(directory, 'dns') },
  };
}

/** Empty volumes, and an allow list, in a directory that is new: what was removed a moment ago makes some file systems slow for minutes. */
export function prepare({ directory, pki }: Pick<Stage, 'directory' | 'pki'>): void {
  makeSpread(directory);
  mkdirSync(path.join(directory, 'outgoing'), { recursive: true });
  for (const folder of ['incoming', 'reject']) mkdirSync(path.join(storeOf(directory), folder), { recursive: true });
  writeFileSync(path.join(directory, 'dns'), `${pki.sites[0].dn}\n`);
}

/** A service of the stage, started and followed. */
export async function measureService(name: ServiceName, stage: Stage, encrypted: boolean, course: Course): Promise<Throughput> {
  const service = await startService(stage.scope, name, configOf(name, stage, encrypted), { directory: stage.directory });
  return await follow(service, stage.venue.port, course);
}
