/** A claimed file of a plain directory. It was renamed, never linked: a writer that goes on appending writes into the claimed file. */
import type { BigIntStats } from 'node:fs';
import { syncDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { type FileCalls, files, type Path } from './files.js';
import { HeldClaim } from './held-claim.js';
import { moveFile, moveUnlessTaken, renameIfThere, unlinkIfThere } from './moves.js';
import { fileIn } from './names.js';
import type { OutgoingParts } from './outgoing.js';
import { type ClaimedName, claimedPath, deliveryIdOf, hasContentOf } from './plain-layout.js';
import { type FileState, readKnown, readWhole, sameState, stateOf } from './reading.js';
import type { QuarantineReason, ReadResult } from './spool.js';

export interface PlainFile {
  readonly claimed: ClaimedName;
  /** Where it is now. */
  readonly path: Path;
  readonly stats: BigIntStats;
  /** A name that cannot be sent: the file was left in its place, and can only be quarantined. */
  readonly unsendable: boolean;
  /** Called when nobody in this process holds it any more: it came to its end, or was to be given back. */
  readonly dropped: () => void;
}

export class PlainClaim extends HeldClaim {
  readonly #parts: OutgoingParts;
  readonly #file: PlainFile;
  /** For messages. */
  readonly #text: string;

  constructor(parts: OutgoingParts, file: PlainFile) {
    super(parts.root, { name: file.claimed.name, size: Number(file.stats.size), modified: file.stats.mtime });
    this.#parts = parts;
    this.#file = file;
    this.#text = file.path.toString();
  }

  protected async readFile(limit: number): Promise<ReadResult> {
    const { path, stats, claimed, unsendable } = this.#file;
    const { calls } = this.#parts;
    if (unsendable) throw new SpoolError('name-invalid', `${this.#text}: the name is too long, or not UTF-8`, { path: this.#text });
    if (!stats.isFile()) throw new SpoolError('not-regular', `${this.#text} is not a regular file`, { path: this.#text });
    const isSame = (state: FileState): boolean => sameState(state, stateOf(stats));
    const known = this.size <= limit ? await readKnown({ file: path, size: this.size, isSame, calls }) : undefined;
    const { body, state } = known ?? (await readWhole(path, limit, calls));
    if (!isSame(state)) throw new SpoolError('changed-while-reading', `${this.#text} changed after its claim`, { path: this.#text });
    return { body, deliveryId: claimed.id };
  }

  /** Claims are kept by the heartbeat of their owner. */
  protected async keep(): Promise<void> {
    if ((await this.#look()) === undefined) throw new SpoolError('claim-lost', `${this.#text} is gone`, { path: this.#text });
  }

  /** What cannot be given back now is left to the next purge. */
  override async release(): Promise<void> {
    try {
      await super.release();
    } finally {
      this.#file.dropped();
    }
  }

  protected async giveBack(): Promise<void> {
    if (this.#file.unsendable) return;
    await this.#look();
    await giveBack(this.#parts.root, this.#file.claimed);
  }

  protected async takeAway(): Promise<'removed' | 'replaced'> {
    const outcome = await this.#takeFile();
    const { root, claims, calls } = this.#parts;
    await Promise.all([syncDirectory(claims.path, calls), syncDirectory(root, calls)]);
    this.#file.dropped();
    return outcome;
  }

  /** undefined: it is gone. While its directory is not there either nobody can say so: SpoolError `path-missing`. */
  async #look(): Promise<BigIntStats | undefined> {
    const stats = await statOf(this.#file.path, this.#parts.calls);
    if (stats === undefined) await this.#parts.claims.requireThere();
    return stats;
  }

  async #takeFile(): Promise<'removed' | 'replaced'> {
    const { path, stats } = this.#file;
    const { calls } = this.#parts;
    const now = await this.#look();
    if (now === undefined) return 'removed';
    if (sameState(stateOf(now), stateOf(stats))) {
      await unlinkIfThere(path, calls);
      return 'removed';
    }
    await this.giveBack();
    return 'replaced';
  }

  protected async moveTo(reason: QuarantineReason): Promise<string> {
    const { quarantine, root, claims } = this.#parts;
    const name = await quarantine.take(this.name, reason, (body) => moveFile(this.#file.path, body));
    await Promise.all([syncDirectory(claims.path), syncDirectory(root)]);
    this.#file.dropped();
    return name;
  }
}

/**
 * Back to its place, where everybody sees it. It stays below `.claimed/` for whoever claims it next when a writer has put a file of the same
 * name there, when it may not be linked (another user's file under fs.protected_hardlinks), and when its id would not come out the same.
 */
export async function giveBack(root: string, claimed: ClaimedName): Promise<void> {
  const path = claimedPath(root, claimed);
  const stats = await statOf(path);
  if (stats === undefined) return;
  const made = deliveryIdOf(claimed.name, stats);
  const id = hasContentOf(claimed.id, stats) ? claimed.id : made;
  const outcome = id === made ? await moveUnlessTaken(path, fileIn(root, claimed.name)) : 'refused';
  if (outcome === 'moved' || outcome === 'gone') return;
  await renameIfThere(path, claimedPath(root, { token: undefined, id, name: claimed.name }));
}

export async function statOf(file: Path, calls: FileCalls = files): Promise<BigIntStats | undefined> {
  try {
    return await calls.lstatExact(file);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}
