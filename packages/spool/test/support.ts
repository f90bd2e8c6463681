import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { SpoolError, type SpoolErrorCode } from '../src/errors.js';
import type { Claim, OutgoingQueue, QueueRecord, Scan, StagingQueue } from '../src/spool.js';
import { Pace, type VolumeCalls, volumeCalls } from '../src/volume-calls.js';

/** Asserts that the promise rejects with a SpoolError of this code; resolves to it. */
export async function rejectsWith(promise: Promise<unknown>, code: SpoolErrorCode): Promise<SpoolError> {
  let caught: unknown;
  await assert.rejects(promise, (error) => {
    caught = error;
    return true;
  });
  assert.ok(caught instanceof SpoolError, `not a SpoolError: ${String(caught)}`);
  assert.equal(caught.code, code, caught.message);
  return caught;
}

/** Calls that are made by threads, whatever the file system: those that can be mocked. */
export function threaded(root: string): VolumeCalls {
  const pace = new Pace();
  pace.found = () => undefined;
  return volumeCalls(root, pace);
}

const TMPFS = 0x0102_1994;

/** Calls as on a local file system, whatever it is. */
export function direct(root: string): VolumeCalls {
  const pace = new Pace();
  pace.found(TMPFS);
  pace.found = () => undefined;
  return volumeCalls(root, pace);
}

/** Puts an element into the queue; resolves to its name. */
export async function addTo(queue: StagingQueue, record: QueueRecord): Promise<string> {
  const staged = await queue.stage(record);
  const { name } = await queue.commit(staged.path);
  assert.ok(name !== undefined, `somebody else stored ${staged.path}`);
  return name;
}

/** Every name of a pass. */
export async function namesOf(scan: Scan): Promise<string[]> {
  const names: string[] = [];
  for await (const name of eachName(scan)) names.push(name);
  return names;
}

/** One name of a pass after the other. */
export async function* eachName(scan: Pick<Scan, 'names'>): AsyncGenerator<string, void, undefined> {
  for await (const some of scan.names) yield* some;
}

export async function claimed(queue: OutgoingQueue, name: string): Promise<Claim> {
  const claim = await queue.claim(name);
  assert.ok(claim !== undefined, `${name} could not be claimed`);
  return claim;
}

/** Claims what the queue gives first. */
export async function claimFirst(queue: OutgoingQueue): Promise<Claim> {
  const [name] = await namesOf(queue.scan());
  assert.ok(name !== undefined, 'the queue is empty');
  return await claimed(queue, name);
}

/** Paths of all files below a directory, relative, sorted, without the empty ones that a purge sets by; of a missing directory none. */
export function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .filter((file) => !/(?:^|\/)\.claimed\/spare~\d$/.test(file))
    .toSorted();
}

export function text(body: Uint8Array | undefined): string {
  return Buffer.from(body ?? []).toString('latin1');
}

/** A clock that moves only when it is told to. */
export class Clock {
  #time: number;

  constructor(time = Date.now()) {
    this.#time = time;
  }

  readonly now = (): Date => new Date(this.#time);

  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
