/** What callers choose. No code. */

import type { FileModes } from './spool.js';

export interface OutgoingOptions {
  /** Must exist: a missing volume is an error, never an empty queue. */
  readonly path: string;
  readonly layout: 'dirq' | 'directory';
  /** Names this sender over restarts: its claims are freed by its successor at once. */
  readonly instance: string;
  /** Default PATH/.quarantine, always on the same file system. */
  readonly quarantinePath?: string;
  /** Others' locks are freed after so long. Default 600 s. */
  readonly lockAgeMs?: number;
  /** Plain directory: taken when nothing about a file has changed for so long. Default 2 s. */
  readonly stabilityMs?: number;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export interface StagingOptions {
  /** Made when only its last part is missing. */
  readonly path: string;
  /** Unique to one start of one process. */
  readonly instance: string;
  /** Elements in a directory before a new one is begun. Default 16,000. */
  readonly directorySize?: number;
  readonly modes?: FileModes;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export interface RecordOptions {
  /** A directory on the file system of incoming; made when only its last part is missing. */
  readonly path: string;
  readonly modes?: FileModes;
  readonly now?: () => Date;
}

/** Called at named points, so that a test can kill the process there. Only tests give one. */
export type Checkpoint = (point: string) => void | Promise<void>;

export const noCheckpoint: Checkpoint = () => undefined;
