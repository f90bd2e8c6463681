/**
 * File calls of a volume: made directly while its file system is a local one and answers at once, since a call from a thread and back costs
 * more than most of them; else on libuv's threads, so that nothing but what needs the volume waits for it.
 */
import fs, { promises } from 'node:fs';
import { type FileCalls, files } from './files.js';

/**
 * statfs(2) f_type on Linux of what as a rule needs no other machine and no other process to answer, and whether O_SYNC means there what it
 * means in open(2). Below an overlay may be anything.
 */
const LOCAL_TYPES: ReadonlyMap<number, { readonly syncsWrites: boolean }> = new Map([
  [0xef53, { syncsWrites: true }], // ext2, ext3, ext4
  [0x5846_5342, { syncsWrites: true }], // xfs
  [0x9123_683e, { syncsWrites: true }], // btrfs
  [0x2fc1_2fc1, { syncsWrites: true }], // zfs
  [0xf2f5_2010, { syncsWrites: true }], // f2fs
  [0x0102_1994, { syncsWrites: true }], // tmpfs
  [0x794c_7630, { syncsWrites: false }], // overlayfs
]);
/**
 * A direct call that took longer (ms) found a disk that is busy, slow or asleep, and not only a processor that others want: they have it for
 * some milliseconds at a time;
 */
const SLOW_MS = 20;
/** then the threads wait for it, for this time (ms) at least, and this many times as long as it took: long calls hold the process up for 2 % of the time. */
const SLOW_FOR_MS = 1000;
const SLOW_FOR_TIMES = 50;

/**
 * What changes directories may have to wait for a journal, or look for a free inode for long: when such calls take longer than this (ms, the
 * mean of the last ones), the threads make them, for as long.
 */
const SLOW_CHANGE_MS = 0.2;
/** This many calls make up most of that mean; one that took longer than this (ms) counts as if it took this long: a busy processor is no slow disk. */
const CHANGES = 64;
const COUNTED_MS = 5;

/** After this time (ms) of work with direct calls the next one is made by a thread: it gives the event loop its turn. */
const TURN_MS = 10;
/** More than this is read by a thread: it takes its time even from memory. */
const DIRECT_BYTES = 131_072;

type DirectCalls = { readonly [Name in keyof FileCalls]: (...args: Parameters<FileCalls[Name]>) => Awaited<ReturnType<FileCalls[Name]>> };

const DIRECT: DirectCalls = {
  statExact: (file) => fs.statSync(file, { bigint: true }),
  lstat: (file) => fs.lstatSync(file),
  lstatExact: (file) => fs.lstatSync(file, { bigint: true }),
  link: (from, to) => fs.linkSync(from, to),
  unlink: (file) => fs.unlinkSync(file),
  mkdir: (directory, mode) => {
    fs.mkdirSync(directory, mode);
  },
  rename: (from, to) => fs.renameSync(from, to),
  lutimes: (file, accessed, modified) => fs.lutimesSync(file, accessed, modified),
  open: (file, flags, mode) => fs.openSync(file, flags, mode),
  close: (descriptor) => fs.closeSync(descriptor),
  fstatExact: (descriptor) => fs.fstatSync(descriptor, { bigint: true }),
  read: (descriptor, into, offset) => fs.readSync(descriptor, into, offset, into.length - offset, null),
  write: (descriptor, data, offset) => fs.writeSync(descriptor, data, offset, data.length - offset, null),
};

/** Whether calls may be direct at the moment. */
export class Pace {
  readonly #now: () => number;
  #type: { readonly syncsWrites: boolean } | undefined;
  #slowUntil = Number.NEGATIVE_INFINITY;
  #changesSlowUntil = Number.NEGATIVE_INFINITY;
  /** What a change of a directory takes (ms). */
  #changeMs = 0;
  /** The first direct call since the event loop had its turn. */
  #turnSince: number | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether a write to what was opened with O_SYNC is durable when it returns. */
  get syncsWrites(): boolean {
    return this.#type?.syncsWrites === true;
  }

  /** `type`: of the file system, from statfs(2); undefined where it does not mean what it means on Linux. */
  found(type: number | undefined): void {
    this.#type = type === undefined ? undefined : LOCAL_TYPES.get(type);
  }

  /** Makes the call: directly, and notes how long it took, or by a thread. `changes`: it changes a directory. */
  make<Arguments extends unknown[], Result>(
    changes: boolean,
    { direct, threaded }: BothWays<Arguments, Result>,
    args: Arguments,
  ): Result | Promise<Result> {
    const start = this.#start(changes);
    if (start === undefined) return threaded(...args);
    try {
      return direct(...args);
    } finally {
      const took = this.#took(start);
      if (changes) this.#noteChange(took);
    }
  }

  /** The time; undefined: not now, so a thread should. */
  #start(changes: boolean): number | undefined {
    if (this.#type === undefined) return undefined;
    const now = this.#now();
    if (now < this.#slowUntil || (changes && now < this.#changesSlowUntil)) return undefined;
    if (this.#turnSince === undefined) {
      this.#turnSince = now;
      setImmediate(() => {
        this.#turnSince = undefined;
      });
    }
    return now - this.#turnSince < TURN_MS ? now : undefined;
  }

  #took(start: number): number {
    const end = this.#now();
    const took = end - start;
    this.#slowUntil = took > SLOW_MS ? endOfSlow(end, took) : Number.NEGATIVE_INFINITY;
    return took;
  }

  #noteChange(took: number): void {
    this.#changeMs += (Math.min(took, COUNTED_MS) - this.#changeMs) / CHANGES;
    if (this.#changeMs <= SLOW_CHANGE_MS) return;
    this.#changeMs = 0;
    this.#changesSlowUntil = endOfSlow(this.#now(), took);
  }
}

function endOfSlow(now: number, took: number): number {
  return now + Math.max(SLOW_FOR_MS, SLOW_FOR_TIMES * took);
}

interface BothWays<Arguments extends unknown[], Result> {
  readonly direct: (...args: Arguments) => Result;
  readonly threaded: (...args: Arguments) => Promise<Result>;
}

export interface VolumeCalls extends FileCalls {
  /** Whether a write to what was opened with O_SYNC is durable when it returns. */
  readonly syncsWrites: boolean;
  /** Looks what file system it is. Until then, and when it cannot be looked at, every call is made by a thread. */
  look(): Promise<void>;
}

/** `pace`: for tests. */
export function volumeCalls(root: string, pace = new Pace()): VolumeCalls {
  const made =
    (changes: boolean) =>
    <Arguments extends unknown[], Result>(direct: (...args: Arguments) => Result, threaded: (...args: Arguments) => Promise<Result>) => {
      const ways = { direct, threaded };
      return (...args: Arguments): Result | Promise<Result> => pace.make(changes, ways, args);
    };
  const [looking, changing] = [made(false), made(true)];
  const read = looking(DIRECT.read, (...args) => files.read(...args));
  const open = looking(DIRECT.open, (...args) => files.open(...args));
  const create = changing(DIRECT.open, (...args) => files.open(...args));
  return {
    get syncsWrites() {
      return pace.syncsWrites;
    },
    statExact: looking(DIRECT.statExact, (...args) => files.statExact(...args)),
    lstat: looking(DIRECT.lstat, (...args) => files.lstat(...args)),
    lstatExact: looking(DIRECT.lstatExact, (...args) => files.lstatExact(...args)),
    link: changing(DIRECT.link, (...args) => files.link(...args)),
    unlink: changing(DIRECT.unlink, (...args) => files.unlink(...args)),
    mkdir: changing(DIRECT.mkdir, (...args) => files.mkdir(...args)),
    rename: changing(DIRECT.rename, (...args) => files.rename(...args)),
    lutimes: looking(DIRECT.lutimes, (...args) => files.lutimes(...args)),
    open: (file, flags, mode) => ((flags & fs.constants.O_CREAT) === 0 ? open : create)(file, flags, mode),
    close: looking(DIRECT.close, (...args) => files.close(...args)),
    fstatExact: looking(DIRECT.fstatExact, (...args) => files.fstatExact(...args)),
    read: (descriptor, into, offset) =>
      into.length - offset > DIRECT_BYTES ? files.read(descriptor, into, offset) : read(descriptor, into, offset),
    write: looking(DIRECT.write, (...args) => files.write(...args)),
    look: async () => pace.found(await typeOf(root)),
  };
}

/** Whether a file system of this type answers without another machine or process. */
export function isLocal(type: number | undefined): boolean {
  return type !== undefined && LOCAL_TYPES.has(type);
}

/** Of the file system of a directory; undefined where it cannot be told. */
export async function typeOf(root: string): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    return (await promises.statfs(root)).type;
  } catch {
    return undefined;
  }
}
