/** A claimed element of a dirq Simple queue. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { syncRemaining } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { type ClaimedFile, HeldClaim } from './held-claim.js';
import { inodeOf, moveFile, renameIfThere, unlinkIfThere } from './moves.js';
import { type FileState, isTimeSet, readKnown, readWhole, sameAfterTouch, sameState, stateOf } from './reading.js';
import { goneName, putBack } from './simple-gone.js';
import type { SimpleParts } from './simple-parts.js';
import type { QuarantineReason, ReadResult } from './spool.js';

export interface SimpleLock extends ClaimedFile {
  /** False: a link, FIFO or device that may not be linked. It can only be quarantined. */
  readonly locked: boolean;
  readonly regular: boolean;
  /** As it was when it was locked, and the time (ms) that the lock set. */
  readonly before: FileState;
  readonly touchedMs: number;
}

export class SimpleClaim extends HeldClaim {
  readonly #parts: SimpleParts;
  readonly #lock: SimpleLock;
  readonly #file: string;
  readonly #lockFile: string;
  readonly #directory: string;
  /** The time of the lock, by which others judge it (ms). */
  #keptAt: number;
  /** Of the file when it was read, and after each touch. */
  #state: FileState | undefined;
  /** A writer wrote into the file after it was read. */
  #changed = false;
  #removed = false;
  /** Where a removal that failed has left what it found at the name. */
  #gone: string | undefined;
  /** What became of the file, when that is done and something after it failed. */
  #taken: 'removed' | 'replaced' | undefined;

  constructor(parts: SimpleParts, lock: SimpleLock) {
    super(parts.root, lock);
    this.#parts = parts;
    this.#lock = lock;
    this.#file = `${parts.root}/${lock.name}`;
    this.#lockFile = `${this.#file}.lck`;
    this.#directory = path.dirname(this.#file);
    this.#keptAt = lock.touchedMs;
  }

  protected async readFile(limit: number): Promise<ReadResult> {
    this.#checkAge();
    if (!this.#lock.regular) throw new SpoolError('not-regular', `${this.#file} is not a regular file`, { path: this.#file });
    const { before, size, touchedMs } = this.#lock;
    const { calls } = this.#parts;
    const isSame = (read: FileState): boolean => sameAfterTouch(read, before, touchedMs);
    const known = size <= limit ? await readKnown({ file: this.#lockFile, size, isSame, calls }) : undefined;
    // Somebody wrote since the claim, or this file system keeps other times: then the file is looked at before and after.
    const { body, state } = known ?? (await readWhole(this.#lockFile, limit, calls));
    this.#state = state;
    const deliveryId = createHash('sha256').update(`${this.name}\0`).update(body).digest('hex');
    return { body, deliveryId };
  }

  /** From the lock age on others may have freed the lock and taken the element. */
  #checkAge(): void {
    if (!this.#isFresh()) throw new SpoolError('claim-lost', `the lock of ${this.#file} was not kept`, { path: this.#file });
  }

  #isFresh(): boolean {
    return this.#parts.now().getTime() - this.#keptAt < this.#parts.claims.lockAgeMs;
  }

  protected async keep(): Promise<void> {
    this.#checkAge();
    if (!this.#lock.locked) return;
    await this.#noteChange();
    const now = this.#parts.now();
    try {
      await this.#parts.calls.lutimes(this.#lockFile, now, now);
      await this.#noteTouch(now);
      await this.#parts.note(this.name, now.getTime());
    } catch (error) {
      if (failedWith(error, 'ENOENT')) throw lost(this.#lockFile, error);
      if (!failedWith(error, 'EPERM')) throw error;
      await this.#changeInode();
    }
    this.#keptAt = now.getTime();
  }

  /** A touch would hide that somebody wrote. */
  async #noteChange(): Promise<void> {
    try {
      const now = stateOf(await this.#parts.calls.lstatExact(this.#lockFile));
      if (this.#state !== undefined && !sameState(now, this.#state)) this.#changed = true;
    } catch (error) {
      throw failedWith(error, 'ENOENT') ? lost(this.#lockFile, error) : error;
    }
  }

  async #noteTouch(touched: Date): Promise<void> {
    if (this.#state === undefined) return;
    const stats = await this.#parts.calls.lstatExact(this.#lockFile);
    if (isTimeSet(stats.mtimeNs, touched.getTime())) this.#state = { ...this.#state, mtimeNs: stats.mtimeNs };
    else this.#changed = true;
  }

  /** The file is another user's, and its time not ours to set: a second link, made and removed, changes the inode's (ctime). */
  async #changeInode(): Promise<void> {
    const second = this.#parts.claims.temporary();
    await this.#parts.calls.link(this.#lockFile, second);
    await unlinkIfThere(second);
  }

  protected async giveBack(): Promise<void> {
    await this.#unlock();
    await this.#parts.noteEnd(this.name);
  }

  /** An old lock may already be somebody else's: then only that of our own inode goes. */
  async #unlock(): Promise<void> {
    if (!this.#lock.locked) return;
    if (this.#isFresh() || (await this.#isOurInode())) await unlinkIfThere(this.#lockFile, this.#parts.calls);
    else this.#parts.left(this.name, this);
  }

  /** The clock was ahead for a while: the lock is young after all, so nobody has freed it, and has the time that we gave it. */
  async unlockAfterAll(): Promise<boolean> {
    if (!this.#isFresh()) return false;
    const now = await this.#stateOfLock();
    const { before } = this.#lock;
    if (now !== undefined && sameAfterTouch(now, { ...before, size: now.size }, this.#keptAt)) await unlinkIfThere(this.#lockFile);
    return true;
  }

  async #isOurInode(): Promise<boolean> {
    return this.#removed && this.#state !== undefined && (await inodeOf(this.#lockFile)) === this.#state.ino;
  }

  /** The file is moved away before it is looked at: between a look and an unlink a writer could put a new one there. */
  protected async takeAway(): Promise<'removed' | 'replaced'> {
    this.#taken ??= this.#changed ? 'replaced' : await this.#takeFile();
    const outcome = this.#taken;
    this.#removed = outcome === 'removed';
    await this.#parts.checkpoint('removed');
    await this.#unlock();
    // What a writer put there is free for others; of what is gone a late line does no harm.
    if (outcome === 'replaced') await this.#parts.noteEnd(this.name);
    else this.#parts.noteGone(this.name);
    await syncRemaining(this.#directory, this.#parts.calls);
    return outcome;
  }

  async #takeFile(): Promise<'removed' | 'replaced'> {
    const state = this.#state ?? (await this.#stateOfLock());
    if (state === undefined) return (await inodeOf(this.#file)) === undefined ? 'removed' : 'replaced';
    const { claims, calls } = this.#parts;
    const gone = `${claims.path}/${goneName(this.name, state, claims.unique())}`;
    // What was moved already is brought to its end: what is at the name by now is a writer's.
    const found = this.#gone ?? this.#file;
    // When it is there no more, a purge has brought it to its end.
    if (!(await renameIfThere(found, gone, calls))) return this.#gone === undefined ? 'removed' : 'replaced';
    this.#gone = gone;
    await this.#parts.checkpoint('moved');
    if (sameState(stateOf(await calls.lstatExact(gone)), state)) {
      await unlinkIfThere(gone, calls);
      return 'removed';
    }
    await putBack(this.#parts, gone, this.name);
    return 'replaced';
  }

  async #stateOfLock(): Promise<FileState | undefined> {
    try {
      return stateOf(await this.#parts.calls.lstatExact(this.#lockFile));
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  protected async moveTo(reason: QuarantineReason): Promise<string> {
    const move = (body: string): Promise<void> => (this.#lock.locked ? this.#moveLocked(body) : moveFile(this.#file, body));
    const name = await this.#parts.quarantine.take(this.name, reason, move);
    await this.#unlock();
    this.#parts.noteGone(this.name);
    await syncRemaining(this.#directory, this.#parts.calls);
    return name;
  }

  /** What we claimed is the lock's inode; a writer may have put another file at the name. */
  async #moveLocked(body: string): Promise<void> {
    const inode = await inodeOf(this.#lockFile);
    if (await renameIfThere(this.#file, body)) {
      if (inode === undefined || (await inodeOf(body)) === inode) return;
      await putBack(this.#parts, body, this.name);
    }
    await moveFile(this.#lockFile, body);
  }
}

function lost(file: string, cause: unknown): SpoolError {
  return new SpoolError('claim-lost', `${file} is gone`, { cause, path: file });
}
