import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoPki, Scope } from '@ssm/test-support';
import { type BrokerProcess, startBrokerProcess } from '../support/broker.js';
import { type ConfigFile, type Service, type ServiceName, sampleOf, startService } from '../support/services.js';

// The real services as processes of their own, against the development broker as another one.

export interface Load {
  readonly bytes: number;
  readonly messages: number;
  readonly encrypted: boolean;
}

export interface Throughput {
  /** Messages a second, from the first to the last. */
  readonly rate: number;
  /** Largest resident memory of the process, bytes; undefined where the system does not tell. */
  readonly peakMemory: number | undefined;
}

const POLL_MS = 20;
const TIMEOUT_MS = 120_000;

function fill(outgoing: string, { bytes, messages }: Load): void {
  const started = Math.floor(Date.now() / 60_000) * 60;
  const directory = path.join(outgoing, started.toString(16).padStart(8, '0'));
  mkdirSync(directory, { recursive: true });
  for (let index = 0; index < messages; index += 1) {
    const line = `${randomBytes(30).toString('hex')}\n`;
    const body = line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
    writeFileSync(path.join(directory, `${started.toString(16)}${index.toString(16).padStart(5, '0')}0`), body);
  }
}

function peakMemory(pid: number): number | undefined {
  try {
    const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** Follows one counter of a service from its first step until it has reached `total`. */
async function follow(service: Service, result: string, total: number): Promise<Throughput> {
  const deadline = performance.now() + TIMEOUT_MS;
  let first: { readonly at: number; readonly count: number } | undefined;
  while (performance.now() < deadline) {
    if (service.child.exit !== undefined) throw new Error(`the ${service.name} ended:\n${service.child.output().slice(-2000)}`);
    const answer = await fetch(`${service.url}/metrics`).catch(() => undefined);
    const count = answer === undefined ? 0 : sampleOf(await answer.text(), 'ssm_messages_total', { result });
    const at = performance.now();
    if (count > 0) first ??= { at, count };
    if (first !== undefined && count >= total) {
      if (count === first.count) throw new Error('too few messages to measure');
      return { rate: ((count - first.count) * 1000) / (at - first.at), peakMemory: peakMemory(service.child.pid) };
    }
    await sleep(POLL_MS);
  }
  throw new Error(`the ${service.name} did not get through ${total} messages in ${TIMEOUT_MS / 1000} s`);
}

interface Stage {
  readonly directory: string;
  readonly pki: DemoPki;
  readonly broker: BrokerProcess;
}

function config(name: ServiceName, { directory, pki, broker }: Stage, load: Load): ConfigFile {
  const shared = (who: { certificatePath: string; keyPath: string }): ConfigFile => ({
    broker: { urls: [broker.url], destination: '/queue/bench' },
    identity: { certificate: who.certificatePath, key: who.keyPath },
    trust: { directory: pki.trustDirectory, stability: 0 },
    log: { level: 'warn', format: 'json' },
  });
  if (name === 'sender')
    return {
      ...shared(pki.sites[0]),
      outgoing: { path: path.join(directory, 'outgoing') },
      encryption: load.encrypted ? { recipients: [pki.server.certificatePath] } : {},
    };
  return {
    ...shared(pki.server),
    incoming: { path: path.join(directory, 'incoming') },
    reject: { path: path.join(directory, 'reject') },
    authorisation: { allow: path.join(directory, 'dns') },
  };
}

/** One load through a sender, then through a receiver. */
export async function measurePair(scope: Scope, base: string, pki: DemoPki, load: Load): Promise<Record<ServiceName, Throughput>> {
  const directory = path.join(base, 'pair');
  rmSync(directory, { recursive: true, force: true });
  for (const folder of ['outgoing', 'incoming', 'reject']) mkdirSync(path.join(directory, folder), { recursive: true });
  writeFileSync(path.join(directory, 'dns'), `${pki.sites[0].dn}\n`);
  fill(path.join(directory, 'outgoing'), load);
  const broker = await startBrokerProcess(scope);
  try {
    const one = async (name: ServiceName, result: string): Promise<Throughput> => {
      const service = await startService(scope, name, config(name, { directory, pki, broker }, load), { directory });
      const throughput = await follow(service, result, load.messages);
      await service.stop();
      return throughput;
    };
    const sender = await one('sender', 'sent');
    return { sender, receiver: await one('receiver', 'stored') };
  } finally {
    broker.child.signal('SIGTERM');
    await broker.child.exited;
  }
}
