import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@ssm/test-support';
import { type ConfigFile, type Service, type ServiceName, startService } from '../support/services.js';
import type { Aim, Aimed } from './measurement.js';
import { configOf, prepare, type Stage } from './pair.js';
import { LARGE } from './plan.js';
import { cpuSeconds, peakMemory, residentMemory } from './process-figures.js';

// What services cost that have nothing to do, how soon they are there, and what one large message holds.

const NAMES: readonly ServiceName[] = ['sender', 'receiver'];
const POLL_MS = 5;
const SETTLE_MS = 2000;
const START_MS = 1000;
const IDLE_SHARE = 0.01;
const IDLE_BYTES = 100 * 1024 * 1024;
const TIMES_LARGE = 8;

/** An absolute target. */
export const atMost = (limit: number): { aim: Aim } => ({ aim: { limit, of: 'fixed', target: { kind: 'at most', share: 1 } } });

/** Started, and how long that took until it was ready, ms. The clock begins before the process is made. */
export async function startReady(
  name: ServiceName,
  stage: Stage,
  config: ConfigFile = configOf(name, stage, true),
): Promise<{ service: Service; readyMs: number }> {
  const began = performance.now();
  const service = await startService(stage.scope, name, config, { directory: stage.directory });
  for (;;) {
    const answer = await fetch(`${service.url}/health/ready`).catch(() => undefined);
    if (answer?.ok === true) return { service, readyMs: performance.now() - began };
    if (performance.now() - began > 60_000) throw new Error(`the ${name} is not ready:\n${service.child.output().slice(-2000)}`);
    await sleep(POLL_MS);
  }
}

async function idleFigures({ name, child: { pid } }: Service, idleMs: number): Promise<Aimed[]> {
  const before = cpuSeconds(pid);
  const from = performance.now();
  await sleep(idleMs);
  const after = cpuSeconds(pid);
  const memory = residentMemory(pid);
  if (before === undefined || after === undefined || memory === undefined) return [];
  const share = ((after - before) * 1000) / (performance.now() - from);
  return [
    { name: `${name} idle, CPU`, value: share, unit: 'of a core', ...atMost(IDLE_SHARE) },
    { name: `${name} idle, memory`, value: memory, unit: 'bytes', ...atMost(IDLE_BYTES) },
  ];
}

/** Puts one file of text into outgoing as a dirq writer does: under another name, then renamed. */
function addLarge(outgoing: string, index: number): void {
  const seconds = Math.floor(Date.now() / 1000);
  const directory = path.join(outgoing, (seconds - (seconds % 60)).toString(16).padStart(8, '0'));
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `${seconds.toString(16)}${index.toString(16).padStart(5, '0')}0`);
  const line = `${randomBytes(30).toString('hex')}\n`;
  writeFileSync(`${file}.tmp`, line.repeat(Math.ceil(LARGE / line.length)).slice(0, LARGE));
  renameSync(`${file}.tmp`, file);
}

/** Three messages of 20 MB, signed and encrypted, one after the other; what each service held above its idle memory, in sizes of one. */
async function largeFigures(services: readonly Service[], outgoing: string): Promise<Aimed[]> {
  const receiver = services.find(({ name }) => name === 'receiver');
  const idle = services.map(({ child }) => residentMemory(child.pid));
  for (let index = 0; index < 3; index += 1) {
    addLarge(outgoing, index);
    const stored = async (): Promise<boolean> => ((await receiver?.metric('ssm_messages_total', { result: 'stored' })) ?? 0) > index;
    await eventually(stored, { timeout: 60_000, what: `message ${index + 1} of 20 MB stored` });
  }
  return services.flatMap(({ name, child }, index) => {
    const [before, peak] = [idle[index], peakMemory(child.pid)];
    if (before === undefined || peak === undefined) return [];
    return [{ name: `${name} memory, 20 MB signed+encrypted`, value: (peak - before) / LARGE, unit: 'sizes', ...atMost(TIMES_LARGE) }];
  });
}

/** A sender and a receiver that are started, left alone, and then given large messages. */
export async function measureStill(stage: Stage, idleMs: number): Promise<Aimed[]> {
  prepare(stage);
  const figures: Aimed[] = [];
  const services: Service[] = [];
  for (const name of NAMES) {
    const { service, readyMs } = await startReady(name, stage);
    figures.push({ name: `${name} start to ready`, value: readyMs, unit: 'ms', ...atMost(START_MS) });
    services.push(service);
  }
  await sleep(SETTLE_MS);
  figures.push(...(await Promise.all(services.map((service) => idleFigures(service, idleMs)))).flat());
  figures.push(...(await largeFigures(services, path.join(stage.directory, 'outgoing'))));
  for (const service of services) await service.stop();
  return figures;
}
