/** A dirq Simple queue (one file an element, hard link `.lck` a lock), read by a sender. */
import { promises as fs } from 'node:fs';
import { entriesOf } from './entries.js';
import { SpoolError } from './errors.js';
import { failedWith, fault, guarded, whoAndWhere } from './faults.js';
import { type FileCalls, files } from './files.js';
import { removeIfEmpty, unlinkIfThere } from './moves.js';
import { isElementName, NameSource, numberedDirectory, splitElementName } from './names.js';
import type { Checkpoint, OutgoingOptions } from './options.js';
import { outgoingParts, startParts } from './outgoing.js';
import { stateOf } from './reading.js';
import { SimpleClaim, type SimpleLock } from './simple-claim.js';
import { recoverGone } from './simple-gone.js';
import { Journal } from './simple-journal.js';
import type { LeftLock, SimpleParts } from './simple-parts.js';
import { directoriesOf, type ScanOptions, SimpleScan } from './simple-scan.js';
import type { Claim, OutgoingQueue, PurgeStatistics, Scan, ScanStatistics } from './spool.js';

const TEMPORARY_AGE_MS = 300_000;
/** Elements that are looked at before it is believed that we may lock here. */
const MAXIMUM_PROBED = 10;
/** Entries that are read for that: any will do, and a huge directory need not be read twice before the first message. */
const PROBED_BATCH = 1000;
/** Locks that are tried again; others are freed by their age. */
const MAXIMUM_LEFT = 10_000;

export class SimpleQueue implements OutgoingQueue {
  readonly path: string;
  readonly #parts: SimpleParts;
  readonly #journal: Journal;
  /** By name: locks that were left since they seemed too old. */
  readonly #left = new Map<string, LeftLock>();

  constructor(options: OutgoingOptions, checkpoint?: Checkpoint) {
    this.path = options.path;
    const parts = outgoingParts(options, checkpoint);
    this.#journal = new Journal(parts.claims, options.path);
    this.#parts = {
      ...parts,
      names: new NameSource(parts.now, options.random ?? Math.random),
      note: (name, ...times) => this.#journal.note(name, ...times),
      noteGone: (name) => this.#journal.noteGone(name),
      noteEnd: (name) => this.#journal.noteEnd(name),
      left: (name, lock) => {
        if (this.#left.size < MAXIMUM_LEFT) this.#left.set(name, lock);
      },
    };
  }

  async start(): Promise<{ readonly freed: number }> {
    return await guarded('prepare the queue', this.path, async () => {
      await startParts(this.#parts, () => this.#journal.lines());
      const freed = await this.#journal.freeOthers();
      await this.#probe();
      await this.#probeElements();
      await this.#parts.claims.keepSpares();
      return { freed };
    });
  }

  async close(): Promise<void> {
    await this.#parts.claims.close(!this.#journal.isEmpty);
  }

  /** What a claim does, with a file of our own: does this file system have hard links? */
  async #probe(): Promise<void> {
    const file = await this.#parts.claims.probe();
    try {
      await files.link(file, `${file}.lck`);
      await files.lutimes(`${file}.lck`, this.#parts.now(), this.#parts.now());
    } finally {
      await Promise.all([file, `${file}.lck`].map((one) => unlinkIfThere(one)));
    }
  }

  /** With files of the writer it may be different: fs.protected_hardlinks lets us link only what is ours or what we may write. */
  async #probeElements(): Promise<void> {
    const failures: unknown[] = [];
    for await (const name of this.#firstNames()) {
      try {
        await fs.access(`${this.path}/${splitElementName(name).directory}`, fs.constants.W_OK | fs.constants.X_OK);
        if (await this.#probeElement(`${this.path}/${name}`)) return;
      } catch (error) {
        if (!failedWith(error, 'ENOENT')) failures.push(error);
      }
    }
    // One that we may lock is enough: a single file of somebody else's must not stop all others.
    if (failures.length > 0) throw failures[0];
  }

  /** Whatever directory they are in. */
  async *#firstNames(): AsyncGenerator<string, void> {
    let count = 0;
    for await (const names of this.#scan({ signal: undefined, batch: PROBED_BATCH }).names)
      for (const name of names) {
        if (count === MAXIMUM_PROBED) return;
        count += 1;
        yield name;
      }
  }

  /** False when the file tells nothing: it is gone, or no regular file. */
  async #probeElement(file: string): Promise<boolean> {
    const second = this.#parts.claims.temporary();
    try {
      if (!(await files.lstat(file)).isFile()) return false;
      await files.link(file, second);
      return true;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw failedWith(error, 'EPERM') ? await notLinkable(file, error) : error;
    } finally {
      await unlinkIfThere(second);
    }
  }

  scan(signal?: AbortSignal, read?: (all: ScanStatistics) => void): Scan {
    return this.#scan({ signal, read });
  }

  #scan(options: Pick<ScanOptions, 'signal' | 'read' | 'batch'>): Scan {
    return new SimpleScan({
      root: this.path,
      now: this.#parts.now(),
      // A predecessor that cannot be looked at is watched from one pass to the next.
      prepare: async () => {
        await this.#journal.freeOthers();
        await this.#unlockLeft();
      },
      ...options,
    });
  }

  /** One that cannot be removed must not hold up the scan: its age frees it. */
  async #unlockLeft(): Promise<void> {
    for (const [name, lock] of Array.from(this.#left)) {
      const isDone = await lock.unlockAfterAll().catch(() => true);
      if (isDone && this.#left.get(name) === lock) this.#left.delete(name);
    }
  }

  async claim(name: string): Promise<Claim | undefined> {
    splitElementName(name);
    try {
      const stats = await this.#parts.calls.lstatExact(`${this.path}/${name}`);
      if (stats.isDirectory()) return undefined;
      const element = { name, size: Number(stats.size), modified: stats.mtime, regular: stats.isFile(), before: stateOf(stats) };
      const now = this.#parts.now();
      const locked = await this.#lockNoted(element, now);
      this.#left.delete(name);
      return new SimpleClaim(this.#parts, { ...element, locked, touchedMs: now.getTime() });
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'EEXIST')) return undefined;
      throw await fault(error, 'claim an element', this.path);
    }
  }

  /** Noted first, with the times that the lock may have: so there is no moment in which we could die and leave a lock that nobody knows. */
  async #lockNoted({ name, regular, before }: Omit<SimpleLock, 'locked' | 'touchedMs'>, now: Date): Promise<boolean> {
    await this.#journal.note(name, Number(before.mtimeNs) / 1e6, now.getTime());
    let locked = false;
    try {
      locked = await this.#lock(`${this.path}/${name}`, regular, now);
    } finally {
      if (!locked) await this.#journal.noteEnd(name);
    }
    return locked;
  }

  /** False: it is no regular file, and we may not link it. ENOENT and EEXIST: it is gone, or somebody's. */
  async #lock(file: string, regular: boolean, now: Date): Promise<boolean> {
    const { calls, checkpoint } = this.#parts;
    try {
      await calls.link(file, `${file}.lck`);
    } catch (error) {
      if (!failedWith(error, 'EPERM')) throw error;
      if (regular) throw await notLinkable(file, error);
      return false;
    }
    await checkpoint('locked');
    try {
      // The time of the lock is what others judge it by. The name is touched, not the lock: when it is gone the element was sent by another.
      await setTimes(file, now, calls);
    } catch (error) {
      await unlinkIfThere(`${file}.lck`, calls);
      throw error;
    }
    return true;
  }

  async purge(): Promise<PurgeStatistics> {
    return await guarded('purge the queue', this.path, async () => {
      const { claims, quarantine, now } = this.#parts;
      await claims.requireThere();
      await claims.measureClock();
      const total = { temporary: 0, locks: await this.#journal.freeOthers(), directories: 0 };
      const numbers = await directoriesOf(this.path);
      for (const number of numbers) {
        const directory = `${this.path}/${numberedDirectory(number)}`;
        const purged = await claims.exclusively(() => this.#purgeDirectory(directory));
        if (purged === undefined) break;
        total.temporary += purged.temporary;
        total.locks += purged.locks;
        if (purged.empty && number !== numbers.at(-1) && (await removeIfEmpty(directory))) total.directories += 1;
      }
      await recoverGone(this.#parts);
      await claims.tidy();
      await quarantine.recover(claims.time);
      await quarantine.tidy(now());
      await claims.keepSpares();
      return total;
    });
  }

  async #purgeDirectory(directory: string): Promise<{ temporary: number; locks: number; empty: boolean }> {
    const { claims } = this.#parts;
    const found = { temporary: 0, locks: 0, empty: true };
    try {
      for await (const entries of entriesOf(directory)) {
        found.empty = false;
        for (const { name } of entries) {
          if (!isElementName(name.slice(0, -4))) continue;
          const file = `${directory}/${name}`;
          if (name.endsWith('.tmp') && (await claims.removeIfOlder(file, TEMPORARY_AGE_MS))) found.temporary += 1;
          if (name.endsWith('.lck') && (await claims.removeIfOlder(file, claims.lockAgeMs))) found.locks += 1;
        }
      }
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
    return found;
  }

  async quarantineDepth(): Promise<number> {
    return await guarded('count the quarantine', this.path, () => this.#parts.quarantine.depth());
  }
}

async function notLinkable(file: string, cause: unknown): Promise<SpoolError> {
  const who = await whoAndWhere(file);
  return new SpoolError(
    'permission-denied',
    `cannot lock ${file}: with fs.protected_hardlinks a file must be ours, or readable and writable for us (${who})`,
    { cause, path: file },
  );
}

/** Another user's file keeps its times. */
async function setTimes(file: string, time: Date, calls: FileCalls): Promise<void> {
  try {
    await calls.lutimes(file, time, time);
  } catch (error) {
    if (!failedWith(error, 'EPERM')) throw error;
    await calls.lstat(file);
  }
}
