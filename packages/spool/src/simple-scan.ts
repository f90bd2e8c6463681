/** One pass over a dirq Simple queue: directories in order, elements in order inside one, in 8 bytes of memory for each element of one directory. */
import { promises as fs } from 'node:fs';
import { CLAIMS } from './claims-directory.js';
import { CompactNames } from './compact-names.js';
import { type Entry, entriesOf } from './entries.js';
import { failedWith, fault, guarded } from './faults.js';
import { isDirectoryName, isElementName, numberedDirectory, timeOfElement } from './names.js';
import { isDirectory } from './normal-layout.js';
import { QUARANTINE } from './quarantine.js';
import type { Scan, ScanStatistics } from './spool.js';

/** Elements of a directory that are sorted together, 16 MB; a directory with more is read in batches. */
const BATCH = 2_000_000;
/** Locks of a batch, and locks remembered whose element is in another batch of a huge directory. */
const MAXIMUM_LATE = 10_000;
/** Elements whose name is no time are looked at, at most this many in a pass. */
const MAXIMUM_LOOKS = 100;
/** Names that are given at a time. */
const TOGETHER = 100;
const LOCK = '.lck';

export interface ScanOptions {
  readonly root: string;
  readonly now: Date;
  /** Comes before the first name. */
  readonly prepare: () => Promise<unknown>;
  readonly signal: AbortSignal | undefined;
  /** Called when nothing is left to be read, which may be long before the last name. */
  readonly read?: ((all: ScanStatistics) => void) | undefined;
  /** Default 2,000,000. */
  readonly batch?: number;
}

/** What was read of a directory, until it is sorted. */
interface Batch {
  readonly elements: CompactNames;
  readonly locks: Set<string>;
  /** Nothing comes after it. */
  readonly isLast: boolean;
}

const newBatch = (): Batch => ({ elements: new CompactNames(), locks: new Set(), isLast: false });

export class SimpleScan implements Scan {
  readonly statistics = { available: 0, locked: 0, ignored: 0, oldest: undefined as Date | undefined };
  readonly names: AsyncIterable<readonly string[]>;
  answers = 0;
  readonly #root: string;
  readonly #now: Date;
  readonly #prepare: () => Promise<unknown>;
  readonly #signal: AbortSignal | undefined;
  readonly #read: (all: ScanStatistics) => void;
  readonly #batch: number;
  #looks = 0;
  /** Directories do not say what their entries are. */
  #untyped = false;

  constructor(options: ScanOptions) {
    this.#root = options.root;
    this.#now = options.now;
    this.#prepare = options.prepare;
    this.#signal = options.signal;
    this.#read = options.read ?? (() => undefined);
    this.#batch = options.batch ?? BATCH;
    this.names = this.#run();
  }

  async *#run(): AsyncGenerator<readonly string[], void> {
    const numbers = await guarded('scan the queue', this.#root, () => this.#begin());
    for (const number of numbers) {
      const directory = numberedDirectory(number);
      const late = new Set<string>();
      const before = this.statistics.available;
      let batches = 0;
      for await (const batch of this.#batches(directory, number === numbers.at(-1))) {
        yield* this.#sortedBatch(directory, batch, late);
        batches += 1;
      }
      if (batches > 1) this.#correct(Math.min(late.size, this.statistics.available - before));
      if (this.#signal?.aborted === true) return;
    }
  }

  /** Locks that were found only after their elements had passed for available. */
  #correct(mistaken: number): void {
    this.statistics.available -= mistaken;
    this.statistics.locked += mistaken;
  }

  async #begin(): Promise<Uint32Array> {
    await this.#prepare();
    return await directoriesOf(this.#root, {
      looked: () => {
        this.answers += 1;
      },
      other: (name) => {
        if (name !== CLAIMS && name !== QUARANTINE) this.statistics.ignored += 1;
      },
    });
  }

  /** Names of elements and of their locks. Another process may remove the directory at any time. */
  async *#batches(directory: string, isLast: boolean): AsyncGenerator<Batch, void> {
    let batch = newBatch();
    try {
      for await (const entries of entriesOf(`${this.#root}/${directory}`)) {
        this.answers += 1;
        if (this.#signal?.aborted === true) return;
        for (const entry of entries) {
          this.#sortOut(entry, batch);
          if (batch.elements.length + batch.locks.size < this.#batch && batch.locks.size < MAXIMUM_LATE) continue;
          yield batch;
          batch = newBatch();
        }
      }
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw await fault(error, 'scan the queue', this.#root);
    }
    yield { ...batch, isLast };
  }

  #sortOut(entry: Entry, { elements, locks }: Batch): void {
    const { name } = entry;
    const isLock = name.endsWith(LOCK);
    const element = isLock ? name.slice(0, -LOCK.length) : name;
    if (!isElementName(element) || entry.isDirectory?.() === true) this.statistics.ignored += 1;
    else if (isLock) locks.add(element);
    else elements.add(element);
    if (entry.isDirectory === undefined) this.#untyped = true;
  }

  async *#sortedBatch(directory: string, { elements, locks, isLast }: Batch, late: Set<string>): AsyncGenerator<readonly string[], void> {
    let untold = isLast;
    let some: string[] = [];
    for (const element of elements.sorted()) {
      if (this.#signal?.aborted === true) return;
      this.answers += 1;
      if (this.#untyped && (await isDirectory(`${this.#root}/${directory}/${element}`))) {
        this.statistics.ignored += 1;
        continue;
      }
      this.#noteAge(timeOfElement(element, this.#now) ?? (await this.#modified(`${this.#root}/${directory}/${element}`)));
      if (untold) this.#tell(elements.length, locks.size);
      untold = false;
      if (this.#isFree(element, locks, late)) some.push(`${directory}/${element}`);
      if (some.length < TOGETHER) continue;
      yield some;
      some = [];
    }
    if (some.length > 0) yield some;
    remember(locks, late);
  }

  /** Counts it, too. */
  #isFree(element: string, locks: Set<string>, late: Set<string>): boolean {
    const locked = locks.delete(element) || late.delete(element);
    this.statistics[locked ? 'locked' : 'available'] += 1;
    return !locked;
  }

  /** What the pass will have seen. Of a lock it is not known yet whether its element is there. */
  #tell(elements: number, locks: number): void {
    const { available, locked, ignored, oldest } = this.statistics;
    const underLock = Math.min(locks, elements);
    this.#read({ available: available + elements - underLock, locked: locked + underLock, ignored, oldest });
  }

  /** Of an element, by its name: the time of the file is that of its last lock. */
  #noteAge(time: Date | undefined): void {
    const { oldest } = this.statistics;
    if (time !== undefined && (oldest === undefined || time < oldest)) this.statistics.oldest = time;
  }

  async #modified(file: string): Promise<Date | undefined> {
    if (this.#looks === MAXIMUM_LOOKS) return undefined;
    this.#looks += 1;
    try {
      return (await fs.lstat(file)).mtime;
    } catch {
      return undefined;
    }
  }
}

interface DirectoryEvents {
  /** An entry was looked at. */
  readonly looked: () => void;
  /** One that is no directory of the queue. */
  readonly other: (name: string) => void;
}

/** The numbers that name the directories of the queue, in order: half a million of them are two megabytes. */
export async function directoriesOf(root: string, events?: DirectoryEvents): Promise<Uint32Array> {
  let numbers = new Uint32Array(256);
  let count = 0;
  for await (const entries of entriesOf(root)) {
    for (const entry of entries) {
      const { name } = entry;
      events?.looked();
      // Not through a link: what it leads to is not ours to send and remove.
      if (!isDirectoryName(name) || !(entry.isDirectory?.() ?? (await isDirectory(`${root}/${name}`)))) {
        events?.other(name);
        continue;
      }
      if (count === numbers.length) {
        const larger = new Uint32Array(2 * count);
        larger.set(numbers);
        numbers = larger;
      }
      numbers[count] = Number.parseInt(name, 16);
      count += 1;
    }
  }
  return numbers.subarray(0, count).toSorted();
}

function remember(locks: Iterable<string>, late: Set<string>): void {
  for (const lock of locks) if (late.size < MAXIMUM_LATE) late.add(lock);
}
