/** One pass over a plain directory: oldest first among every 10,000 files, in the order of the directory beyond. */
import type { Stats } from 'node:fs';
import { CLAIMS, type ClaimsDirectory, isOther } from './claims-directory.js';
import { entriesOf } from './entries.js';
import { failedWith, fault, guarded } from './faults.js';
import { type FileCalls, files, type Path } from './files.js';
import { decodeName, fileIn, isUnfinishedName } from './names.js';
import { claimedPath, freeElement, parseClaimed } from './plain-layout.js';
import { QUARANTINE } from './quarantine.js';
import type { Scan } from './spool.js';

const BATCH = 10_000;
/** Files that are looked at together, and names that are given at a time. */
const TOGETHER = 32;
/** Claimed files whose age is looked at. */
const MAXIMUM_LOOKS = 100;
/** A time of change so far in the future was set by a clock that was wrong, and says nothing about now. */
const IMPLAUSIBLE_MS = 3_600_000;

export interface PlainScanOptions {
  readonly root: string;
  /** Default: by threads. */
  readonly calls?: FileCalls;
  readonly claims: Pick<ClaimsDirectory, 'names' | 'time'>;
  readonly stabilityMs: number;
  /** Comes before the first name. */
  readonly prepare: () => Promise<unknown>;
  readonly signal: AbortSignal | undefined;
  /** Default 10,000. */
  readonly batch?: number;
}

interface Candidate {
  readonly name: string;
  readonly mtimeMs: number;
}

/** Has nothing about the file changed for the time of stability? By the inode's time of change, which writers cannot set. `time`: of the file system. */
export function isStable({ ctimeMs }: Pick<Stats, 'ctimeMs'>, time: number, stabilityMs: number): boolean {
  return stabilityMs <= 0 || time - ctimeMs >= stabilityMs || ctimeMs - time > IMPLAUSIBLE_MS;
}

export class PlainScan implements Scan {
  readonly statistics = { available: 0, locked: 0, ignored: 0, oldest: undefined as Date | undefined };
  readonly names: AsyncIterable<readonly string[]>;
  answers = 0;
  readonly #options: PlainScanOptions;

  constructor(options: PlainScanOptions) {
    this.#options = options;
    this.names = this.#run();
  }

  async *#run(): AsyncGenerator<readonly string[], void> {
    const { root, prepare } = this.#options;
    await guarded('scan the queue', root, prepare);
    const free = await guarded('scan the queue', root, () => this.#claimed());
    this.statistics.available += free.length;
    if (free.length > 0) yield free;
    for await (const batch of this.#batches()) {
      const candidates = await guarded('scan the queue', root, () => this.#lookAt(batch));
      const sorted = candidates.toSorted((one, other) => one.mtimeMs - other.mtimeMs);
      for (let start = 0; start < sorted.length; start += TOGETHER) {
        if (this.#aborted) return;
        const some = sorted.slice(start, start + TOGETHER);
        if (some[0] !== undefined) this.#noteAge(some[0].mtimeMs);
        this.statistics.available += some.length;
        yield some.map(({ name }) => name);
      }
    }
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  #noteAge(mtimeMs: number): void {
    const { oldest } = this.statistics;
    if (oldest === undefined || mtimeMs < oldest.getTime()) this.statistics.oldest = new Date(mtimeMs);
  }

  /** Counts what is claimed; resolves to what is free there. */
  async #claimed(): Promise<string[]> {
    const { root, claims } = this.#options;
    const free: string[] = [];
    let looks = 0;
    for (const entry of await claims.names()) {
      this.answers += 1;
      const parsed = parseClaimed(entry);
      if (parsed === undefined) {
        // Of the other layout, of a newer version, or put there by hand: nobody here sends it.
        if (isOther(entry)) this.statistics.ignored += 1;
        continue;
      }
      if (parsed.token === undefined) free.push(freeElement(parsed));
      else this.statistics.locked += 1;
      looks += 1;
      const stats = looks > MAXIMUM_LOOKS ? undefined : await statOf(claimedPath(root, parsed), this.#options.calls);
      if (stats !== undefined) this.#noteAge(stats.mtimeMs);
    }
    return free;
  }

  async *#batches(): AsyncGenerator<string[], void> {
    const { root, batch: size = BATCH } = this.#options;
    let batch: string[] = [];
    try {
      for await (const entries of entriesOf(root, 'latin1')) {
        this.answers += 1;
        if (this.#aborted) return;
        for (const entry of entries) {
          if (entry.isDirectory?.() === true || isUnfinishedName(entry.name)) this.#ignore(entry.name);
          else batch.push(decodeName(entry.name));
          if (batch.length < size) continue;
          yield batch;
          batch = [];
        }
      }
    } catch (error) {
      throw await fault(error, 'scan the queue', root);
    }
    yield batch;
  }

  #ignore(name: string): void {
    if (name !== CLAIMS && name !== QUARANTINE) this.statistics.ignored += 1;
  }

  async #lookAt(batch: readonly string[]): Promise<Candidate[]> {
    const { root, calls } = this.#options;
    const candidates: Candidate[] = [];
    for (let start = 0; start < batch.length && !this.#aborted; start += TOGETHER) {
      const names = batch.slice(start, start + TOGETHER);
      const stats = await Promise.all(names.map((name) => statOf(fileIn(root, name), calls)));
      this.answers += 1;
      for (const [index, name] of names.entries()) this.#sortOut(name, stats[index], candidates);
    }
    return candidates;
  }

  #sortOut(name: string, stats: Stats | undefined, candidates: Candidate[]): void {
    if (stats === undefined) return;
    const { claims, stabilityMs } = this.#options;
    // What is no file is no less an element: its claim ends in the quarantine.
    if (stats.isDirectory() || (stats.isFile() && !isStable(stats, claims.time, stabilityMs))) this.#ignore(name);
    else candidates.push({ name, mtimeMs: stats.mtimeMs });
  }
}

async function statOf(file: Path, calls: FileCalls = files): Promise<Stats | undefined> {
  try {
    return await calls.lstat(file);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}
