/** A dirq Normal queue: one directory an element, one file a key. The side that adds: stage, then commit. */
import { constants, promises as fs } from 'node:fs';
import path from 'node:path';
import { clockSkew } from './clock-skew.js';
import { createFile, createFiles, makeDirectory, makeOwnDirectory, syncDirectory, syncRemaining } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, guarded } from './faults.js';
import { Insertion, newestDirectory } from './insertion.js';
import { inodeOf, removeIfEmpty, renameIfThere, unlinkIfThere } from './moves.js';
import { NameFile } from './name-file.js';
import { isElementName, NameSource } from './names.js';
import {
  type DepthCount,
  depthOf,
  directoriesIn,
  KEY,
  LOCKED,
  namesIn,
  OBSOLETE,
  removeDirectory,
  STAGING,
  TEMPORARY,
  usageOf,
  VOLUME,
} from './normal-layout.js';
import { type Checkpoint, noCheckpoint, type StagingOptions } from './options.js';
import { identityOf, SameDirectory } from './same-directory.js';
import type { FileModes, QueueRecord, Staged, StagingQueue, Usage } from './spool.js';
import { type VolumeCalls, volumeCalls } from './volume-calls.js';

const DEFAULT_DIRECTORY_SIZE = 16_000;
/** Times that an operation begins again because another process removed a directory or took a name. */
const MAXIMUM_ATTEMPTS = 20;
const STAGED_PATH = /^\.staging\/([^/\0]+)\/([0-9a-f]{14})$/;
const STAGING_AGE_MS = 86_400_000;
/** More than one block: an inode alone can often be had on a full disk. */
const PROBE_BYTES = 8192;

export class NormalQueue implements StagingQueue {
  readonly path: string;
  readonly #names: NameSource;
  readonly #now: () => Date;
  readonly #modes: FileModes;
  readonly #own: string;
  readonly #insertion: Insertion;
  readonly #calls: VolumeCalls;
  readonly #checkpoint: Checkpoint;
  /** A directory whose entry in the root is known to be durable. */
  #anchored: string | undefined;
  /** Known from the first start that succeeded. */
  readonly #root: SameDirectory;
  readonly #volume: NameFile;

  constructor(options: StagingOptions, checkpoint: Checkpoint = noCheckpoint) {
    this.path = options.path;
    this.#now = options.now ?? (() => new Date());
    this.#names = new NameSource(this.#now, options.random ?? Math.random);
    this.#modes = options.modes ?? {};
    this.#own = `${STAGING}/${stagingName(options.instance)}`;
    this.#insertion = new Insertion(options.path, options.directorySize ?? DEFAULT_DIRECTORY_SIZE);
    this.#calls = options.calls ?? volumeCalls(options.path);
    this.#volume = new NameFile(this.#at(`${STAGING}/${VOLUME}`), this.#modes, this.#at(this.#own));
    this.#root = new SameDirectory(options.path, this.#calls, this.#volume);
    this.#checkpoint = checkpoint;
  }

  async start(): Promise<void> {
    const root = await this.#make();
    await this.probe();
    const name = await guarded('name the volume', this.path, () => this.#inStaging(() => this.#volume.make()));
    this.#root.know(root, name);
  }

  /** Makes the directories. Needs no space when they are there. */
  async prepare(): Promise<void> {
    this.#root.know(await this.#make());
  }

  /** It was started, and its root is not the directory that it was. */
  async isGone(): Promise<boolean> {
    return await guarded('look for the queue', this.path, () => this.#root.isGone());
  }

  /** Once started the root is never made again: that would be below the mount point of a volume that went away. */
  async #make(): Promise<string> {
    return await guarded('prepare the queue', this.path, async () => {
      if (this.#root.isKnown) await this.#root.checkName();
      else if (await makeDirectory(this.path, this.#modes)) await syncDirectory(path.dirname(this.path));
      for (const name of [TEMPORARY, OBSOLETE]) await makeOwnDirectory(this.#at(name), this.#modes);
      await this.#makeStaging();
      await this.#calls.look();
      return await identityOf(this.path);
    });
  }

  /** Elements are renamed from there: one that was staged elsewhere could never be stored, and would be lost with what is mounted there. */
  async #checkStaging(): Promise<void> {
    const [root, staging] = await Promise.all([fs.stat(this.path), fs.stat(this.#at(STAGING))]);
    if (root.dev !== staging.dev)
      throw new SpoolError('io-error', `${this.#at(STAGING)} is not on the file system of ${this.path}`, { path: this.#at(STAGING) });
  }

  async #makeStaging(): Promise<void> {
    await this.#root.checkName();
    if (await makeOwnDirectory(this.#at(STAGING), this.#modes)) await syncDirectory(this.path);
    if (await makeOwnDirectory(this.#at(this.#own), this.#modes)) await syncDirectory(this.#at(STAGING));
  }

  #at(relative: string): string {
    return `${this.path}/${relative}`;
  }

  async probe(): Promise<void> {
    await guarded('write to the queue', this.path, async () => {
      await this.#root.checkName();
      await this.#checkStaging();
      const file = this.#at(`${this.#own}/probe-${this.#names.next()}`);
      await this.#inStaging(() => createFile(file, Buffer.alloc(PROBE_BYTES), this.#modes));
      await unlinkIfThere(file);
      await this.#probeNewest();
    });
  }

  /** Somebody else may have made the directory where the next element goes, and may just have removed it. */
  async #probeNewest(): Promise<void> {
    try {
      await fs.access(this.#at(await this.#insertion.next()), constants.W_OK | constants.X_OK);
    } catch (error) {
      if (!failedWith(error, 'ENOENT')) throw error;
    }
  }

  /** Whoever cleans up may have removed our empty staging directory. */
  async #inStaging<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!failedWith(error, 'ENOENT') || attempt === MAXIMUM_ATTEMPTS) throw error;
        await this.#makeStaging();
      }
    }
  }

  async stage(record: QueueRecord): Promise<Staged> {
    const contents = filesOf(record);
    const stagedAt = this.#now();
    return await guarded('stage an element', this.path, async () => {
      await this.#root.check();
      const staged = `${this.#own}/${await this.#newStaged()}`;
      await this.#checkpoint('staging');
      try {
        await createFiles(this.#at(staged), contents, this.#modes, { calls: this.#calls, alsoSync: [this.#at(this.#own)] });
      } catch (error) {
        await removeIfEmpty(this.#at(staged)).catch(() => false);
        throw error;
      }
      await this.#checkpoint('staged');
      return { path: staged, stagedAt, discard: () => guarded('discard an element', this.path, () => this.#discard(staged)) };
    });
  }

  async #newStaged(): Promise<string> {
    for (let attempt = 1; attempt <= MAXIMUM_ATTEMPTS; attempt += 1) {
      const name = this.#names.next();
      if (await this.#inStaging(() => makeDirectory(this.#at(`${this.#own}/${name}`), this.#modes, this.#calls))) return name;
    }
    throw new SpoolError('io-error', `every name in ${this.#at(this.#own)} is taken`, { path: this.path });
  }

  /** By a rename first: a helper finds all of the element or nothing. */
  async #discard(staged: string): Promise<void> {
    const away = this.#at(`${OBSOLETE}/${this.#names.next()}`);
    await makeDirectory(this.#at(OBSOLETE), this.#modes);
    if (await renameIfThere(this.#at(staged), away)) await removeDirectory(away);
  }

  async isStaged(stagedPath: string): Promise<boolean> {
    this.#checkStaged(stagedPath);
    return await guarded('look for a staged element', this.path, async () => !(await this.#isGone(this.#at(stagedPath))));
  }

  async discard(stagedPath: string): Promise<void> {
    this.#checkStaged(stagedPath);
    await guarded('discard an element', this.path, () => this.#discard(stagedPath));
  }

  #checkStaged(stagedPath: string): void {
    const [, instance] = STAGED_PATH.exec(stagedPath) ?? [];
    if (instance === undefined || instance === '.' || instance === '..')
      throw new SpoolError('name-invalid', `not the path of a staged element: ${JSON.stringify(stagedPath)}`, { path: this.path });
  }

  async commit(stagedPath: string): Promise<{ readonly outcome: 'stored' | 'done'; readonly name: string | undefined }> {
    this.#checkStaged(stagedPath);
    return await guarded('store an element', this.path, async () => {
      const renamed = await this.#rename(stagedPath);
      await this.#checkpoint('renamed');
      await Promise.all([syncRemaining(path.dirname(this.#at(stagedPath)), this.#calls), this.#syncElements(renamed)]);
      await this.#checkpoint('stored');
      return renamed === undefined ? { outcome: 'done', name: undefined } : { outcome: 'stored', name: renamed.name };
    });
  }

  async #syncElements(renamed: Renamed | undefined): Promise<void> {
    // Where another process put its element is not known: the newest directory is the likeliest.
    const directory = renamed?.directory ?? (await newestDirectory(this.path));
    const anchored = renamed !== undefined && !renamed.made && this.#anchored === directory;
    await Promise.all([
      directory === undefined ? undefined : syncRemaining(this.#at(directory), this.#calls),
      anchored ? undefined : syncDirectory(this.path),
    ]);
    this.#anchored = directory;
  }

  /** The final name is chosen here. undefined: it is not staged any more. */
  async #rename(stagedPath: string): Promise<Renamed | undefined> {
    const source = this.#at(stagedPath);
    let made = false;
    for (let attempt = 1; ; attempt += 1) {
      const directory = await this.#insertion.choose();
      const name = `${directory}/${this.#names.next()}`;
      try {
        await this.#calls.rename(source, this.#at(name));
        return { name, directory, made };
      } catch (error) {
        if (attempt === MAXIMUM_ATTEMPTS) throw error;
        if (failedWith(error, 'ENOENT')) {
          if (await this.#isGone(source)) return undefined;
          // Not made yet, or purged while it was empty.
          made = await makeDirectory(this.#at(directory), this.#modes);
        } else if (failedWith(error, 'EMLINK')) this.#insertion.full(directory);
        else if (failedWith(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR')) this.#names.taken();
        else throw error;
      }
    }
  }

  /** On another volume it would seem so, and a message pass for stored that never was. The volume may come back between two looks. */
  async #isGone(source: string): Promise<boolean> {
    if ((await inodeOf(source)) !== undefined) return false;
    await this.#root.checkName();
    return (await inodeOf(source)) === undefined;
  }

  async freeBytes(): Promise<number> {
    return await guarded('ask for the free space', this.path, async () => {
      const { bavail, bsize } = await fs.statfs(this.path);
      return bavail * bsize;
    });
  }

  async freeFiles(): Promise<number> {
    return await guarded('ask for the free inodes', this.path, async () => {
      const { ffree, files: all } = await fs.statfs(this.path);
      return all === 0 ? Number.POSITIVE_INFINITY : ffree;
    });
  }

  async depth(timeLimitMs: number): Promise<DepthCount> {
    return await guarded('count the elements', this.path, () => depthOf(this.path, timeLimitMs, this.#now()));
  }

  async usage(signal: AbortSignal, looked?: () => void): Promise<Usage> {
    const usage = await guarded('measure the queue', this.path, () => usageOf(this.path, signal, looked));
    signal.throwIfAborted();
    return usage;
  }

  async staged(): Promise<Set<string>> {
    return await guarded('list the staging directory', this.path, async () => {
      const paths = new Set<string>();
      for (const instance of await namesIn(this.#at(STAGING)))
        for (const name of await namesIn(this.#at(`${STAGING}/${instance}`))) paths.add(`${STAGING}/${instance}/${name}`);
      return paths;
    });
  }

  async cleanStaging(isRecorded: (stagedPath: string) => Promise<boolean>, now: Date): Promise<number> {
    return await guarded('clean the staging directory', this.path, async () => {
      const limit = (await this.#byVolume(now)) - STAGING_AGE_MS;
      let removed = 0;
      for (const instance of await directoriesIn(this.#at(STAGING))) {
        const directory = `${STAGING}/${instance}`;
        for (const name of await namesIn(this.#at(directory)))
          if (await this.#cleanOne(`${directory}/${name}`, isRecorded, limit)) removed += 1;
        if (directory !== this.#own && (await isOlder(this.#at(directory), limit))) await removeIfEmpty(this.#at(directory));
      }
      return removed;
    });
  }

  /**
   * The same time, ms, by the clock that stamps the files, where that is behind ours: what another process has just staged must not seem old,
   * since its message would be lost when it is recorded afterwards.
   */
  async #byVolume(now: Date): Promise<number> {
    const probe = (): string => this.#at(`${this.#own}/probe-${this.#names.next()}`);
    const skew = await this.#inStaging(() => clockSkew(probe(), this.#now));
    return now.getTime() + Math.min(0, skew);
  }

  async #cleanOne(relative: string, isRecorded: (stagedPath: string) => Promise<boolean>, limit: number): Promise<boolean> {
    if (!(await isOlder(this.#at(relative), limit))) return false;
    if (!isElementName(path.basename(relative))) return await unlinkIfThere(this.#at(relative)).catch(() => false);
    if (await isRecorded(relative)) return false;
    await this.#discard(relative);
    return true;
  }
}

interface Renamed {
  readonly name: string;
  readonly directory: string;
  /** We made the directory on the way. */
  readonly made: boolean;
}

function filesOf(record: QueueRecord): [string, Uint8Array][] {
  return Object.entries(record).map(([key, value]) => {
    if (!KEY.test(key) || key === LOCKED) throw new SpoolError('name-invalid', `not a key of an element: ${JSON.stringify(key)}`);
    return [key, typeof value === 'string' ? Buffer.from(value) : value];
  });
}

/** An instance is part of a path. */
function stagingName(instance: string): string {
  const name = encodeURIComponent(Buffer.from(instance).toString()).replaceAll('.', '%2E');
  if (name === '' || name.length > 200) throw new SpoolError('name-invalid', `not the name of an instance: ${JSON.stringify(instance)}`);
  return name;
}

/** Neither written nor moved since the limit, ms. */
async function isOlder(file: string, limit: number): Promise<boolean> {
  try {
    const { mtimeMs, ctimeMs } = await fs.lstat(file);
    return Math.max(mtimeMs, ctimeMs) < limit;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}
