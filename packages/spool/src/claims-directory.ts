/** `.claimed/` in the root of an outgoing queue: who claims there, and the freeing of what dead processes claimed. Both layouts. */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { clockSkew } from './clock-skew.js';
import { makeOwnDirectory, syncDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, unlessFull } from './faults.js';
import { type FileCalls, files } from './files.js';
import { inodeOf, moveUnlessTaken, renameIfThere, unlinkIfThere } from './moves.js';
import type { OutgoingOptions } from './options.js';
import { DRAFT, type ForeignOwner, foreignOwner, HEARTBEAT_MS, liveness, OWNER, Owner, readJournal, readOwner } from './owner.js';

export const CLAIMS = '.claimed';
const PROBE = 'probe~';
const MUTEX = 'freeing';
/** Empty files, each with an inode: whoever starts on a volume that has none left removes them. It needs two, and others may be quicker. */
const SPARES = ['spare~1', 'spare~2', 'spare~3', 'spare~4'];
/** An owner of our name that nobody can look at (another container or machine) is dead when it was silent for this time while we watched. */
const SILENCE_MS = 6 * HEARTBEAT_MS;
/** Somebody who holds the mutex for longer, and of whom nobody can tell whether he lives, died with it. It is held for a purge at most. */
const MUTEX_AGE_MS = 600_000;
/** Temporary names of ours that a crash left. */
const LEFTOVER_AGE_MS = 600_000;
const IMPLAUSIBLE_MS = 3_600_000;
const DEFAULT_LOCK_AGE_MS = 600_000;

/** Is it none of the files that say who claims, are gone in a moment, or keep inodes? `name`: of an entry of the directory. */
export function isOther(name: string): boolean {
  return name !== MUTEX && !name.startsWith(PROBE) && !name.startsWith(OWNER) && !SPARES.includes(name);
}

/** Frees what one owner claimed; resolves to the number. */
export type Free = (token: string, lines: readonly string[]) => Promise<number>;

interface Watched {
  readonly changed: number;
  readonly since: number;
}

export class ClaimsDirectory {
  readonly path: string;
  readonly lockAgeMs: number;
  readonly #options: OutgoingOptions;
  readonly #calls: FileCalls;
  readonly #now: () => Date;
  readonly #watched = new Map<string, Watched>();
  #owner: Owner | undefined;
  /** Of the directory: below the mount point of the volume there may be one, too. The number of a device may be another after a mount. */
  #inode: bigint | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Clock of the file system minus ours, ms: ages are those that a file server sees. */
  #skew = 0;

  constructor(options: OutgoingOptions, calls: FileCalls = files) {
    this.#options = options;
    this.#calls = calls;
    this.path = path.join(options.path, CLAIMS);
    this.lockAgeMs = options.lockAgeMs ?? DEFAULT_LOCK_AGE_MS;
    this.#now = options.now ?? (() => new Date());
  }

  /** Makes the directory, measures the clock, and begins to say that we live. `held` gives the journal lines of what is claimed. */
  async open(held: () => Iterable<string>): Promise<void> {
    if (await makeOwnDirectory(this.path, this.#options.modes ?? {})) await syncDirectory(this.#options.path);
    this.#inode = await inodeOf(this.path);
    await this.measureClock();
    this.#owner ??= await Owner.open(this.path, this.#options.instance, held, { modes: this.#options.modes, calls: this.#calls });
    // unref: the heartbeat must not keep the process up.
    const beat = (): void => void this.#owner?.beat(this.#now()).catch(() => undefined);
    this.#heartbeat ??= setInterval(beat, Math.min(HEARTBEAT_MS, this.lockAgeMs / 4)).unref();
  }

  /** `holding`: are there claims that were neither removed nor released? */
  async close(holding: boolean): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    await this.#owner?.close(holding);
    this.#owner = undefined;
  }

  get isOpen(): boolean {
    return this.#owner !== undefined;
  }

  /** In the name or the journal of every claim of ours. */
  get owner(): Owner {
    if (this.#owner === undefined) throw new Error('start() comes before everything else');
    return this.#owner;
  }

  /** Milliseconds, by the clock of the file system. */
  get time(): number {
    return this.#now().getTime() + this.#skew;
  }

  #count = 0;

  /** Part of a file name that nobody else uses. */
  unique(): string {
    this.#count += 1;
    return `${this.owner.token}-${this.#count}`;
  }

  /** A fresh name below the directory for something short-lived. */
  temporary(): string {
    return path.join(this.path, `${PROBE}${this.unique()}`);
  }

  #probePath(): string {
    return path.join(this.path, `${PROBE}${randomUUID()}`);
  }

  /** An empty file: there is room for one even on a full disk. The caller removes it. */
  async probe(): Promise<string> {
    const probe = this.#probePath();
    await fs.writeFile(probe, '', { flag: 'wx' });
    return probe;
  }

  /** Again from time to time: clocks drift. */
  async measureClock(): Promise<void> {
    this.#skew = await clockSkew(this.#probePath(), this.#now);
  }

  /**
   * Frees the claims of dead owners: of our instance name as soon as they are certainly dead or were silent while we watched, of any name
   * after the lock age. Cheap when there is no other owner. Resolves to the number of claims freed.
   */
  async freeOthers(free: Free): Promise<number> {
    const others = await this.#others();
    for (const file of this.#watched.keys()) if (!others.some((one) => one.file === file)) this.#watched.delete(file);
    let count = 0;
    for (const other of others) count += await this.#freeOther(other, free);
    return count;
  }

  async #freeOther(other: ForeignOwner, free: Free): Promise<number> {
    try {
      // #freeIfDead() looks again, alone: another process may have freed the claims meanwhile, and a third have claimed what they held.
      return (await this.#isDead(other)) ? ((await this.exclusively(() => this.#freeIfDead(other, free))) ?? 0) : 0;
    } catch (error) {
      // What is another user's must not hold up the scan: it is left to whoever may free it.
      if (failedWith(error, 'EPERM', 'EACCES')) return 0;
      throw error;
    }
  }

  async #others(): Promise<ForeignOwner[]> {
    const names = await this.names();
    return names
      .flatMap((name) => foreignOwner(this.path, name, this.#options.instance) ?? [])
      .filter((one) => one.token !== this.owner.token);
  }

  /** Of all owners, ours too. */
  async tokens(): Promise<string[]> {
    return (await this.names()).flatMap((name) => foreignOwner(this.path, name, this.#options.instance)?.token ?? []);
  }

  async #freeIfDead(other: ForeignOwner, free: Free): Promise<number> {
    if (!(await this.#isDead(other))) return 0;
    const count = await free(other.token, await readJournal(other.file));
    await unlinkIfThere(other.file).catch((error: unknown) => {
      // Another user's, in a sticky directory, or a directory: it stays, and nothing more depends on it.
      if (!failedWith(error, 'EPERM', 'EACCES', 'EISDIR')) throw error;
    });
    return count;
  }

  /** False when its file is gone: then there is nothing left to free. */
  async #isDead({ file, sameInstance }: ForeignOwner): Promise<boolean> {
    try {
      const { ctimeMs: changed } = await fs.lstat(file);
      if (this.time - changed > this.lockAgeMs) return true;
      // Its clock, or that of the volume, was ahead when it died: the time says nothing, so it is watched.
      if (!sameInstance) return changed > this.time + IMPLAUSIBLE_MS && this.#isSilent(file, changed, this.lockAgeMs);
      const { identity, closed } = await readOwner(file);
      const state = closed ? 'dead' : await liveness(identity);
      return state === 'dead' || (state === 'unknown' && this.#isSilent(file, changed, SILENCE_MS));
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw error;
    }
  }

  /** Compares what we see with what we saw: other machines' clocks do not matter. */
  #isSilent(file: string, changed: number, limitMs: number): boolean {
    const seen = this.#watched.get(file);
    if (seen?.changed === changed) return performance.now() - seen.since > limitMs;
    this.#watched.set(file, { changed, since: performance.now() });
    return false;
  }

  /** Names in the directory. It holds one entry a claim. */
  async names(): Promise<string[]> {
    try {
      return await fs.readdir(this.path, { encoding: 'latin1' });
    } catch (error) {
      throw failedWith(error, 'ENOENT') ? this.#gone(error) : error;
    }
  }

  /** Rejects with SpoolError `path-missing`. What is not found below it says nothing then: the volume is away. */
  async requireThere(): Promise<void> {
    if ((await inodeOf(this.path)) !== this.#inode) throw this.#gone(undefined);
  }

  #gone(cause: unknown): SpoolError {
    const why = 'the volume is not mounted, or it is another one than at the start: mount the right one, or start again on this one';
    return new SpoolError('path-missing', `${this.path} is gone: ${why}`, { cause, path: this.path });
  }

  /** Was the entry last touched longer ago than this? Missing: no. */
  async isOlder(file: string | Buffer, ageMs: number): Promise<boolean> {
    try {
      const { mtimeMs, ctimeMs } = await fs.lstat(file);
      // A writer may set any time; one that has not come yet says nothing.
      return this.time - (mtimeMs > this.time + IMPLAUSIBLE_MS ? ctimeMs : Math.max(mtimeMs, ctimeMs)) > ageMs;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw error;
    }
  }

  /** Says whether it did. */
  async removeIfOlder(file: string, ageMs: number): Promise<boolean> {
    return (await this.isOlder(file, ageMs)) && (await unlinkIfThere(file));
  }

  /**
   * Runs the work unless another process frees locks at the moment (then: undefined). Without it one of two could take the fresh lock of a
   * third for the old one that it looked at.
   */
  async exclusively<T>(work: () => Promise<T>): Promise<T | undefined> {
    const mutex = path.join(this.path, MUTEX);
    await this.#removeAbandoned(mutex);
    if (!(await this.#take(mutex))) return undefined;
    try {
      return await work();
    } finally {
      await unlinkIfThere(mutex);
    }
  }

  /** As a second name of our owner file, which says who we are: so our successor need not wait when we die with it. */
  async #take(mutex: string): Promise<boolean> {
    try {
      await fs.link(this.owner.file, mutex);
      return true;
    } catch (error) {
      if (failedWith(error, 'EEXIST')) return false;
      // Taken for dead, so that the file is gone; or a file system without hard links. An empty file has room even on a full disk.
      if (failedWith(error, 'ENOENT', 'EPERM', 'ENOTSUP', 'EMLINK')) return await createdEmpty(mutex);
      throw error;
    }
  }

  /** Whoever died with the mutex; when another process is quicker what we moved away is its own, and goes back. */
  async #removeAbandoned(mutex: string): Promise<void> {
    const inode = await inodeOf(mutex);
    if (inode === undefined || !(await this.#isAbandoned(mutex))) return;
    const away = this.temporary();
    if (!(await renameIfThere(mutex, away))) return;
    if ((await inodeOf(away)) === inode) await unlinkIfThere(away);
    else await moveUnlessTaken(away, mutex);
  }

  async #isAbandoned(mutex: string): Promise<boolean> {
    try {
      const { identity } = await readOwner(mutex);
      return (await liveness(identity)) === 'dead' || (await this.isOlder(mutex, MUTEX_AGE_MS));
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw error;
    }
  }

  /** Removes probes and drafts that a crash left. */
  async tidy(): Promise<void> {
    for (const name of await this.names()) {
      if (name.startsWith(PROBE) || name.endsWith(DRAFT)) await this.removeIfOlder(path.join(this.path, name), LEFTOVER_AGE_MS);
    }
  }

  /** For a later start, as long as there are inodes. Last in a start and in a purge, which need some themselves. */
  async keepSpares(): Promise<void> {
    for (const name of SPARES) await createdEmpty(path.join(this.path, name)).catch(unlessFull);
  }

  /** Says whether there was one. */
  async giveUpSpares(): Promise<boolean> {
    const removed = await Promise.all(SPARES.map((name) => unlinkIfThere(path.join(this.path, name)).catch(() => false)));
    return removed.includes(true);
  }
}

/** False: it is there already. */
async function createdEmpty(file: string): Promise<boolean> {
  try {
    await fs.writeFile(file, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return false;
    throw error;
  }
}
