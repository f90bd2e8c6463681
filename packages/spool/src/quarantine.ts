/** Where elements go that can never be sent: a dirq Normal queue with the files `body` (the file itself, renamed), `error` and `name`. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { makeOwnDirectory, syncDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith } from './faults.js';
import { files } from './files.js';
import { inodeOf } from './moves.js';
import { encodeName } from './names.js';
import { directoriesIn, elementsIn, STAGING } from './normal-layout.js';
import { NormalQueue } from './normal-queue.js';
import type { Checkpoint, OutgoingOptions } from './options.js';
import { identityOf, SameDirectory } from './same-directory.js';
import type { QuarantineReason } from './spool.js';

export const QUARANTINE = '.quarantine';
/** One staging directory for all: on a full disk a start cannot make its own. Names that meet are chosen anew. */
const SENDERS = 'senders';
const BODY = 'body';
const COUNT_LIMIT_MS = 1000;
/** Whoever staged it longer ago died before the end. */
const UNFINISHED_AGE_MS = 60_000;

export class Quarantine {
  readonly path: string;
  readonly #options: OutgoingOptions;
  /** Known from the start. */
  readonly #outgoing: SameDirectory;
  readonly #checkpoint: Checkpoint;
  #queue: NormalQueue;

  constructor(options: OutgoingOptions, checkpoint: Checkpoint) {
    this.path = options.quarantinePath ?? path.join(options.path, QUARANTINE);
    this.#options = options;
    this.#outgoing = new SameDirectory(options.path, files);
    this.#checkpoint = checkpoint;
    this.#queue = this.#newQueue();
  }

  #newQueue(): NormalQueue {
    const { modes = {}, now = () => new Date(), random = Math.random } = this.#options;
    return new NormalQueue({ path: this.path, instance: SENDERS, modes, now, random });
  }

  /**
   * The queue; a new one when somebody has removed the directory. One below outgoing is made again as long as outgoing is what it was; one
   * elsewhere may be on a volume that went away.
   */
  async #current(): Promise<NormalQueue> {
    if (!(await this.#queue.isGone())) return this.#queue;
    if (this.#options.quarantinePath !== undefined)
      throw new SpoolError('path-missing', `${this.path} is not the directory that it was at start`, { path: this.path });
    await this.#outgoing.check();
    const queue = this.#newQueue();
    await this.#prepare(queue);
    this.#queue = queue;
    return queue;
  }

  /** A path of the configuration may be a link; what is ours in outgoing is none. */
  async #prepare(queue: NormalQueue): Promise<void> {
    const { modes = {}, path: outgoing, quarantinePath } = this.#options;
    if (quarantinePath === undefined && (await makeOwnDirectory(this.path, modes))) await syncDirectory(outgoing);
    await queue.prepare();
  }

  /** Makes the queue, and shows with an empty file of ours that files can be moved there. */
  async start(file: string): Promise<void> {
    this.#outgoing.know(await identityOf(this.#options.path));
    await this.#prepare(await this.#current());
    const moved = path.join(this.path, `.${path.basename(file)}`);
    try {
      await fs.rename(file, moved);
    } catch (cause) {
      if (!failedWith(cause, 'EXDEV')) throw cause;
      throw new SpoolError('io-error', `${this.path} is not on the file system of the queue`, { cause, path: this.path });
    }
    await fs.unlink(moved);
  }

  /** Finishes what a crash left with its body already moved. `time`: now, by the clock of the file system. */
  async recover(time: number): Promise<void> {
    const queue = await this.#current();
    const staging = path.join(this.path, STAGING);
    for (const instance of await directoriesIn(staging))
      for await (const elements of elementsIn(path.join(staging, instance)))
        for (const element of elements) await this.#finish(queue, path.join(STAGING, instance, element), time);
  }

  async #finish(queue: NormalQueue, staged: string, time: number): Promise<void> {
    try {
      const { ctimeMs } = await fs.lstat(path.join(this.path, staged));
      const whole = (await inodeOf(path.join(this.path, staged, BODY))) !== undefined;
      if (whole && time - ctimeMs > UNFINISHED_AGE_MS) await queue.commit(staged);
    } catch (error) {
      if (!failedWith(error, 'ENOENT')) throw error;
    }
  }

  /**
   * Takes a file in: what is known about it first, durably, then the file itself, which `move` renames to the path that it is given, then
   * both become visible. Resolves to the name of the element in the quarantine queue.
   */
  async take(name: string, reason: QuarantineReason, move: (body: string) => Promise<void>): Promise<string> {
    const queue = await this.#current();
    const staged = await queue.stage({
      error: `${reason.code}: ${reason.message}\n${reason.at.toISOString()}\n`,
      name: encodeName(name),
    });
    const body = path.join(this.path, staged.path, BODY);
    try {
      await move(body);
    } catch (error) {
      // With a file in it, it is finished by recover().
      if ((await inodeOf(body)) === undefined) await staged.discard();
      throw error;
    }
    await this.#checkpoint('moved');
    await syncDirectory(path.dirname(body));
    const { name: element } = await queue.commit(staged.path);
    return element ?? path.basename(staged.path);
  }

  /** Removes what was staged a day ago and never got its body. */
  async tidy(now: Date): Promise<void> {
    const queue = await this.#current();
    await queue.cleanStaging(async (staged) => (await inodeOf(path.join(this.path, staged, BODY))) !== undefined, now);
  }

  /** Elements; fewer when they cannot be counted in a second. */
  async depth(): Promise<number> {
    const queue = await this.#current();
    return (await queue.depth(COUNT_LIMIT_MS)).elements;
  }
}
