/** A dirq Normal queue: the side that takes, as dirq does it. For operators' tools and tests. */
import { promises as fs } from 'node:fs';
import { makeDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, guarded } from './faults.js';
import { removeIfEmpty, renameIfThere } from './moves.js';
import { checkFileName, NameSource, splitElementName } from './names.js';
import { elementsIn, LOCKED, numberedDirectories, OBSOLETE, removeDirectory, TEMPORARY } from './normal-layout.js';
import { readWhole } from './reading.js';
import type { PurgeStatistics } from './spool.js';

const DEFAULT_LIMIT = 268_435_456;
const MAXIMUM_FILES = 100;
const DEFAULT_TEMPORARY_AGE_MS = 300_000;
const DEFAULT_LOCK_AGE_MS = 600_000;
const MAXIMUM_ATTEMPTS = 20;

export interface NormalReaderOptions {
  readonly path: string;
  readonly now?: () => Date;
  readonly random?: () => number;
}

/** What can be seen of an element without taking it; it may be gone a moment later. */
export interface ElementLook {
  /** Bytes of each file. */
  readonly files: ReadonlyMap<string, number>;
  readonly locked: boolean;
  /** When the element came into the queue, or was last locked. */
  readonly modified: Date;
}

export class NormalReader {
  readonly path: string;
  readonly #now: () => Date;
  readonly #names: NameSource;

  constructor(options: NormalReaderOptions) {
    this.path = options.path;
    this.#now = options.now ?? (() => new Date());
    this.#names = new NameSource(this.#now, options.random ?? Math.random);
  }

  /** `8hex/14hex` in order, locked or not. */
  async *names(): AsyncGenerator<string, void> {
    for (const directory of await guarded('list the queue', this.path, () => numberedDirectories(this.path))) {
      const elements: string[] = [];
      for await (const some of elementsIn(`${this.path}/${directory}`)) elements.push(...some);
      for (const element of elements.toSorted()) yield `${directory}/${element}`;
    }
  }

  /** Takes no lock. SpoolError: claim-lost (it is gone), element-corrupt. */
  async look(name: string): Promise<ElementLook> {
    const directory = this.#directoryOf(name);
    return await guarded('look at an element', this.path, async () => await lookAt(directory));
  }

  /** One file of an element, locked or not; undefined: it has none of that name. SpoolError: too-large, not-regular, unreadable. */
  async peek(name: string, file: string, limit: number = DEFAULT_LIMIT): Promise<Uint8Array | undefined> {
    checkFileName(file);
    const directory = this.#directoryOf(name);
    return await guarded('look at an element', this.path, async () => {
      try {
        return (await readWhole(`${directory}/${file}`, limit)).body;
      } catch (error) {
        if (error instanceof SpoolError && error.code === 'claim-lost') return undefined;
        throw error;
      }
    });
  }

  /** False: somebody else has it, or it is gone. */
  async lock(name: string): Promise<boolean> {
    const lock = this.#lockOf(name);
    return await guarded('lock an element', this.path, async () => {
      try {
        await fs.mkdir(lock);
        // An element that is just being removed can still be locked: the lock goes with it.
        await fs.lstat(lock);
        return true;
      } catch (error) {
        if (failedWith(error, 'EEXIST', 'ENOENT')) return false;
        throw error;
      }
    });
  }

  /** As lock(), also where a lock is so old that purge() would free it: whoever took it was killed. */
  async lockOrTakeOver(name: string): Promise<boolean> {
    const lock = async (): Promise<boolean> => await this.lock(name);
    return (
      (await lock()) || ((await guarded('free a lock', this.path, () => this.#freeOldLock(name, DEFAULT_LOCK_AGE_MS))) && (await lock()))
    );
  }

  /** False: it was not locked. */
  async unlock(name: string): Promise<boolean> {
    const lock = this.#lockOf(name);
    return await guarded('unlock an element', this.path, () => removeIfEmpty(lock));
  }

  /** The files of a locked element. SpoolError: claim-lost, element-corrupt, too-large (over limit bytes together), and those of reading. */
  async get(name: string, limit: number = DEFAULT_LIMIT): Promise<ReadonlyMap<string, Uint8Array>> {
    const directory = this.#directoryOf(name);
    return await guarded('read an element', this.path, async () => {
      const files = await filesOf(directory);
      const record = new Map<string, Uint8Array>();
      let left = limit;
      for (const file of files) {
        const { body } = await readWhole(`${directory}/${file}`, left);
        left -= body.length;
        record.set(file, body);
      }
      return record;
    });
  }

  /** Removes a locked element. */
  async remove(name: string): Promise<void> {
    const directory = this.#directoryOf(name);
    await guarded('remove an element', this.path, async () => {
      for (let attempt = 1; ; attempt += 1) {
        const away = `${this.path}/${OBSOLETE}/${this.#names.next()}`;
        try {
          await makeDirectory(`${this.path}/${OBSOLETE}`, {});
          if (await renameIfThere(directory, away)) await removeDirectory(away);
          return;
        } catch (error) {
          if (!failedWith(error, 'EEXIST', 'ENOTEMPTY') || attempt === MAXIMUM_ATTEMPTS) throw error;
        }
      }
    });
  }

  /** As dirq does it: empty directories but the newest, old temporary and obsolete elements, old locks. */
  async purge(ages: { readonly temporaryMs?: number; readonly lockMs?: number } = {}): Promise<PurgeStatistics> {
    const { temporaryMs = DEFAULT_TEMPORARY_AGE_MS, lockMs = DEFAULT_LOCK_AGE_MS } = ages;
    return await guarded('purge the queue', this.path, async () => {
      let directories = 0;
      for (const directory of (await numberedDirectories(this.path)).slice(0, -1))
        if (await removeIfEmpty(`${this.path}/${directory}`)) directories += 1;
      let temporary = 0;
      for (const place of [TEMPORARY, OBSOLETE]) temporary += await this.#purgeVolatile(`${this.path}/${place}`, temporaryMs);
      return { temporary, locks: await this.#purgeLocks(lockMs), directories };
    });
  }

  async #purgeVolatile(place: string, ageMs: number): Promise<number> {
    let count = 0;
    for await (const elements of elementsIn(place)) {
      for (const element of elements) {
        if (!(await this.#isOlder(`${place}/${element}`, ageMs))) continue;
        await removeDirectory(`${place}/${element}`);
        count += 1;
      }
    }
    return count;
  }

  async #purgeLocks(ageMs: number): Promise<number> {
    let count = 0;
    for await (const name of this.names()) if (await this.#freeOldLock(name, ageMs)) count += 1;
    return count;
  }

  /** The lock is a directory: making it changed the time of the element's. */
  async #freeOldLock(name: string, ageMs: number): Promise<boolean> {
    return (await this.#isOlder(this.#directoryOf(name), ageMs)) && (await removeIfEmpty(this.#lockOf(name)));
  }

  async #isOlder(file: string, ageMs: number): Promise<boolean> {
    try {
      return this.#now().getTime() - (await fs.lstat(file)).mtimeMs > ageMs;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return false;
      throw error;
    }
  }

  #directoryOf(name: string): string {
    splitElementName(name);
    return `${this.path}/${name}`;
  }

  #lockOf(name: string): string {
    return `${this.#directoryOf(name)}/${LOCKED}`;
  }
}

async function filesOf(directory: string): Promise<string[]> {
  let entries: string[] = [];
  try {
    if (!(await fs.lstat(directory)).isDirectory())
      throw new SpoolError('element-corrupt', `${directory} is not a directory`, { path: directory });
    entries = await fs.readdir(directory);
  } catch (cause) {
    if (failedWith(cause, 'ENOENT')) throw new SpoolError('claim-lost', `${directory} is gone`, { cause, path: directory });
    throw cause;
  }
  if (!entries.includes(LOCKED)) throw new SpoolError('claim-lost', `${directory} is not locked`, { path: directory });
  const files = entries.filter((name) => name !== LOCKED);
  if (files.length === 0 || files.length > MAXIMUM_FILES)
    throw new SpoolError('element-corrupt', `${directory} holds ${files.length} files`, { path: directory });
  return files;
}

async function lookAt(directory: string): Promise<ElementLook> {
  try {
    const { mtime } = await fs.lstat(directory);
    const names = await fs.readdir(directory);
    if (names.length > MAXIMUM_FILES)
      throw new SpoolError('element-corrupt', `${directory} holds ${names.length} files`, { path: directory });
    const files = names.filter((name) => name !== LOCKED);
    const sizes = await Promise.all(files.map(async (name) => [name, (await fs.lstat(`${directory}/${name}`)).size] as const));
    return { files: new Map(sizes), locked: names.includes(LOCKED), modified: mtime };
  } catch (cause) {
    if (failedWith(cause, 'ENOENT')) throw new SpoolError('claim-lost', `${directory} is gone`, { cause, path: directory });
    if (failedWith(cause, 'ENOTDIR'))
      throw new SpoolError('element-corrupt', `${directory} is not a directory`, { cause, path: directory });
    throw cause;
  }
}
