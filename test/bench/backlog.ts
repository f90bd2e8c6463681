import { linkSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDeliveryRecord, type DeliveryRecord } from '@ssm/spool';
import { rateOf } from './limits.js';
import { fill } from './pair.js';

// Queues and records that have grown: what the part "growth" measures beside small ones.

const BYTES = 1024;
export const IN_A_DIRECTORY = 1000;
/** ext4 knows at most 65,000 names of a file. */
const NAMES_OF_A_FILE = 30_000;
const TOGETHER = 32;
const LOOK_MS = 100;
/** A minute of dirq names for each directory; a month ago at first, so that none is as young as what comes now. */
const FIRST_MINUTES_AGO = 60 * 24 * 30;

/** Files waiting in outgoing, 1,000 in a directory, oldest first. */
export class Waiting {
  readonly #outgoing: string;
  #files = 0;
  #directories = 0;

  constructor(outgoing: string) {
    this.#outgoing = outgoing;
  }

  get files(): number {
    return this.#files;
  }

  /** Adds directories until there are so many files at least. */
  fillTo(files: number): void {
    while (this.#files < files) {
      this.#directories += 1;
      fill(this.#outgoing, BYTES, IN_A_DIRECTORY, FIRST_MINUTES_AGO - this.#directories);
      this.#files += IN_A_DIRECTORY;
    }
  }

  sent(files: number): void {
    this.#files -= files;
  }
}

/** Files that wait for a sender: elements, without their locks. */
function waitingIn(outgoing: string): number {
  const directories = readdirSync(outgoing).filter((name) => /^[\da-f]{8}$/.test(name));
  return directories.reduce((sum, name) => sum + elementsIn(path.join(outgoing, name)), 0);
}

function elementsIn(directory: string): number {
  try {
    return readdirSync(directory).filter((name) => /^[\da-f]{14}$/.test(name)).length;
  } catch {
    // The sender removes what is empty.
    return 0;
  }
}

/**
 * Keeps about 1,000 files in outgoing: puts the next directory of `reserve` there, by one rename, whenever fewer are left, until there is none
 * or the signal aborts.
 */
export async function keepSmall(outgoing: string, reserve: string, signal: AbortSignal): Promise<void> {
  for (const name of readdirSync(reserve).toSorted()) {
    while (!signal.aborted && waitingIn(outgoing) >= IN_A_DIRECTORY) await sleep(LOOK_MS);
    if (signal.aborted) return;
    renameSync(path.join(reserve, name), path.join(outgoing, name));
  }
}

/** So many elements in incoming that no loader has taken: real ones, whose files are further names of a few. */
export function addUnread(incoming: string, elements: number): void {
  const source = path.join(incoming, '..', 'source');
  mkdirSync(source, { recursive: true });
  const files = { body: 'x'.repeat(BYTES), signer: '/C=UK/O=eScience/CN=host.example.org', empaid: '00000000/00000000000000' };
  const began = Math.floor(Date.now() / 60_000) * 60 - FIRST_MINUTES_AGO * 60;
  for (let index = 0; index < elements; index += 1) {
    const seconds = began + Math.floor(index / IN_A_DIRECTORY) * 60;
    const directory = path.join(incoming, seconds.toString(16).padStart(8, '0'));
    if (index % IN_A_DIRECTORY === 0) mkdirSync(directory);
    const element = path.join(directory, `${seconds.toString(16)}${(index % IN_A_DIRECTORY).toString(16).padStart(5, '0')}0`);
    mkdirSync(element);
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(source, `${name}-${Math.floor(index / NAMES_OF_A_FILE)}`);
      if (index % NAMES_OF_A_FILE === 0) writeFileSync(file, text);
      linkSync(file, path.join(element, name));
    }
  }
}

/** A name for an element that is staged now. */
const stagedNow = (instance: string, index: number): string =>
  `.staging/${instance}/${Math.floor(Date.now() / 1000).toString(16)}${(index % 0xfffff).toString(16).padStart(5, '0')}0`;

async function recordAt(directory: string): Promise<DeliveryRecord> {
  const record = createDeliveryRecord({ path: directory });
  await record.start();
  return record;
}

/** So many ids remembered as delivered and acknowledged, by the receiver's own library. */
export async function remember(directory: string, ids: number): Promise<void> {
  const record = await recordAt(directory);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < ids) {
      const index = next;
      next += 1;
      await record.claim(`remembered-${index}`, stagedNow('first', index));
      await record.confirm(`remembered-${index}`);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
}

/** How many of these ids a second are found to be remembered, as a receiver finds out that a message came before. Throws when one is not. */
export async function lookUpRate(directory: string, ids: number, milliseconds: number): Promise<number> {
  const record = await recordAt(directory);
  // Far from each other, as those that come back are.
  const step = Math.max(1, Math.floor(ids / 997));
  let index = 0;
  const lookUp = async (): Promise<void> => {
    index += 1;
    const id = `remembered-${(index * step) % ids}`;
    const { outcome } = await record.claim(id, stagedNow('again', index));
    if (outcome !== 'theirs') throw new Error(`the delivery record forgot ${id}`);
  };
  return rateOf(lookUp, TOGETHER, milliseconds);
}
