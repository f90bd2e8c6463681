import { linkSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDeliveryRecord } from '@ssm/spool';
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

/** So many ids remembered as delivered and acknowledged, by the receiver's own library. */
export async function remember(record: string, ids: number): Promise<void> {
  const delivered = createDeliveryRecord({ path: record });
  await delivered.start();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < ids) {
      const id = `remembered-${next}`;
      const name = `${Math.floor(Date.now() / 1000).toString(16)}${(next % 0xfffff).toString(16).padStart(5, '0')}0`;
      next += 1;
      await delivered.claim(id, `.staging/bench/${name}`);
      await delivered.confirm(id);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
}
