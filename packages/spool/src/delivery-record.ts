/**
 * The memory of what was delivered: one file an id, found by the SHA-256 of the id, made with link(), which creates a whole file or fails.
 *
 *     pending/KEY-HASH   written and synced first; a second name of the record until the acknowledgement is confirmed
 *     2a/KEY             the record: linked from there. One name left (nlink 1): confirmed, at the time of its inode change (ctime)
 *
 * So a record is made, confirmed and looked at without ever being rewritten, and a start reads only what is not confirmed yet.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants, promises as fs, type Stats } from 'node:fs';
import path from 'node:path';
import { createFile, makeDirectory, syncDirectory } from './durable.js';
import { entriesOf } from './entries.js';
import { SpoolError } from './errors.js';
import { failedWith, fault, guarded } from './faults.js';
import { files } from './files.js';
import { areOneFile, inodeOf, unlinkIfThere } from './moves.js';
import { timeOfElement } from './names.js';
import { type Checkpoint, noCheckpoint, type RecordOptions } from './options.js';
import { type Entry, readEntry, textOf } from './record-entry.js';
import { removeOld } from './record-expiry.js';
import { identityOf, SameDirectory } from './same-directory.js';
import type { DeliveryRecord, FileModes, RecordClaim } from './spool.js';
import { TimeShare } from './time-share.js';
import { type VolumeCalls, volumeCalls } from './volume-calls.js';

const PENDING = 'pending';
const PROBE = 'probe-';
const PROBE_AGE_MS = 60_000;
/** Directories over which records are spread: a window of a million gives 16,000 each. */
const SHARDS = 64;
const SHARD_NAMES = Array.from({ length: SHARDS }, (_, index) => shardName(index));
const DIRECTORIES = [PENDING, ...SHARD_NAMES];
/** An element staged longer ago may soon be taken for abandoned: its worker must start again. */
const MAXIMUM_STAGED_MS = 3_600_000;
/** From here on it may have been removed as abandoned (after 24 h) although it was young when the claim began. */
const LOST_STAGED_MS = 82_800_000;
/** A pending file that never became a record. */
const ABANDONED_AGE_MS = 86_400_000;
/** A record expires while it is looked at: then the claim begins again. */
const MAXIMUM_ATTEMPTS = 5;
const MAXIMUM_ID = 16_384;
/** Ids whose pending name is remembered; of others it is read. */
const MAXIMUM_REMEMBERED = 10_000;

export class FileDeliveryRecord implements DeliveryRecord {
  readonly #root: string;
  readonly #modes: FileModes;
  readonly #now: () => Date;
  readonly #calls: VolumeCalls;
  readonly #checkpoint: Checkpoint;
  /** Known from the first start that succeeded. */
  readonly #directory: SameDirectory;
  readonly #remembered = new Map<string, string>();
  /** Where expire() was last. */
  #shard: number | undefined;

  constructor(options: RecordOptions, checkpoint: Checkpoint = noCheckpoint) {
    this.#root = options.path;
    this.#modes = options.modes ?? {};
    this.#now = options.now ?? (() => new Date());
    this.#calls = options.calls ?? volumeCalls(options.path);
    this.#directory = new SameDirectory(options.path, this.#calls);
    this.#checkpoint = checkpoint;
  }

  /** Once started the record is never begun anew: that would be below the mount point of a volume that went away, and remember nothing. */
  async start(): Promise<void> {
    await guarded('prepare the delivery record', this.#root, async () => {
      if (this.#directory.isKnown) await this.#directory.check();
      else if (await makeDirectory(this.#root, this.#modes)) await syncDirectory(path.dirname(this.#root));
      const identity = await identityOf(this.#root);
      const present = new Set(await fs.readdir(this.#root));
      const missing = DIRECTORIES.filter((name) => !present.has(name));
      const probes = [...present].filter((name) => name.startsWith(PROBE));
      for (const name of probes) await removeProbe(`${this.#root}/${name}`, this.#now().getTime() - PROBE_AGE_MS);
      for (const name of missing) await makeDirectory(`${this.#root}/${name}`, this.#modes);
      if (missing.length > 0) await syncDirectory(this.#root);
      await this.#calls.look();
      await this.#tryFiles();
      this.#directory.know(identity);
    });
  }

  async probe(): Promise<void> {
    await guarded('write to the delivery record', this.#root, async () => {
      await this.#directory.check();
      await this.#tryFiles();
    });
  }

  /** Hard links are what makes a claim exclusive: not every file system has them. Any of the directories may be another user's, as after a restore. */
  async #tryFiles(): Promise<void> {
    await Promise.all(DIRECTORIES.map((name) => fs.access(`${this.#root}/${name}`, constants.W_OK | constants.X_OK)));
    const probe = `${this.#root}/${PROBE}${randomUUID()}`;
    try {
      await createFile(probe, Buffer.from('probe\n'), this.#modes);
      await files.link(probe, `${probe}-linked`);
    } finally {
      await Promise.all([probe, `${probe}-linked`].map((file) => unlinkIfThere(file).catch(() => false)));
    }
  }

  async claim(id: string, stagedPath: string): Promise<RecordClaim> {
    if (id.length > MAXIMUM_ID) throw new SpoolError('name-invalid', `an id of ${id.length} characters is too long`, { path: this.#root });
    if (this.#ageOf(stagedPath) > MAXIMUM_STAGED_MS) throw tooSlow(stagedPath);
    return await guarded('record a delivery', this.#root, async () => {
      await this.#directory.check();
      const pending = this.#pendingOf(id, stagedPath);
      const created = await this.#writePending(pending, { id, stagedPath, recordedAt: this.#now() });
      await this.#checkpoint('pending');
      const winner = await this.#linkOrRead(id, pending);
      await this.#checkpoint('linked');
      // Over a network file system an answer may be lost, and the request that is sent again find the link there.
      const linked = winner === undefined || (created && (await areOneFile(pending, this.#fileOf(id))));
      if (linked && this.#ageOf(stagedPath) > LOST_STAGED_MS) await this.#takeBack(id, pending, stagedPath);
      // Also for another's record: its maker may not have come so far.
      await syncDirectory(path.dirname(this.#fileOf(id)), this.#calls);
      const mine = winner === undefined || winner.stagedPath === stagedPath;
      // Another's, or our own that is confirmed already: it must not come back to a recovery.
      if (!linked && created) await unlinkIfThere(pending);
      this.#remember(id, mine ? pending : this.#pendingOf(id, winner.stagedPath));
      return mine ? { outcome: 'mine' } : { outcome: 'theirs', stagedPath: winner.stagedPath, recordedAt: winner.recordedAt };
    });
  }

  async knows(id: string): Promise<boolean> {
    return await guarded('look for a delivery', this.#root, async () => {
      await this.#directory.check();
      return (await inodeOf(this.#fileOf(id))) !== undefined;
    });
  }

  /** Milliseconds since the name of the element was chosen; 0 when the name does not tell. */
  #ageOf(stagedPath: string): number {
    const now = this.#now();
    return now.getTime() - (timeOfElement(path.posix.basename(stagedPath), now) ?? now).getTime();
  }

  /** False: an earlier call with the same element came so far. It may be half-written, so it is written again unless it is the record. */
  async #writePending(pending: string, entry: Entry): Promise<boolean> {
    const data = Buffer.from(textOf(entry));
    try {
      await createFile(pending, data, this.#modes, this.#calls);
      return true;
    } catch (error) {
      if (!failedWith(error, 'EEXIST')) throw error;
    }
    if ((await fs.lstat(pending)).nlink > 1) return false;
    await unlinkIfThere(pending);
    await createFile(pending, data, this.#modes, this.#calls);
    return true;
  }

  /** We were stopped for a day between the first look and the link: what the record names may be gone. */
  async #takeBack(id: string, pending: string, stagedPath: string): Promise<never> {
    await unlinkIfThere(this.#fileOf(id));
    await unlinkIfThere(pending);
    throw tooSlow(stagedPath);
  }

  /** undefined: linked, so the record is ours. Otherwise what was recorded first, by us or another. */
  async #linkOrRead(id: string, pending: string): Promise<Entry | undefined> {
    const file = this.#fileOf(id);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#calls.link(pending, file);
        return undefined;
      } catch (error) {
        if (!failedWith(error, 'EEXIST')) throw error;
      }
      const found = await readEntry(file);
      if (found !== undefined) return found;
      if (attempt === MAXIMUM_ATTEMPTS) throw new SpoolError('io-error', `${file} comes and goes`, { path: file });
    }
  }

  async confirm(id: string): Promise<void> {
    await this.settle(id);
  }

  /** confirm(). Says whether it was this call that did it. */
  async settle(id: string): Promise<boolean> {
    return await guarded('confirm a delivery', this.#root, async () => {
      const remembered = this.#remembered.get(id);
      this.#remembered.delete(id);
      const pending = remembered ?? (await this.#pendingOnDisk(id));
      return pending !== undefined && (await unlinkIfThere(pending, this.#calls));
    });
  }

  async #pendingOnDisk(id: string): Promise<string | undefined> {
    const entry = await readEntry(this.#fileOf(id));
    return entry === undefined ? undefined : this.#pendingOf(id, entry.stagedPath);
  }

  #remember(id: string, pending: string): void {
    this.#remembered.set(id, pending);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAXIMUM_REMEMBERED) return;
      this.#remembered.delete(oldest);
    }
  }

  async *entries(signal?: AbortSignal): AsyncGenerator<Entry, void> {
    const directory = `${this.#root}/${PENDING}`;
    for await (const name of this.#namesIn(directory)) {
      if (signal?.aborted === true) return;
      const entry = await guarded('read the delivery record', this.#root, () => this.#recorded(`${directory}/${name}`));
      if (entry !== undefined) yield entry;
    }
  }

  /** Everything that is remembered, with the time of its confirmation; what cannot be read is left out, unless a newer version can. */
  async *confirmed(signal?: AbortSignal): AsyncGenerator<Entry & { readonly confirmedAt: Date }, void> {
    for (const shard of SHARD_NAMES) {
      const directory = `${this.#root}/${shard}`;
      for await (const name of this.#namesIn(directory)) {
        if (signal?.aborted === true) return;
        const [stats, entry] = await Promise.all([statOf(`${directory}/${name}`), readEntry(`${directory}/${name}`).catch(unlessNewer)]);
        if (stats?.nlink !== 1 || entry === undefined) continue;
        yield { ...entry, confirmedAt: stats.ctime };
      }
    }
  }

  async *#namesIn(directory: string): AsyncGenerator<string, void> {
    try {
      for await (const entries of entriesOf(directory)) for (const { name } of entries) yield name;
    } catch (error) {
      throw await fault(error, 'read the delivery record', this.#root);
    }
  }

  /** What a pending file says when it is a record. A copy of the volume may have lost the link: then the record itself is compared. */
  async #recorded(pending: string): Promise<Entry | undefined> {
    const stats = await statOf(pending);
    if (stats === undefined) return undefined;
    if (stats.nlink > 1) return await readEntry(pending);
    const entry = await readEntry(pending).catch((error: unknown) => {
      // Never became a record: its writer was stopped on the way.
      if (error instanceof SpoolError && error.code === 'record-corrupt') return undefined;
      throw error;
    });
    if (entry === undefined) return undefined;
    return (await readEntry(this.#fileOf(entry.id)))?.stagedPath === entry.stagedPath ? entry : undefined;
  }

  async expire(windowMs: number, now: Date, signal?: AbortSignal, share = 1): Promise<number> {
    return await guarded('expire deliveries', this.#root, async () => {
      const time = new TimeShare(share, signal);
      const remove = (directory: string, ageMs: number): Promise<number> =>
        removeOld(`${this.#root}/${directory}`, now.getTime() - ageMs, time, this.#calls);
      let expired = 0;
      // A process that does not live for long begins anywhere, so that every record has its turn; and one that cannot be read holds up no other.
      this.#shard ??= Math.floor(now.getTime() / 1000);
      for (let count = 0; count < SHARDS && !time.aborted; count += 1) {
        this.#shard = (this.#shard + 1) % SHARDS;
        expired += await remove(shardName(this.#shard), windowMs);
      }
      // Those that are records have two names, and stay.
      await remove(PENDING, ABANDONED_AGE_MS);
      return expired;
    });
  }

  #fileOf(id: string): string {
    const key = hashOf(id);
    return `${this.#root}/${shardName(Number.parseInt(key.slice(0, 2), 16) % SHARDS)}/${key}`;
  }

  #pendingOf(id: string, stagedPath: string): string {
    return `${this.#root}/${PENDING}/${hashOf(id).slice(0, 32)}-${hashOf(stagedPath).slice(0, 32)}`;
  }
}

function shardName(index: number): string {
  return index.toString(16).padStart(2, '0');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function tooSlow(stagedPath: string): SpoolError {
  return new SpoolError('stage-too-slow', `${stagedPath} was staged too long ago`, { path: stagedPath });
}

function unlessNewer(error: unknown): undefined {
  if (error instanceof SpoolError && error.code === 'record-newer') throw error;
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await files.lstat(file);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A crash may have left it with both its names. */
async function removeProbe(file: string, limit: number): Promise<void> {
  const stats = await statOf(file);
  if (stats !== undefined && stats.ctimeMs < limit) await unlinkIfThere(file);
}
