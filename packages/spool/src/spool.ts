/** The interfaces of the room. No code. */

import type { Sharing } from './sharing.js';

export interface FileModes {
  /** Octal mode of directories and files, set by chmod whatever the umask. */
  readonly directoryMode?: number | undefined;
  readonly fileMode?: number | undefined;
  /** Group of what is written. */
  readonly gid?: number | undefined;
}

/** What one pass over an outgoing queue saw; live while the pass goes on, whole when it has ended. */
export interface ScanStatistics {
  /** Elements that could be claimed (yielded). */
  readonly available: number;
  /** Elements under somebody's lock or claim. */
  readonly locked: number;
  /** Names that are no elements (dot-names, temporary files, directories; in a plain directory also strange ones in `.claimed/`), and files not yet stable. */
  readonly ignored: number;
  /** Time of the oldest available or locked element. */
  readonly oldest: Date | undefined;
}

export interface Scan {
  /** Some at a time, oldest first, in bounded memory, whatever the backlog. One reader. */
  readonly names: AsyncIterable<readonly string[]>;
  readonly statistics: ScanStatistics;
  /** What the file system has answered so far, portions and single looks: grows as long as the pass moves on, also where it finds no name. */
  readonly answers: number;
}

export interface OutgoingQueue {
  readonly path: string;
  /**
   * Claims, touches and removes a probe (SpoolError `permission-denied` names the uid or mode that is wrong), then frees the claims that
   * a dead predecessor of the same instance name left. Must be called first.
   */
  start(): Promise<{ readonly freed: number }>;
  /**
   * `read`: called when everything has been read, if that is before the last name (as in a dirq directory, which is sorted as a whole; never
   * in a plain directory), with what the statistics will be at the end.
   */
  scan(signal?: AbortSignal, read?: (all: ScanStatistics) => void): Scan;
  /** undefined: somebody else has it, it is gone, or it is still being written. */
  claim(name: string): Promise<Claim | undefined>;
  /** Frees others' claims past the lock age, removes stale temporary files and empty directories. */
  purge(): Promise<PurgeStatistics>;
  /** Quarantined elements now; of a huge quarantine what can be counted in a second. */
  quarantineDepth(): Promise<number>;
  /** Ends the heartbeat that tells others that this process lives. What is still claimed may then be freed by the next process. */
  close?(): Promise<void>;
}

export interface PurgeStatistics {
  readonly temporary: number;
  readonly locks: number;
  readonly directories: number;
}

export interface ReadResult {
  readonly body: Uint8Array;
  /** The same for every attempt to send this element, another when the same name is filled again. 64 hex digits at most. */
  readonly deliveryId: string;
}

/** An element that only this process may send. */
export interface Claim {
  /** `8hex/14hex`, or the file's name: the empa-id. */
  readonly name: string;
  /** Size (bytes) and mtime when it was claimed. */
  readonly size: number;
  readonly modified: Date;
  /** SpoolError: too-large (over limit bytes), not-regular, unreadable, changed-while-reading, claim-lost. */
  read(limit: number): Promise<ReadResult>;
  /** Keeps the lock young. SpoolError: claim-lost. */
  touch(): Promise<void>;
  /** Gives the element back, unsent. Idempotent. */
  release(): Promise<void>;
  /** The element was sent: durably gone. `replaced`: a writer put a new file at the same name meanwhile, which stays. */
  remove(): Promise<'removed' | 'replaced'>;
  /** Moves the element, unopened, to the quarantine queue with its reason; resolves to its name there. */
  quarantine(reason: QuarantineReason): Promise<string>;
}

export interface QuarantineReason {
  readonly code: string;
  readonly message: string;
  readonly at: Date;
}

/** An element of a dirq Normal queue: one file a key. */
export type QueueRecord = Readonly<Record<string, string | Uint8Array>>;

/** An element that is durable, but that no reader sees yet. */
export interface Staged {
  /** Relative to the queue's root: `.staging/INSTANCE/NAME`. */
  readonly path: string;
  readonly stagedAt: Date;
  discard(): Promise<void>;
}

export interface Usage {
  readonly elements: number;
  readonly bytes: number;
}

/** Incoming and reject: dirq Normal. */
export interface StagingQueue {
  readonly path: string;
  /**
   * Makes the directories; writes, fsyncs and removes a probe: can elements be stored? Also after trouble. SpoolError: permission-denied,
   * disk-full, read-only, path-missing.
   */
  start(): Promise<void>;
  /** Writes, fsyncs and removes a small file, once started. SpoolError: as start(). */
  probe(): Promise<void>;
  /** Durable when it resolves. SpoolError: disk-full, read-only, permission-denied, io-error. */
  stage(record: QueueRecord): Promise<Staged>;
  /**
   * Makes a staged element visible, ours or another process's, by its path: `stored` now, or `done` (somebody did it). Either way the
   * rename is durable when it resolves. Idempotent.
   */
  commit(stagedPath: string): Promise<{ readonly outcome: 'stored' | 'done'; readonly name: string | undefined }>;
  /** Paths of all that is staged there, ours and other processes'. */
  staged(): Promise<Set<string>>;
  /** Whether the element of this path, ours or another process's, is still staged. */
  isStaged(stagedPath: string): Promise<boolean>;
  /** Throws a staged element away, ours or another process's. Idempotent. */
  discard(stagedPath: string): Promise<void>;
  /** Free bytes on the file system for us. */
  freeBytes(): Promise<number>;
  /** Inodes that are free on the file system; Infinity where it does not count them. */
  freeFiles(): Promise<number>;
  /** Elements by name alone; gives up (`complete: false`) after this many milliseconds. */
  depth(timeLimitMs: number): Promise<{ readonly elements: number; readonly complete: boolean; readonly oldest: Date | undefined }>;
  /** Elements and the bytes of their files: looks at each, and tells of each. Rejects with the reason of the signal when that is aborted. */
  usage(signal: AbortSignal, looked?: () => void): Promise<Usage>;
  /**
   * Removes what dead processes left in staging: only elements for which isRecorded() says no, and which are older than 24 h by our clock and
   * by that of the volume. Resolves to their number.
   */
  cleanStaging(isRecorded: (stagedPath: string) => Promise<boolean>, now: Date): Promise<number>;
}

/** The memory of what was delivered: write-ahead, create-if-absent, right for several processes on one volume. */
export interface DeliveryRecord {
  /** Idempotent; looks at everything that claim() needs, so that it also tells whether trouble is over. */
  start(signal?: AbortSignal): Promise<void>;
  /** Writes, fsyncs, links and removes a small file here, once started: could a claim be written? Throws the SpoolError that it would meet. */
  probe(): Promise<void>;
  /**
   * `mine`: nobody had this id, and it is durably recorded with stagedPath. Otherwise what was recorded first: drop your own copy and
   * commit() the recorded one. SpoolError: disk-full, read-only, permission-denied, io-error, record-corrupt, record-newer, stage-too-slow;
   * with a shared record also those of {@link Sharing}. After each of these but stage-too-slow the element may be recorded all the same:
   * leave it staged; a later claim or cleanStaging() finds it.
   */
  claim(id: string, stagedPath: string): Promise<RecordClaim>;
  /** Has this volume a record of the id? Then a claim will find it. Changes nothing. SpoolError: io-error and the like. */
  knows(id: string): Promise<boolean>;
  /** The broker confirmed the acknowledgement: the window starts now. Never the cause of a lost message. */
  confirm(id: string): Promise<void>;
  /**
   * Every recorded element whose acknowledgement is not confirmed yet; recovery commits those still staged. (What was confirmed had been
   * stored before, so a start never reads the whole window.) SpoolError: record-corrupt, record-newer.
   */
  entries(signal?: AbortSignal): AsyncIterable<{ readonly id: string; readonly stagedPath: string; readonly recordedAt: Date }>;
  /**
   * Forgets ids confirmed longer ago than windowMs; resolves to their number. Looks at every record, so `share` of the time may be all that it
   * takes (default: 1, all); the next call goes on where one was aborted.
   */
  expire(windowMs: number, now: Date, signal?: AbortSignal, share?: number): Promise<number>;
  /** Only where several volumes share a record: what is asked and told beside the claims. */
  readonly sharing?: Sharing;
}

export type RecordClaim =
  | { readonly outcome: 'mine' }
  | { readonly outcome: 'theirs'; readonly stagedPath: string; readonly recordedAt: Date }
  /** Shared records only. It was stored, by `volume`: drop your own copy and what this volume has staged at stagedPath; never commit them. */
  | { readonly outcome: 'stored'; readonly stagedPath: string; readonly recordedAt: Date; readonly volume: string }
  /** Shared records only. Another volume has it half-way: neither commit nor acknowledge it, and claim again with the same path. */
  | { readonly outcome: 'held'; readonly recordedAt: Date; readonly volume: string };
